"""Two files with the same people at the same moment: each person joins once, and both files are told."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import IntegrityError

from tests import cast
from tests.conftest import Act
from waitlist import hot, queries
from waitlist.actions import bringing
from waitlist.actions.joining import Application
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Act], Sequence[Any]]


def brings(launch: Launch) -> int:
    """How many of forty people this file put on the list."""
    rules = queries.rules_of(launch.slug)
    assert rules
    people = [Application(cast.contact(f"p{n}")) for n in range(40)]
    return len(bringing.join_many(rules, people, by="staff:1"))


def test_the_same_people_in_many_files_join_once(race: Race, launch: Launch) -> None:
    assert sum(race(4, lambda _n: brings(launch))) == Entry.objects.count() == 40


def test_without_the_guard_a_file_fails(race: Race, launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        hot, "JOIN_MANY", hot.JOIN_MANY.replace("ON CONFLICT (launch_id, contact_kind, canonical) DO NOTHING", "")
    )
    found = race(4, lambda _n: brings(launch))
    assert [one for one in found if isinstance(one, IntegrityError)]
