"""Two owners who remove each other at the same moment: one of them stays."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from accounts.actions import create_staff, deactivate, give_role
from accounts.models import User
from accounts.queries import staff_with
from outbox.errors import Refused

Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
ROUNDS = 5


def each_removes_the_other(race: Race, verb: Callable[..., Any]) -> int:
    """How many owners are left of two."""
    owners = [create_staff(f"o{n}@example.com", "owner", by="cli")[0].pk for n in range(2)]

    def act(number: int) -> None:
        with suppress(Refused):
            verb([owners[1 - number]], f"staff:{owners[number]}")

    assert [error for error in race(2, act) if error is not None] == []
    left = staff_with("owner").count()
    User.objects.all().delete()
    return left


def demote(ids: Sequence[int], by: str) -> None:
    give_role(ids, "viewer", "quarrel", by=by)


def switch_off(ids: Sequence[int], by: str) -> None:
    deactivate(ids, "quarrel", by=by)


@pytest.mark.parametrize("verb", [demote, switch_off])
def test_of_two_owners_who_remove_each_other_one_stays(verb: Callable[..., Any], race: Race) -> None:
    assert [each_removes_the_other(race, verb) for _n in range(ROUNDS)] == [1] * ROUNDS


def test_without_the_lock_an_install_can_lose_both(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    unlocked = Group.objects.none().__class__.select_for_update

    def unguarded(rows: QuerySet[Any], **options: Any) -> QuerySet[Any]:
        return rows if rows.model is Group else unlocked(rows, **options)

    monkeypatch.setattr(QuerySet, "select_for_update", unguarded)
    assert 0 in {each_removes_the_other(race, switch_off) for _n in range(4 * ROUNDS)}
