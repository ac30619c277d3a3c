"""Sending an invite again, changing an address and erasing, under real threads, with a control that shows the bug."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from config.invariants import broken
from invites.actions import redeeming, resending
from invites.models import Code, Invite
from invites.queries import text_of
from outbox.errors import Refused
from outbox.models import Delivery
from referrals import actions as referrals
from referrals.models import Reward
from tests import cast
from waitlist.actions import erasing, readdressing
from waitlist.channels import read
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]


def invited(launch: Launch) -> tuple[Entry, Invite]:
    """Ada, whose invite has gone out."""
    found = cast.invited(launch, "ada")
    Delivery.objects.update(status="done")
    return found


def test_of_eight_resends_at_once_one_code_lives(launch: Launch, race: Race) -> None:
    ada, _offer = invited(launch)
    results = race(8, lambda n: resending.resend(ada.pk, f"call {n}", by="staff:1"))
    assert results.count("invited") == 1 and sum(isinstance(one, Refused) for one in results) == 7, results
    assert Code.objects.filter(kind="waitlist", status="active").count() == 1
    assert Delivery.objects.filter(name="invited", status="owed").count() == 1
    assert broken() == []


def test_control_without_the_lock_many_codes_live(launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, _offer = invited(launch)
    monkeypatch.setattr(resending, "_locked", lambda pk: Entry.objects.select_related("launch").get(pk=pk))
    race(8, lambda n: resending.resend(ada.pk, f"call {n}", by="staff:1"))
    assert Code.objects.filter(kind="waitlist", status="active").count() > 1


def test_who_comes_in_while_it_is_sent_again_spends_one_use(launch: Launch, race: Race) -> None:
    ada, offer = invited(launch)
    old = text_of(offer.code)
    ask = redeeming.Ask(cast.contact("ada"), code=old, proven=True)

    def act(n: int) -> Any:
        return redeeming.redeem(launch, ask, by="key:1") if n % 2 else resending.resend(ada.pk, "x", by="staff:1")

    results = race(8, act)
    stands = cast.now(ada).status
    live = Code.objects.filter(kind="waitlist", status="active", uses=0).count()
    assert (stands, live) in (("registered", 0), ("invited", 1)), (stands, live, results)
    assert broken() == []


def test_of_eight_people_who_are_given_one_address_one_gets_it(launch: Launch, race: Race) -> None:
    people = [cast.waits(launch, f"p{n}") for n in range(8)]
    new = read("email", "new@example.com")
    results = race(8, lambda n: readdressing.readdress(people[n].pk, new, "x", vouched=True, by="staff:1"))
    assert results.count(None) == 1 and sum(isinstance(one, Refused) for one in results) == 7, results
    assert Entry.objects.filter(canonical="new@example.com").count() == 1


def test_a_reward_form_that_is_sent_eight_times_at_once_gives_once(launch: Launch, race: Race) -> None:
    ben, asked = cast.ben(launch), UUID(int=7)
    race(8, lambda _n: referrals.grant_by_hand(ben.pk, "codes", "thanks", amount=2, asked=asked, by="staff:1"))
    assert Reward.objects.count() == 1
    assert Code.objects.filter(owner=ben).count() == launch.member_codes + 2
    assert broken() == []


def test_who_is_erased_while_they_come_in_leaves_nothing(launch: Launch, race: Race) -> None:
    ada, offer = invited(launch)
    ask = redeeming.Ask(cast.contact("ada"), code=text_of(offer.code), proven=True)

    def act(n: int) -> Any:
        return redeeming.redeem(launch, ask, by="key:1") if n % 2 else erasing.erase([ada.pk], "x", by="staff:1")

    race(8, act)
    erasing.erase([ada.pk], "x", by="staff:1")
    assert cast.now(ada).status == "erased" and cast.now(ada).contact == ""
    assert broken() == []
