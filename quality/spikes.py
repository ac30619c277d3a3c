"""Whether a number is out of the ordinary: against its own past, never against a fixed idea of what is much. Pure functions.

What is usual is the median, and how far it strays the median absolute deviation (MAD): one bad hour in the past moves
neither (Hampel's identifier). Counts also stray by chance alone, by about the square root of what is expected (Poisson).
"""

from collections.abc import Sequence
from math import sqrt
from statistics import median

LEAST_PAST = 6  # hours; before that nothing is usual yet
STRAYS = 6.0  # times the usual straying is no straying any more
CHANCE = 5.0  # times the square root is no chance any more: once in three million hours
TO_SIGMA = 1.4826  # makes a MAD comparable with a standard deviation

LEAST_READINGS, FALL, LEAST_FALL = 5, 0.3, 0.05
SHARE, GROWTH, RARE, KNOWN = 0.2, 5.0, 0.01, 100


def bound(past: Sequence[int]) -> float:
    """Above this, an hour's count is out of the ordinary for these past hours."""
    usual = median(past)
    straying = TO_SIGMA * median(abs(count - usual) for count in past)
    return usual + max(STRAYS * straying, CHANCE * sqrt(max(usual, 1)))


def is_spike(newest: int, past: Sequence[int], floor: int) -> bool:
    """Whether the newest hour is a spike. Fewer than `floor` never are, nor is anything without a past to compare with."""
    return newest >= floor and len(past) >= LEAST_PAST and newest > bound(past)


def has_fallen(latest: float, earlier: Sequence[float]) -> bool:
    """Whether a rate (0..1) lies under its earlier readings' median by three tenths of it, and by five points at least."""
    if len(earlier) < LEAST_READINGS:
        return False
    usual = median(earlier)
    return usual - latest >= max(LEAST_FALL, FALL * usual)


def is_unusual(here: int, everybody: int, here_before: int, everybody_before: int, floor: int) -> bool:
    """Whether a country's share of the last day is new: a fifth of everybody, and five times what it was before.

    A country hardly seen before counts as one in a hundred; with fewer than a hundred people before nothing is usual yet.
    """
    if here < floor or everybody_before < KNOWN:
        return False
    share, before = here / everybody, here_before / everybody_before
    return share >= SHARE and share >= GROWTH * max(before, RARE)


def is_early(granted: int, planned: int, quota: int, day_gone: float) -> bool:
    """Whether the day's quota was used up in the first half of the local day, and most of it not by the day's own batch.

    `planned` is what the scheduled batches let in: they may use the whole quota in the morning, that is their purpose.
    """
    return 0 < quota <= granted and day_gone < 0.5 and (granted - planned) * 2 >= quota
