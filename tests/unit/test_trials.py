"""What two scoring tables, and the answers of a batch, can say for certain: tables of cases. The numbers of the
differences, and the first four shares, are those of Newcombe's two papers of 1998."""

import random

import pytest

from quality.trials import Interval, Share, difference, mean_of, verdict, wilson


def rounded(found: Interval | None, places: int = 4) -> tuple[float, ...]:
    assert found
    return tuple(round(number, places) for number in (found.value, found.low, found.high))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 1, 0.0, 0.7935),
        (1, 1, 0.2065, 1.0),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_a_share_has_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    assert rounded(wilson(Share(hits, of))) == (round(hits / of, 4), low, high)


@pytest.mark.parametrize(
    ("b", "a", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_a_difference_has_newcombes_interval(b: tuple[int, int], a: tuple[int, int], low: float, high: float) -> None:
    assert rounded(difference(Share(*a), Share(*b)))[1:] == (low, high)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ((0, 0), (5, 10), "empty"),
        ((5, 10), (0, 0), "empty"),
        ((5, 10), (5, 10), "open"),
        ((5, 10), (8, 10), "open"),
        ((500, 1000), (600, 1000), "higher"),
        ((600, 1000), (500, 1000), "lower"),
        ((0, 10), (10, 10), "higher"),
        ((500, 1000), (510, 1000), "open"),
    ],
)
def test_a_difference_is_only_told_when_it_is_there(a: tuple[int, int], b: tuple[int, int], said: str) -> None:
    assert verdict(difference(Share(*a), Share(*b))) == said


def test_of_two_alike_tables_few_are_said_to_differ() -> None:
    draw = random.Random(3)
    told = 0
    for _n in range(1000):
        a, b = (Share(sum(draw.random() < 0.3 for _m in range(60)), 60) for _t in "ab")
        told += verdict(difference(a, b)) != "open"
    assert told < 70  # one in twenty by chance


def test_nobody_has_no_share() -> None:
    assert wilson(Share(0, 0)) is None
    assert mean_of({}) is None


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({5: 1}, (5.0, 1.83, 5.0)),
        ({1: 1}, (1.0, 1.0, 4.17)),
        ({3: 10}, (3.0, 1.95, 4.05)),
        ({1: 5, 5: 5}, (3.0, 1.95, 4.05)),
        ({4: 50, 5: 50}, (4.5, 4.18, 4.7)),
        ({1: 0, 2: 0, 3: 0, 4: 100, 5: 0}, (4.0, 3.63, 4.3)),
    ],
)
def test_the_mean_of_answers_has_an_interval_on_the_safe_side(
    counts: dict[int, int], expected: tuple[float, ...]
) -> None:
    assert rounded(mean_of(counts), 2) == expected
