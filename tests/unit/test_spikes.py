"""What is out of the ordinary, and what is not: truth tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import spikes

QUIET, DAYS = [0] * 72, ([0] * 12 + [40] * 12) * 3


@pytest.mark.parametrize(
    ("newest", "past", "floor", "spike"),
    [
        (5, QUIET, 30, False),  # a quiet launch's first burst
        (29, QUIET, 30, False),
        (30, QUIET, 30, True),
        (50, [0] * 5, 30, False),  # nothing is usual yet
        (50, [0] * 6, 30, True),
        (50, [50] * 72, 30, False),  # as ever
        (60, [50] * 72, 30, False),  # by chance
        (85, [50] * 72, 30, False),
        (86, [50] * 72, 30, True),
        (120, [100] * 72, 30, False),
        (151, [100] * 72, 30, True),
        (45, DAYS, 30, False),  # every day is like that
        (400, DAYS, 30, True),
        (60, [10] * 36 + [30] * 36, 30, False),  # strays by itself
        (108, [10] * 36 + [30] * 36, 30, False),
        (109, [10] * 36 + [30] * 36, 30, True),
        (60, [10] * 70 + [1000, 2000], 30, True),  # two bad hours move nothing
        (60, [], 30, False),
    ],
)
def test_an_hour_is_a_spike_against_its_own_past(newest: int, past: list[int], floor: int, spike: bool) -> None:
    assert spikes.is_spike(newest, past, floor) == spike


@given(st.lists(st.integers(0, 500), min_size=6, max_size=72), st.integers(0, 5000))
def test_more_is_never_less_of_a_spike(past: list[int], newest: int) -> None:
    assert spikes.is_spike(newest, past, 30) <= spikes.is_spike(newest + 1, past, 30)


@given(st.lists(st.integers(0, 500), min_size=6, max_size=72))
def test_what_is_usual_is_no_spike(past: list[int]) -> None:
    assert not spikes.is_spike(sorted(past)[len(past) // 2], past, 0)


@pytest.mark.parametrize(
    ("latest", "earlier", "fallen"),
    [
        (0.6, [0.6] * 5, False),
        (0.5, [0.6] * 5, False),
        (0.43, [0.6] * 5, False),
        (0.42, [0.6] * 5, True),
        (0.1, [0.6] * 4, False),  # too few readings
        (0.1, [], False),
        (0.02, [0.05] * 9, False),  # three points of a hundred are nothing
        (0.0, [0.05] * 9, True),
        (0.4, [0.6, 0.6, 0.6, 0.1, 0.1], True),
        (0.9, [0.6] * 5, False),
        (0.0, [0.0] * 5, False),
    ],
)
def test_a_rate_has_fallen_against_its_own_past(latest: float, earlier: list[float], fallen: bool) -> None:
    assert spikes.has_fallen(latest, earlier) == fallen


@pytest.mark.parametrize(
    ("here", "everybody", "here_before", "everybody_before", "unusual"),
    [
        (40, 100, 0, 1000, True),
        (19, 40, 0, 1000, False),  # too few
        (40, 300, 0, 1000, False),  # a small share
        (40, 100, 0, 99, False),  # nothing is usual yet
        (40, 100, 300, 1000, False),  # as ever
        (40, 100, 80, 1000, True),  # fivefold
        (40, 100, 81, 1000, False),
        (0, 0, 0, 0, False),
    ],
)
def test_a_country_is_unusual(
    here: int, everybody: int, here_before: int, everybody_before: int, unusual: bool
) -> None:
    assert spikes.is_unusual(here, everybody, here_before, everybody_before, 20) == unusual


@pytest.mark.parametrize(
    ("granted", "planned", "quota", "day_gone", "early"),
    [
        (100, 0, 100, 0.3, True),
        (100, 0, 100, 0.5, False),  # the day is half gone
        (99, 0, 100, 0.3, False),  # there is room
        (100, 100, 100, 0.4, False),  # the day's own batch
        (100, 51, 100, 0.4, False),
        (100, 50, 100, 0.4, True),
        (0, 0, 0, 0.1, False),  # nobody is to be let in
        (120, 0, 100, 0.1, True),
    ],
)
def test_a_quota_is_used_up_early(granted: int, planned: int, quota: int, day_gone: float, early: bool) -> None:
    assert spikes.is_early(granted, planned, quota, day_gone) == early
