"""Two moderators on one entry, each with a control that removes the guard and shows the bug."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from outbox.models import Event
from tests import cast
from waitlist.actions import reviewing
from waitlist.models import Entry, Launch
from waitlist.queries import last_decided

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
ACTS = ("approve", "reject", "block", "hold")
MANY = 12


def seen(entry: Entry) -> dict[int, int]:
    """What a page that shows this person carries."""
    return {entry.pk: last_decided([entry.pk])[entry.pk].id}


def either(page: dict[int, int], n: int) -> reviewing.Decided:
    """One of two decides."""
    return reviewing.decide(("hold", "reject")[n % 2], page, "my reason", by=f"staff:{n}")


def decisions(entry: Entry) -> list[str]:
    """What staff did to them."""
    said = Event.objects.filter(subject=f"entry:{entry.pk}", by__startswith="staff:")
    return list(said.values_list("by", flat=True))


def test_of_many_moderators_who_saw_the_same_one_wins_and_the_others_read_who(launch: Launch, race: Race) -> None:
    ada = cast.ada(launch)
    page = seen(ada)
    results = race(MANY, lambda n: reviewing.decide(ACTS[n % 4], page, "my reason", by=f"staff:{n}"))
    winners = [one for one in results if one.moved]
    assert len(winners) == 1, results
    won = decisions(ada)
    assert len(won) == 1
    assert {one.news[ada.pk].by for one in results if not one.moved} == set(won)


def test_control_without_the_guard_the_same_person_is_decided_on_twice(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "_news", lambda _seen, _now: {})
    ada = cast.ada(launch)
    page = seen(ada)
    race(MANY, lambda n: reviewing.decide(ACTS[n % 4], page, "my reason", by=f"staff:{n}"))
    assert len(decisions(ada)) > 1


def test_control_without_the_locks_two_look_before_either_has_written(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "lock", lambda _ids: None)
    people = [cast.waits(launch, f"p{n}") for n in range(15)]
    pages = [seen(one) for one in people]
    for page in pages:
        race(4, partial(either, page))
    assert any(len(decisions(one)) > 1 for one in people)


def test_two_who_decide_on_the_same_many_in_other_orders_do_not_wait_for_one_another_for_ever(
    launch: Launch, race: Race
) -> None:
    people = [cast.waits(launch, f"p{n}") for n in range(6)]
    page = {pk: event for one in people for pk, event in seen(one).items()}
    turned = dict(reversed(page.items()))
    results = race(6, lambda n: reviewing.decide("approve", turned if n % 2 else page, "fits", by=f"staff:{n}"))
    assert sorted(len(one.moved) for one in results) == [0, 0, 0, 0, 0, 6], results
