"""How long somebody waits after wrong codes: one table, from when the codes came and what time it is."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invites.cooling import CROWD, LOOK_BACK, RUN, wait_ends

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def seconds_left(times: list[datetime], now: datetime, run: int = RUN) -> int:
    """How long they still have to wait; 0 when they need not."""
    end = wait_ends(times, run)
    return max(0, math.ceil((end - now).total_seconds())) if end else 0


def at(*minutes: float) -> list[datetime]:
    """These minutes after noon."""
    return [NOON + timedelta(minutes=minute) for minute in minutes]


def run_at(minute: float, count: int = RUN) -> list[datetime]:
    """So many wrong codes in that one moment."""
    return at(*[minute] * count)


TABLE = [
    # what happened, the wrong codes, minutes after noon now, minutes left
    ("nobody tried anything", [], 0, 0),
    ("one slip less than a run", run_at(0, RUN - 1), 0, 0),
    ("a run", run_at(0), 0, 10),
    ("a run, a while ago", run_at(0), 9.5, 0.5),
    ("a run whose wait is over", run_at(0), 10, 0),
    ("ten in ten minutes exactly", at(0, 1, 2, 3, 4, 5, 6, 7, 8, 10), 10, 10),
    ("ten in a little more", at(0, 1, 2, 3, 4, 5, 6, 7, 8, 10.1), 10.1, 0),
    ("the last ten count, whatever came before", at(-30, -20) + run_at(0), 0, 10),
    ("codes tried while one waits make it no longer", run_at(0) + run_at(5), 5, 5),
    ("nor do they count for the next", run_at(0) + run_at(5, RUN - 1) + at(11), 11, 0),
    ("a second run", run_at(0) + run_at(15), 15, 20),
    ("a third run", run_at(0) + run_at(15) + run_at(40), 40, 30),
    ("a fourth run is like the third", run_at(0) + run_at(15) + run_at(40) + run_at(75), 75, 30),
    ("an hour later it is forgiven", run_at(0) + run_at(70.1), 70.1, 10),
    ("just within the hour it is not", run_at(0) + run_at(70), 70, 20),
]


@pytest.mark.parametrize(("times", "now", "left"), [row[1:] for row in TABLE], ids=[str(row[0]) for row in TABLE])
def test_the_wait_follows_from_the_times(times: list[datetime], now: float, left: float) -> None:
    assert seconds_left(times, NOON + timedelta(minutes=now)) == left * 60


def test_a_crowd_may_mistype_more() -> None:
    assert seconds_left(run_at(0, CROWD - 1), NOON, CROWD) == 0
    assert seconds_left(run_at(0, CROWD), NOON, CROWD) == 600


@given(st.lists(st.integers(min_value=0, max_value=180), max_size=120))
def test_nobody_waits_longer_than_half_an_hour(minutes: list[int]) -> None:
    times = at(*sorted(minutes))
    assert 0 <= seconds_left(times, times[-1] if times else NOON) <= 1800


@given(st.lists(st.integers(min_value=0, max_value=60), max_size=30))
def test_what_is_older_than_the_look_back_changes_the_wait_no_more(minutes: list[int]) -> None:
    older = [moment - LOOK_BACK - timedelta(hours=1) for moment in at(*sorted(minutes))]
    assert wait_ends([*older, *run_at(0)]) == wait_ends(run_at(0))
