"""How many may come at once where a gate is on, and who of those who wait."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from invites.models import PaceDecision
from invites.pacing import WHYS, Past, Tempo, lot, pace, places

TODAY = date(2026, 11, 26)
TEMPO = Tempo(pace_step=25, bake_days=3, daily_quota=100)


def past(size: int, days: int, *, under_way: bool = False, closed_since: bool = False) -> Past:
    return Past(size, TODAY - timedelta(days), under_way, closed_since)


@pytest.mark.parametrize(
    ("before", "gates_open", "step", "size", "why"),
    [
        (Past(), True, "begin", 25, "first"),
        (Past(), False, "wait", 0, "gate_closed"),
        (past(0, 0), True, "begin", 25, "first"),  # others let people in, but nothing was paced yet
        (past(25, 0), True, "wait", 0, "baking"),
        (past(25, 2), True, "wait", 0, "baking"),
        (past(25, 2), False, "wait", 0, "gate_closed"),
        (past(25, 3), True, "grow", 50, "healthy"),
        (past(25, 30), True, "grow", 50, "healthy"),
        (past(25, 3), False, "wait", 0, "gate_closed"),
        (past(90, 3), True, "grow", 100, "healthy"),
        (past(25, 2, closed_since=True), True, "wait", 0, "baking"),
        (past(25, 3, closed_since=True), True, "shrink", 12, "reopened"),
        (past(1, 3, closed_since=True), True, "shrink", 1, "reopened"),
        (past(500, 3, closed_since=True), True, "shrink", 100, "reopened"),
        (past(25, 3, closed_since=True), False, "wait", 0, "gate_closed"),
        (past(25, 9, under_way=True), True, "wait", 0, "under_way"),
        (past(25, 9, under_way=True), False, "wait", 0, "gate_closed"),
    ],
)
def test_the_pace(before: Past, gates_open: bool, step: str, size: int, why: str) -> None:
    said = pace(TEMPO, before, gates_open=gates_open, today=TODAY)
    assert (said.step, said.size, said.why) == (step, size, why)
    assert said.why in WHYS
    assert said.step in PaceDecision.Step.values


@pytest.mark.parametrize(("days", "step"), [(0, "wait"), (1, "grow")])
def test_without_bake_time_a_day_lies_between_two_batches(days: int, step: str) -> None:
    assert pace(Tempo(25, 0, 100), past(25, days), gates_open=True, today=TODAY).step == step


def test_the_first_batch_is_no_larger_than_the_quota() -> None:
    assert pace(Tempo(25, 3, 10), Past(), gates_open=True, today=TODAY).size == 10


@pytest.mark.parametrize(
    ("count", "first", "lottery", "expected"),
    [
        (10, 0, 0, (0, 0, 10)),
        (10, 30, 20, (3, 2, 5)),
        (1, 30, 20, (0, 0, 1)),
        (2, 33, 33, (1, 0, 1)),
        (3, 33, 33, (1, 1, 1)),
        (7, 50, 50, (4, 3, 0)),
        (5, 100, 0, (5, 0, 0)),
        (5, 0, 100, (0, 5, 0)),
        (2000, 33, 17, (660, 340, 1000)),
    ],
)
def test_places_by_largest_remainder(count: int, first: int, lottery: int, expected: tuple[int, int, int]) -> None:
    said = places(count, first, lottery)
    assert (said.first, said.lottery, said.top) == expected


@given(some.integers(0, 5000), some.integers(0, 100), some.integers(0, 100))
def test_places_add_up_and_none_is_a_place_off_its_share(count: int, first: int, lottery: int) -> None:
    lottery = min(lottery, 100 - first)
    said = places(count, first, lottery)
    assert said.first + said.lottery + said.top == count
    assert abs(said.first - count * first / 100) < 1
    assert abs(said.lottery - count * lottery / 100) < 1


def test_lots_of_another_seed_fall_differently() -> None:
    drawn = [sorted(range(100), key=lambda entry: lot(seed, entry)) for seed in ("a", "b", "a")]
    assert drawn[0] == drawn[2] != drawn[1]
