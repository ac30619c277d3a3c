"""Which words may be codes, and which numbers a partner may see."""

import pytest

from invites.codes import fold
from invites.policy import vanity_refusal, veiled


@pytest.mark.parametrize("word", ["HARBOURMILL", "Harbour Mill 24", "northcafe", "PRODUCTHUNT-26"])
def test_a_word_of_ones_own_may_be_a_code(word: str) -> None:
    assert vanity_refusal(fold(word)) is None


@pytest.mark.parametrize(
    "word",
    ["", "VIP", "OPEN-1", "welcome", "WELC0ME", "Welcome 2026", "FRIENDS", "early-access", "123456789012", "AAAABBBB"],
)
def test_what_strangers_try_first_may_not(word: str) -> None:
    assert vanity_refusal(fold(word))


@pytest.mark.parametrize(
    ("numbers", "shown", "total"),
    [
        ([], [], 0),
        ([7, 9], [7, 9], 16),
        ([0, 9], [0, 9], 9),
        ([4], [None], None),
        ([0, 3, 0], [0, None, 0], None),
        ([9, 4, 30], [None, None, 30], 43),  # one alone could be had by taking the others from the sum
        ([1, 1, 8, 20], [None, None, None, 20], 30),  # so could two who make fewer than five together
        ([3, 4, 8, 20], [None, None, 8, 20], 35),
        ([2, 2], [None, None], None),
    ],
)
def test_few_people_are_hidden_and_cannot_be_worked_out(
    numbers: list[int], shown: list[int | None], total: int | None
) -> None:
    assert veiled(numbers) == (shown, total)
