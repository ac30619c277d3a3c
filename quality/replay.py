"""What a gate would have decided: its decide() over the readings of a stretch of time. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from quality import gates
from quality.gates import Verdict
from quality.models import Gate, Reading


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which a gate would have decided the same."""

    began: datetime
    ended: datetime
    verdict: Verdict
    value: float | None = None


@dataclass(frozen=True, slots=True)
class ReplayedDay:
    """One local date of a replay: how many of its hours the gate would have been closed, why, and the worst it read."""

    date: date
    hours: float
    closed_hours: float
    whys: tuple[str, ...]
    low: float | None
    high: float | None


def spans(gate: Gate, readings: Sequence[Reading], begin: datetime, end: datetime, better: str) -> list[Span]:
    """The replay, from readings in the order of time.

    A reading counts until the next one, and no longer than the gate's greatest age; before the first there was nothing.
    """
    return list(_spans(gate, readings, begin, end, better))


def _spans(gate: Gate, readings: Sequence[Reading], begin: datetime, end: datetime, better: str) -> Iterator[Span]:
    first = readings[0].at if readings else end
    if begin < first:
        yield Span(begin, first, Verdict(False, "missing"))
    is_open = False
    for reading, until in zip(readings, [*(later.at for later in readings[1:]), end], strict=False):
        verdict = gates.decide(gate, reading, is_open, reading.at, better)
        is_open = verdict.is_open
        old_at = min(until, old_from(gate, reading))
        if reading.at < old_at:
            yield Span(reading.at, old_at, verdict, reading.value)
        if old_at < until:
            yield Span(old_at, until, Verdict(False, "stale"), reading.value)


def old_from(gate: Gate, reading: Reading) -> datetime:
    """From when on the reading is too old to count; one that was old when it was made never does."""
    told_at = gates.rests_on(reading) or reading.at
    return max(reading.at, told_at + timedelta(hours=gate.max_age_hours))


def by_day(spans: Sequence[Span], time_zone: str) -> list[ReplayedDay]:
    """The replay, a row for each local date."""
    zone = ZoneInfo(time_zone)
    parts = [part for span in spans for part in _at_midnights(span, zone)]
    dates = sorted({part.began.astimezone(zone).date() for part in parts})
    return [_day(day, [part for part in parts if part.began.astimezone(zone).date() == day]) for day in dates]


def _at_midnights(span: Span, zone: ZoneInfo) -> Iterator[Span]:
    began = span.began
    while began < span.ended:
        tomorrow = began.astimezone(zone).date() + timedelta(days=1)
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(began.tzinfo)
        ended = min(span.ended, midnight)
        yield Span(began, ended, span.verdict, span.value)
        began = ended


def _day(day: date, parts: Sequence[Span]) -> ReplayedDay:
    values = [part.value for part in parts if part.value is not None]
    closed = [part for part in parts if not part.verdict.is_open]
    return ReplayedDay(
        day,
        _hours(parts),
        _hours(closed),
        tuple(dict.fromkeys(part.verdict.why for part in closed)),
        min(values, default=None),
        max(values, default=None),
    )


def _hours(parts: Sequence[Span]) -> float:
    return sum((part.ended - part.began).total_seconds() for part in parts) / 3600
