"""How long the wait is."""

import pytest

from waitlist import eta


def test_a_new_launch_runs_at_its_quota() -> None:
    assert eta.pace([], 100) == eta.Pace(100, 100)


def test_without_pace_there_is_no_estimate() -> None:
    assert eta.pace([], 0) is None
    assert eta.wait(7, None) is None
    assert eta.words(None) is None


def test_the_quota_caps_a_faster_past() -> None:
    assert eta.pace([500, 500, 500], 100) == eta.Pace(100, 100)


def test_uneven_days_widen_the_interval() -> None:
    wait = eta.wait(1000, eta.pace([10, 100, 100, 100, 10], 100))
    assert wait is not None
    assert wait.p50 == 10
    assert wait.p90 > wait.p50


def test_one_release_day_a_week_is_a_seventh_of_the_pace() -> None:
    assert eta.wait(100, eta.pace([], 100, 1)) == eta.Wait(7.0, 7.0)


def test_the_same_days_give_the_same_answer() -> None:
    assert eta.pace([3, 90, 17, 40], 100) == eta.pace([3, 90, 17, 40], 100)


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        ((0.1, 0.5), "a day"),
        ((2, 2), "2 days"),
        ((2, 5), "2-5 days"),
        ((14, 20), "2-3 weeks"),
        ((14, 14), "2 weeks"),
        ((90, 200), "3-7 months"),
    ],
)
def test_it_is_said_in_words(wait: tuple[float, float], words: str) -> None:
    assert eta.words(eta.Wait(*wait)) == words
