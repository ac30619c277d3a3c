"""Which milestones a number of friends pays, as a table."""

import pytest

from referrals.milestones import DEFAULTS, Step, due

OWN = (Step(2, "points", 20), Step(4, "tier", 1, "pro"))


@pytest.mark.parametrize(
    ("count", "paid", "expected"),
    [
        (0, set(), []),
        (2, set(), []),
        (3, set(), [3]),
        (3, {3}, []),
        (4, {3}, []),
        (5, {3}, [5]),
        (5, set(), [3, 5]),  # two came in the same instant: none is skipped
        (6, set(), [3, 5]),
        (10, {3, 5}, [10]),
        (25, {3, 5, 10}, [25]),
        (50, {3, 5, 10, 25}, [50]),
        (50, set(), [3, 5, 10, 25, 50]),
        (1000, {3, 5, 10, 25, 50}, []),
        (2, {3, 5}, []),  # the count fell: what was paid stays paid
        (3, {3, 5}, []),  # and crosses again: paid once for ever
        (11, {3, 10}, [5]),
    ],
)
def test_it_pays_what_is_reached_and_was_never_paid(count: int, paid: set[int], expected: list[int]) -> None:
    assert [step.count for step in due(count, paid)] == expected


@pytest.mark.parametrize(("count", "expected"), [(1, []), (2, [OWN[0]]), (4, [*OWN]), (50, [*OWN])])
def test_a_launch_pays_by_its_own_table(count: int, expected: list[Step]) -> None:
    assert due(count, set(), OWN) == expected


def test_the_order_of_the_table_does_not_matter() -> None:
    assert due(50, set(), reversed(DEFAULTS)) == list(DEFAULTS)


def test_every_default_pays_three_codes() -> None:
    assert {(step.kind, step.amount) for step in DEFAULTS} == {("codes", 3)}
