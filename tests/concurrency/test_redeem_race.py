"""Promises 1 and 2 under real threads, each with a control that removes the guard and shows the bug."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from config.invariants import broken
from invites import hot, queries
from invites.actions import making, redeeming
from invites.models import Code, Redemption
from outbox.errors import Refused
from tests import cast
from waitlist.hot import REGISTER
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]


def codes(launch: Launch, count: int, uses: int) -> list[str]:
    spec = making.Spec(count=count, expires_at=timezone.now() + timedelta(1), batch_id="race", max_uses=uses)
    return list(queries.run_texts(making.generate(launch, spec, by="staff:1")[0].pk))


def redeem(launch: Launch, code: str, name: str) -> redeeming.Redeemed:
    return redeeming.redeem(launch, redeeming.Ask(cast.contact(name), code=code), by="public")


@pytest.mark.parametrize("uses", [1, 7])
def test_a_code_of_k_uses_admits_exactly_k_of_fifty(uses: int, launch: Launch, race: Race) -> None:
    code = codes(launch, 1, uses)[0]
    results = race(50, lambda n: redeem(launch, code, f"p{n}"))
    assert sum(isinstance(one, redeeming.Redeemed) for one in results) == uses
    assert sum(isinstance(one, Refused) for one in results) == 50 - uses
    assert Code.objects.get(kind="bulk").uses == Entry.objects.filter(status="registered").count() == uses
    assert broken() == []


@pytest.fixture
def without_check() -> Iterator[None]:
    """The table without its last guard."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE invites_code DROP CONSTRAINT uses_within_max_uses")
    yield
    with connection.cursor() as cursor:
        cursor.execute("UPDATE invites_code SET uses = 0")
        cursor.execute(
            "ALTER TABLE invites_code ADD CONSTRAINT uses_within_max_uses CHECK (uses <= max_uses - reserved)"
        )


def test_control_without_the_guard_in_the_update_a_code_over_admits(
    launch: Launch, race: Race, without_check: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot, "SPEND", hot.SPEND.replace(f"AND NOT ({hot.REFUSED})", ""))
    code = codes(launch, 1, 1)[0]
    race(50, lambda n: redeem(launch, code, f"p{n}"))
    assert Code.objects.get(kind="bulk").uses > 1


def test_the_constraint_alone_stops_what_the_update_would_let_through(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot, "SPEND", hot.SPEND.replace(f"AND NOT ({hot.REFUSED})", ""))
    code = codes(launch, 1, 1)[0]
    race(20, lambda n: redeem(launch, code, f"p{n}"))
    assert Code.objects.get(kind="bulk").uses == 1


@pytest.mark.parametrize("waits", [False, True])
def test_one_person_with_twenty_codes_is_admitted_once(waits: bool, launch: Launch, race: Race) -> None:
    if waits:
        cast.ada(launch)
    texts = codes(launch, 20, 1)
    ask = [redeeming.Ask(cast.contact("ada"), code=text, proven=True) for text in texts]
    results = race(20, lambda n: redeeming.redeem(launch, ask[n], by="key:1"))
    assert all(isinstance(one, redeeming.Redeemed) for one in results), results
    assert Redemption.objects.count() == 1
    assert Code.objects.filter(kind="bulk", uses=1).count() == 1
    assert Code.objects.filter(kind="personal").count() == launch.member_codes
    assert broken() == []


def test_control_without_the_states_in_the_update_one_person_spends_many_codes(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguarded = REGISTER.replace("AND status = ANY(%(sources)s::text[]) AND held_at IS NULL", "")
    monkeypatch.setattr("waitlist.hot.REGISTER", unguarded)
    cast.ada(launch)
    ask = [redeeming.Ask(cast.contact("ada"), code=text, proven=True) for text in codes(launch, 20, 1)]
    race(20, lambda n: redeeming.redeem(launch, ask[n], by="key:1"))
    assert Redemption.objects.count() > 1


def test_a_double_click_at_the_same_moment_spends_one_use(launch: Launch, race: Race) -> None:
    code = codes(launch, 1, 10)[0]
    results = race(10, lambda _n: redeem(launch, code, "ada"))
    assert all(isinstance(one, redeeming.Redeemed) for one in results), results
    assert Code.objects.get(kind="bulk").uses == 1
