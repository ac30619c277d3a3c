"""Holds under real threads, each with a control that removes the guard and shows the bug."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import QuerySet

from config.invariants import broken
from invites import queries
from invites.actions import keeping, redeeming, reserving
from invites.models import Code, Reservation
from outbox.callers import NOWHERE
from outbox.errors import Refused
from tests import cast
from tests.concurrency.test_redeem_race import codes, redeem, without_check
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
MANY = 20
unchecked = without_check


def keep(launch: Launch, code: str, name: str) -> Reservation:
    return keeping.keep(launch, redeeming.Ask(cast.contact(name), code=code), by="public")


def held(launch: Launch, code: str, name: str) -> Reservation:
    """A hold as a door finds it."""
    hold_id = keep(launch, code, name).hold_id
    assert hold_id
    found = queries.hold_named(hold_id)
    assert found
    return found


def commit(kept: Reservation) -> redeeming.Redeemed:
    return keeping.commit(kept, host_user_id="", origin=NOWHERE, by="key:1")


def test_of_twenty_holds_on_the_last_use_one_gets_it(launch: Launch, race: Race) -> None:
    code = codes(launch, 1, 1)[0]
    results = race(MANY, lambda n: keep(launch, code, f"p{n}"))
    assert sum(isinstance(one, Reservation) for one in results) == 1, results
    assert sum(isinstance(one, Refused) for one in results) == MANY - 1, results
    assert Code.objects.get(kind="bulk").reserved == Reservation.objects.count() == 1
    assert broken() == []


def any_code(code_id: int) -> QuerySet[Code]:
    """The code, whether it has a use or not."""
    return Code.objects.filter(pk=code_id)


@pytest.fixture
def emptied(unchecked: None) -> Iterator[None]:
    """Runs without the table's last guard; nothing over-kept is left when that comes back."""
    yield
    Code.objects.update(reserved=0)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has seen that the use is kept: each looked before the first one wrote."""
    look = redeeming.look
    monkeypatch.setattr(redeeming, "look", lambda launch, ask: look(launch, ask)._replace(refusal=None))


@pytest.mark.usefixtures("emptied", "unread")
def test_control_without_the_guard_in_the_update_the_last_use_is_kept_many_times(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserving, "open_uses", any_code)
    code = codes(launch, 1, 1)[0]
    race(MANY, lambda n: keep(launch, code, f"p{n}"))
    assert Code.objects.get(kind="bulk").reserved > 1


@pytest.mark.usefixtures("unread")
def test_the_guard_in_the_update_alone_keeps_it_once(launch: Launch, race: Race) -> None:
    code = codes(launch, 1, 1)[0]
    results = race(MANY, lambda n: keep(launch, code, f"p{n}"))
    assert sum(isinstance(one, Reservation) for one in results) == 1, results
    assert broken() == []


def test_one_contact_that_asks_many_times_at_once_has_one_hold(launch: Launch, race: Race) -> None:
    code = codes(launch, 1, MANY)[0]
    results = race(MANY, lambda _n: keep(launch, code, "ada"))
    assert {one.pk for one in results} == {Reservation.objects.get().pk}
    assert Code.objects.get(kind="bulk").reserved == 1


def test_control_without_the_lock_the_same_contact_runs_into_itself(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_lock", lambda _code_id: None)

    def a_round(code: Any) -> bool:
        return any(isinstance(one, IntegrityError) for one in race(MANY, lambda _n: keep(launch, code, "ada")))

    assert any(a_round(code) for code in codes(launch, 12, MANY))  # one alone may miss it by luck


def test_many_commits_and_the_persons_own_redemption_spend_one_use(launch: Launch, race: Race) -> None:
    code = codes(launch, 1, 1)[0]
    kept = held(launch, code, "ada")
    results = race(MANY, lambda n: redeem(launch, code, "ada") if n % 2 else commit(kept))
    assert all(isinstance(one, redeeming.Redeemed) for one in results), results
    assert Entry.objects.get(status="registered").canonical == "ada@example.com"
    assert (Code.objects.get(kind="bulk").uses, Code.objects.get(kind="bulk").reserved) == (1, 0)
    assert broken() == []


def test_what_is_given_back_while_it_is_committed_is_one_of_the_two(launch: Launch, race: Race) -> None:
    texts = codes(launch, MANY // 2, 1)
    kept = [held(launch, code, f"p{number}") for number, code in enumerate(texts)]

    def act(n: int) -> Any:
        one = kept[n // 2]
        return commit(one) if n % 2 else keeping.give_back(one, by="key:1")

    race(MANY, act)
    spent = Reservation.objects.filter(status="committed").count()
    assert Reservation.objects.filter(status="open").count() == 0
    assert Code.objects.filter(kind="bulk", uses=1, reserved=0).count() == spent
    assert Entry.objects.filter(status="registered").count() == spent
    assert broken() == []
