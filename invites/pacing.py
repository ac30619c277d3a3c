"""How many may be let in at once, and who of those who wait: the pace where a gate is on, and the shares of a batch. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Why a batch begins, grows, shrinks or waits, for people; the row keeps the word.
WHYS: dict[str, Promise] = {
    "first": _("Nothing has been paced yet: it begins small."),
    "healthy": _("The last batch had its bake time and every gate stayed open: one step more."),
    "reopened": _("A gate was closed since the last batch and is open again: half of it."),
    "gate_closed": _("A gate is closed: nobody is invited until it opens."),
    "baking": _("The last batch still has its bake time: wait and see what those people do."),
    "under_way": _("A batch is still under way or paused: finish or cancel it first."),
}


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the batches before. `size` is what the last paced batch really let in, 0 where there was none."""

    size: int = 0
    last_date: date | None = None  # the local date of the newest batch that let anybody in, whoever asked for it
    under_way: bool = False  # a paced batch that is neither released nor cancelled
    closed_since: bool = False  # a gate decided to be closed since the last paced batch began


@dataclass(frozen=True, slots=True)
class Pace:
    """The step, how many people, and the word of WHYS that says why."""

    step: str
    size: int
    why: str


@dataclass(frozen=True, slots=True)
class Tempo:
    """What the owner set: people a step, local dates between two batches, and the day's quota."""

    pace_step: int
    bake_days: int
    daily_quota: int


def pace(tempo: Tempo, past: Past, *, gates_open: bool, today: date) -> Pace:
    """How large the next batch may be. Bake time counts in the launch's local dates, one at least between two batches."""
    if not gates_open:
        return Pace("wait", 0, "gate_closed")
    if past.under_way:
        return Pace("wait", 0, "under_way")
    if not past.size or past.last_date is None:
        return Pace("begin", min(tempo.pace_step, tempo.daily_quota), "first")
    if (today - past.last_date).days < max(1, tempo.bake_days):
        return Pace("wait", 0, "baking")
    if past.closed_since:
        return Pace("shrink", min(max(1, past.size // 2), tempo.daily_quota), "reopened")
    return Pace("grow", min(past.size + tempo.pace_step, tempo.daily_quota), "healthy")


@dataclass(frozen=True, slots=True)
class Places:
    """How many places of a batch go to whom."""

    first: int
    lottery: int
    top: int


def places(count: int, share_first: int, share_lottery: int) -> Places:
    """The places by largest remainder, so that they add up; of equal remainders the top score's goes first, then who came first.

    Shares are whole percents: a full chunk of 2,000 has no remainder, so what is exact in each chunk is exact in the batch.
    """
    shares = (100 - share_first - share_lottery, share_first, share_lottery)
    whole = [count * share // 100 for share in shares]
    by_remainder = sorted(range(3), key=lambda one: (-(count * shares[one] % 100), one))
    for one in by_remainder[: count - sum(whole)]:
        whole[one] += 1
    return Places(first=whole[1], lottery=whole[2], top=whole[0])


def lot(seed: str, entry_id: int) -> bytes:
    """What an entry drew in the lottery of a batch: the lowest win. The same as in waitlist/hot.py, to draw again by hand."""
    return hashlib.sha256(f"{seed}:{entry_id}".encode()).digest()


def draw(seed: str, entry_ids: Iterable[int]) -> list[int]:
    """The entries in the order of their lots, best first."""
    return sorted(entry_ids, key=lambda entry_id: lot(seed, entry_id))


def passed_over(seed: str, winners: Iterable[int], losers: Iterable[int]) -> list[int]:
    """Who drew a better lot than the last of the winners and did not win; nobody, when the draw was right."""
    last = max((lot(seed, entry_id) for entry_id in winners), default=b"")
    return [entry_id for entry_id in draw(seed, losers) if lot(seed, entry_id) < last]
