"""How good somebody's friends are, whom we name to strangers, and who earns: tables of cases."""

import pytest

from referrals.policy import harmless_name, may_earn
from referrals.quality import Friends, score


@pytest.mark.parametrize(
    ("friends", "expected"),
    [
        (Friends(), 0.0),
        (Friends(stayed=1), 0.6667),
        (Friends(gone=1), 0.3333),
        (Friends(silent=1), 0.3333),
        (Friends(stayed=1, gone=1), 0.5),
        (Friends(stayed=3), 0.8),
        (Friends(stayed=8, gone=1, silent=1), 0.75),
        (Friends(in_review=1), 0.3333),
        (Friends(stayed=1, in_review=1), 0.5),
        (Friends(stayed=8, in_review=2), 0.75),
        (Friends(stayed=6, gone=1, silent=1, in_review=2), 0.5833),
        (Friends(stayed=98), 0.99),
        (Friends(gone=98), 0.01),
    ],
)
def test_it_is_the_share_that_stays_with_a_prior(friends: Friends, expected: float) -> None:
    assert score(friends) == expected


def test_one_lucky_friend_does_not_look_like_a_hundred() -> None:
    assert score(Friends(stayed=1)) < score(Friends(stayed=100))


@pytest.mark.parametrize("stayed", range(0, 40, 7))
@pytest.mark.parametrize("lost", range(0, 40, 7))
def test_it_stays_between_0_and_1_and_grows_with_who_stays(stayed: int, lost: int) -> None:
    now, more = Friends(stayed=stayed, gone=lost), Friends(stayed=stayed + 1, gone=lost)
    assert 0 <= score(now) < score(more) < 1


@pytest.mark.parametrize("name", ["Ada", "Зоя", "José", "Jean-Luc", "O'Brien", "李"])
def test_a_name_may_stand_in_a_mail(name: str) -> None:
    assert harmless_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-", "evil.example", "http://evil", "a@b", "free$$$", "WIN1000", "x" * 21, "a\u202eb", "<b>", "Ada\n"]
)
def test_what_is_no_name_may_not(name: str) -> None:
    assert not harmless_name(name)


@pytest.mark.parametrize("status", ["pending", "waiting", "approved", "invited", "registered"])
def test_who_is_on_the_list_or_in_may_earn(status: str) -> None:
    assert may_earn(status, held=False)
    assert not may_earn(status, held=True)
    assert not may_earn(status, held=False, in_review=True)


@pytest.mark.parametrize("status", ["rejected", "blocked", "left", "suspended"])
def test_who_was_turned_away_may_not(status: str) -> None:
    assert not may_earn(status, held=False)
