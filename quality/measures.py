"""What a metric is: a named, pure function over counts that gives a value and over how many people. The registries of both."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.utils.translation import gettext

from waitlist.models import Launch

WINDOW = timedelta(days=28)  # how far a metric looks back, unless its sentence says otherwise
Better = Literal["lower", "higher"]
Unit = Literal["share", "per 100", "seconds", "score"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value (None where there is nothing to say) and over how many it is."""

    value: float | None
    sample: int


NOBODY = Measured(None, 0)
Formula = Callable[[Any], Measured]
Count = Callable[[Launch, datetime], Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the registry. Its name is the word in gates, readings, the API and the docs."""

    name: str
    reason: str  # what it says, in a sentence
    formula: Formula
    counts: type  # what the formula reads, counted by the function that is registered for this type
    better: Better
    unit: Unit
    from_events: bool  # it rests on what the product reports, and is as fresh as the newest report

    @property
    def title(self) -> str:
        """Its name as people read it."""
        return titled(self.name)


def titled(name: str) -> str:
    """The name of a metric as people read it, in their language; the names are listed in templates/quality/reasons.txt."""
    words = gettext(name.replace("_", " "))
    return words[:1].upper() + words[1:]


METRICS: dict[str, Metric] = {}
COUNTERS: dict[type, Count] = {}


def metric(
    counts: type, *, better: Better, unit: Unit = "share", from_events: bool = False
) -> Callable[[Formula], Formula]:
    """Decorator: this function is a metric. Its name is its identity, its docstring the sentence that people read."""

    def register(formula: Formula) -> Formula:
        name, reason = formula.__name__, (formula.__doc__ or "").strip()
        METRICS[name] = Metric(name, reason, formula, counts, better, unit, from_events)
        return formula

    return register


def counter(counts: type) -> Callable[[Count], Count]:
    """Decorator: this function counts, for a launch at a moment, what metrics over this type read."""

    def register(count: Count) -> Count:
        COUNTERS[counts] = count
        return count

    return register


def share(part: int, whole: int) -> Measured:
    """The part of the whole, 0 to 1; nothing to say of nobody."""
    return Measured(round(part / whole, 4) if whole else None, whole)


def computed(counted: Iterable[Any]) -> dict[str, Measured]:
    """Every metric over these counts, one of each type."""
    found = {type(one): one for one in counted}
    return {name: one.formula(found[one.counts]) for name, one in METRICS.items()}
