"""Shares and their differences, with how far they may be off: what two scoring tables, or the answers of a batch, can say
for certain. Pure.

Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), for one share; Newcombe,
"Interval estimation for the difference between independent proportions", Statistics in Medicine 17 (1998), method 10, for
the difference of two. Both hold for small counts and for shares of 0 and 1, where the textbook's formula does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

Z = 1.959964  # the standard normal's 97.5 %: intervals of 95 %
LOWEST, HIGHEST = 1, 5  # of an answer
OUTCOMES = ("registered", "activated", "churned")


@dataclass(frozen=True, slots=True)
class Interval:
    """A number, and between which two it lies in 95 of 100 such looks."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: float
    of: int


def wilson(share: Share) -> Interval | None:
    """The share with its interval; None of nobody."""
    if not share.of:
        return None
    n, p = share.of, share.hits / share.of
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half))


def difference(a: Share, b: Share) -> Interval | None:
    """By how much the share of B is above that of A, with its interval; None where one of them is of nobody."""
    of_a, of_b = wilson(a), wilson(b)
    if of_a is None or of_b is None:
        return None
    low = sqrt((of_b.value - of_b.low) ** 2 + (of_a.high - of_a.value) ** 2)
    high = sqrt((of_b.high - of_b.value) ** 2 + (of_a.value - of_a.low) ** 2)
    value = of_b.value - of_a.value
    return Interval(value, value - low, value + high)


def verdict(found: Interval | None) -> str:
    """What a difference lets one say: "empty", "open" (it may as well be none), "higher" or "lower" (B than A)."""
    if found is None:
        return "empty"
    if found.low > 0:
        return "higher"
    return "lower" if found.high < 0 else "open"


def mean_of(counts: Mapping[int, int]) -> Interval | None:
    """The mean of answers from 1 to 5, with its interval; None of no answers.

    The answers are read as a share of the way from 1 to 5. No answers with that mean vary more than a share does, so
    Wilson's interval is on the safe side, and it has a width where all answers are alike.
    """
    n = sum(counts.values())
    way = sum((score - LOWEST) * times for score, times in counts.items()) / (HIGHEST - LOWEST)
    found = wilson(Share(way, n))
    if found is None:
        return None
    value, low, high = (LOWEST + (HIGHEST - LOWEST) * at for at in (found.value, found.low, found.high))
    return Interval(value, low, high)
