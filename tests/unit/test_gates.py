"""What a gate decides: every combination of what was measured, how old it is, and how the gate stood."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from quality import gates, replay
from quality.gates import Verdict, decide, lie_apart, look
from quality.models import Decision, Gate, Override, Reading

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)
OPEN, SHUT = True, False


def gate(better: str = "lower") -> Gate:
    """Closes at 10 % and opens again at 8 % where lower is better; where higher is, at 40 % and 50 %."""
    closes_at, opens_at = (0.10, 0.08) if better == "lower" else (0.40, 0.50)
    return Gate(closes_at=closes_at, opens_at=opens_at, min_sample=30, max_age_hours=24)


def reading(
    value: float | None, sample: int = 100, told: timedelta | None = timedelta(0), made: timedelta = timedelta(0)
) -> Reading:
    """A reading made and resting on news so long ago; None where nothing was told."""
    return Reading(value=value, sample=sample, newest_at=None if told is None else NOW - told, at=NOW - made)


@pytest.mark.parametrize("before", [OPEN, SHUT])
@pytest.mark.parametrize(
    ("better", "value", "verdict"),
    [
        ("lower", 0.00, (OPEN, "healthy")),
        ("lower", 0.08, (OPEN, "healthy")),
        ("lower", 0.09, (None, "recovering")),
        ("lower", 0.10, (SHUT, "bad")),
        ("lower", 1.00, (SHUT, "bad")),
        ("higher", 1.00, (OPEN, "healthy")),
        ("higher", 0.50, (OPEN, "healthy")),
        ("higher", 0.45, (None, "recovering")),
        ("higher", 0.40, (SHUT, "bad")),
        ("higher", 0.00, (SHUT, "bad")),
    ],
)
def test_the_value_decides_and_between_the_thresholds_how_it_stood(
    better: str, value: float, verdict: tuple[bool | None, str], before: bool
) -> None:
    is_open = before if verdict[0] is None else verdict[0]
    assert decide(gate(better), reading(value), before, NOW, better) == Verdict(is_open, verdict[1])


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (None, "missing"),
        (reading(None), "missing"),
        (reading(float("nan")), "missing"),
        (reading(float("inf")), "missing"),
        (reading(float("-inf")), "missing"),
        (reading(0.0, told=None), "missing"),
        (reading(0.0, told=DAY), "healthy"),
        (reading(0.0, told=DAY + SECOND), "stale"),
        (reading(0.0, made=DAY + SECOND), "stale"),
        (reading(0.0, told=-DAY * 30, made=DAY + SECOND), "stale"),
        (reading(0.0, sample=30), "healthy"),
        (reading(0.0, sample=29), "thin"),
        (reading(0.0, sample=0), "thin"),
        (reading(1.0, sample=0, told=DAY * 2), "stale"),
        (reading(1.0, sample=0), "thin"),
    ],
)
@pytest.mark.parametrize("before", [OPEN, SHUT])
def test_what_is_missing_stale_invalid_or_thin_closes_however_it_stood(
    read: Reading | None, why: str, before: bool
) -> None:
    assert decide(gate(), read, before, NOW, "lower") == Verdict(why == "healthy", why)


def override(left: timedelta, *, ended: bool = False) -> Override:
    return Override(until=NOW + left, ended_at=NOW - SECOND if ended else None)


DECISIONS = {
    "none": None,
    "open": Decision(is_open=True, why="healthy", newest_at=NOW, at=NOW),
    "shut": Decision(is_open=False, why="bad", newest_at=NOW, at=NOW),
    "at the edge": Decision(is_open=True, why="healthy", newest_at=NOW - DAY, at=NOW),
    "on old news": Decision(is_open=True, why="healthy", newest_at=NOW - DAY - SECOND, at=NOW),
    "long ago": Decision(is_open=True, why="healthy", newest_at=NOW, at=NOW - DAY - SECOND),
    "on nothing": Decision(is_open=True, why="healthy", newest_at=None, at=NOW),
}
AT_THE_GRANT = {
    "none": Verdict(False, "missing"),
    "open": Verdict(True, "healthy"),
    "shut": Verdict(False, "bad"),
    "at the edge": Verdict(True, "healthy"),
    "on old news": Verdict(False, "stale"),
    "long ago": Verdict(False, "stale"),
    "on nothing": Verdict(False, "missing"),
}
OVERRIDES = {
    "none": (None, False),
    "in force": (override(SECOND), True),
    "over": (override(timedelta(0)), False),
    "ended": (override(DAY, ended=True), False),
}


@pytest.mark.parametrize(("decided", "overridden"), list(product(DECISIONS, OVERRIDES)))
def test_at_the_grant_the_age_of_a_decision_counts_and_an_override_before_all(decided: str, overridden: str) -> None:
    by_hand, in_force = OVERRIDES[overridden]
    expected = Verdict(True, "overridden") if in_force else AT_THE_GRANT[decided]
    assert look(gate(), DECISIONS[decided], by_hand, NOW) == expected


@pytest.mark.parametrize(
    ("better", "closes_at", "opens_at", "apart"),
    [
        ("lower", 0.10, 0.08, True),
        ("lower", 0.08, 0.10, False),
        ("lower", 0.10, 0.10, False),
        ("higher", 0.40, 0.50, True),
        ("higher", 0.50, 0.40, False),
        ("higher", float("nan"), 0.50, False),
        ("higher", 0.40, float("inf"), False),
    ],
)
def test_a_gate_opens_at_a_better_value_than_it_closes_at(
    better: str, closes_at: float, opens_at: float, apart: bool
) -> None:
    assert lie_apart(closes_at, opens_at, better) is apart


def test_every_reason_has_words() -> None:
    decided = {"healthy", "recovering", "bad", "missing", "stale", "thin", "overridden"}
    assert set(gates.WHYS) == decided


def test_a_gate_does_not_flutter_between_its_thresholds() -> None:
    stood, seen = True, []
    for value in (0.05, 0.09, 0.11, 0.09, 0.085, 0.07, 0.09):
        stood = decide(gate(), reading(value), stood, NOW, "lower").is_open
        seen.append(stood)
    assert seen == [True, True, False, False, False, True, True]


def hours_ago(hours: int, value: float) -> Reading:
    return reading(value, told=timedelta(hours=hours), made=timedelta(hours=hours))


def test_a_replay_decides_as_the_gate_would_have_and_old_news_end_it() -> None:
    kept = [hours_ago(60, 0.05), hours_ago(58, 0.20), hours_ago(30, 0.05)]
    found = replay.spans(gate(), kept, NOW - timedelta(hours=72), NOW, "lower")
    told = [((one.ended - one.began).total_seconds() / 3600, one.verdict.why) for one in found]
    assert told == [(12, "missing"), (2, "healthy"), (24, "bad"), (4, "stale"), (24, "healthy"), (6, "stale")]


def test_a_replay_of_nothing_is_closed_throughout() -> None:
    found = replay.spans(gate(), [], NOW - DAY, NOW, "lower")
    assert [(one.ended - one.began, one.verdict) for one in found] == [(DAY, Verdict(False, "missing"))]


def test_a_replayed_day_is_the_launchs_local_date_also_of_25_hours() -> None:
    began = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin, whose clocks go back this night
    found = replay.spans(gate(), [], began, began + timedelta(hours=26), "lower")
    days = replay.by_day(found, "Europe/Berlin")
    assert [(day.date.isoformat(), day.hours, day.closed_hours) for day in days] == [
        ("2026-10-25", 25, 25),
        ("2026-10-26", 1, 1),
    ]
