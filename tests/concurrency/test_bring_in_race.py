"""Files at the same moment: the same people join once and both files are told, and who decides by a file waits for whom others
decide about, whatever order the rows stand in."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, transaction

from outbox import sql
from tests import cast
from tests.conftest import PATIENCE, Act
from waitlist import hot, queries
from waitlist.actions import bringing, reviewing
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


def decides_beside(launch: Launch, race: Race) -> Sequence[Any]:
    """A file rejects the first of two and approves the second, while somebody has both in hand, one after the other."""
    first, second = (cast.waits(launch, name).pk for name in ("ada", "ben"))
    has_first = threading.Event()

    def holds() -> None:
        with transaction.atomic():
            Entry.objects.select_for_update().get(pk=first)
            has_first.set()
            until = time.monotonic() + PATIENCE
            while not sql.rows(WAITERS) and time.monotonic() < until:
                pass
            Entry.objects.select_for_update().get(pk=second)

    def by_file() -> None:
        assert has_first.wait(PATIENCE)
        bringing.decide({first: "rejected", second: "approved"}, "the list", by="staff:1")

    return race(2, lambda n: holds() if n else by_file())


WAITERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_a_file_that_decides_takes_its_people_in_their_order(race: Race, launch: Launch) -> None:
    assert decides_beside(launch, race) == [None, None]
    assert sorted(Entry.objects.values_list("status", flat=True)) == ["approved", "rejected"]


def test_without_that_one_of_the_two_is_thrown_out(race: Race, launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "lock", lambda _ids: None)
    found = decides_beside(launch, race)
    assert [one for one in found if isinstance(one, OperationalError)]
