"""Which milestones a number of qualified friends pays. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """So many qualified friends pay this."""

    count: int
    kind: str = "codes"
    amount: int = 3
    tier: str = ""


# What a launch pays whose owner set nothing else.
DEFAULTS: tuple[Step, ...] = tuple(Step(count) for count in (3, 5, 10, 25, 50))


def due(count: int, paid: Collection[int], table: Iterable[Step] = DEFAULTS) -> list[Step]:
    """The steps that the count has reached and that were never paid before, lowest first.

    Every one of them: two friends who come in the same instant skip none, and one that was paid stays paid when the
    count falls and crosses it again.
    """
    return sorted(step for step in table if step.count <= count and step.count not in paid)
