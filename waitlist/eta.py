"""How long the wait is, honestly: an interval from the pace of the last days, and words for it. Pure."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

WINDOW_DAYS = 14
RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """People let in per calendar day: the middle guess, and a slow one that nine of ten resamples reach."""

    middle: float
    slow: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Days until this position is reached: as likely sooner as later (p50), and nearly surely (p90)."""

    p50: float
    p90: float


def pace(grants: Sequence[int], quota: int, days_per_week: int = 7) -> Pace | None:
    """The pace from what each release day granted, capped by the quota; a launch without history runs at its quota.

    Bootstrap over days (Efron 1979): the median of resampled days, seeded so that the same data gives the same answer.
    """
    capped = [min(granted, quota) for granted in grants] or [quota]
    draw = random.Random(RESAMPLES)  # seeded: no secret, a repeatable resample
    medians = sorted(median(draw.choices(capped, k=len(capped))) for _n in range(RESAMPLES))
    share = days_per_week / 7
    middle, slow = median(capped) * share, medians[RESAMPLES // 10] * share
    if middle <= 0:
        return None
    return Pace(middle, slow or middle / 2)


def wait(position: int, pace_now: Pace | None) -> Wait | None:
    """The interval for a position; None while there is no pace to estimate from."""
    if pace_now is None:
        return None
    return Wait(round(position / pace_now.middle, 1), round(position / pace_now.slow, 1))


def words(estimate: Wait | None) -> str | None:
    """The interval in words ("2-3 weeks"), or None."""
    if estimate is None:
        return None
    if estimate.p90 <= 1:
        return _("a day")
    if estimate.p90 <= 10:
        return _span(_whole(estimate.p50), _whole(estimate.p90), _days)
    if estimate.p90 <= 70:
        return _span(_whole(estimate.p50 / 7), _whole(estimate.p90 / 7), _weeks)
    return _span(_whole(estimate.p50 / 30), _whole(estimate.p90 / 30), _months)


def _whole(amount: float) -> int:
    return max(1, -int(-amount // 1))  # rounded up: a wait is never promised too short


def _span(low: int, high: int, unit: Callable[[int], str]) -> str:
    amount = str(high) if low == high else f"{low}-{high}"
    return unit(high) % {"amount": amount}


def _days(count: int) -> str:
    return ngettext("%(amount)s day", "%(amount)s days", count)


def _weeks(count: int) -> str:
    return ngettext("%(amount)s week", "%(amount)s weeks", count)


def _months(count: int) -> str:
    return ngettext("%(amount)s month", "%(amount)s months", count)
