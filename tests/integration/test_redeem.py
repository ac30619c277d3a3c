"""Redeeming a code, through the API and the verb."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config.invariants import broken
from invites import queries, tokens
from invites.actions import making, redeeming
from invites.models import Attempt, Code, Redemption, Reservation
from outbox.callers import NOWHERE
from outbox.errors import Refused
from outbox.models import Event
from tests import cast
from tests.conftest import Api, Mailbox
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch

REDEEM = "/api/invites/redeem"
pytestmark = pytest.mark.django_db


def made(launch: Launch, **spec: Any) -> str:
    """The text of a fresh code."""
    days = spec.pop("days", 10)
    asked = making.Spec(count=1, expires_at=timezone.now() + timedelta(days=days), batch_id=spec.pop("id", "b"), **spec)
    return next(queries.run_texts(making.generate(launch, asked, by="staff:1")[0].pk))


def test_an_invited_person_is_in_with_their_code(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    ada, offer = cast.invited(launch, "ada")
    said = api.post(REDEEM, {"code": queries.text_of(offer.code), "email": "ADA@example.com"})
    assert said.json()["status"] == "success"
    assert cast.now(ada).status == "registered"
    offer.refresh_from_db()
    assert offer.status == "redeemed"
    own = queries.codes_of(cast.now(ada))
    assert len(own) == 3
    assert own[0]["code"] in mailbox.newest("ada@example.com").text


@pytest.mark.parametrize(
    "shape", [str.lower, lambda code: code.replace("-", " "), lambda code: f"  {code.replace('-', '')} "]
)
def test_a_code_works_in_any_shape(shape: Callable[[str], str], api: Api, launch: Launch) -> None:
    assert api.post(REDEEM, {"code": shape(made(launch)), "email": "eve@example.com"}).status_code == 200
    assert Code.objects.get(kind="bulk").uses == 1


def test_somebody_who_never_waited_comes_with_a_friends_code(api: Api, launch: Launch) -> None:
    ben = cast.ben(launch)
    api.post(REDEEM, {"code": cast.code_of(ben), "email": "ada@example.com", "name": "Ada"})
    ada = Entry.objects.get(canonical="ada@example.com")
    assert (ada.status, ada.referred_by_id, ada.name, ada.source) == ("registered", ben.pk, "Ada", "referral")


def test_a_double_click_reads_the_same_bytes_and_spends_once(api: Api, launch: Launch) -> None:
    code = made(launch, max_uses=5)
    first, second = (api.post(REDEEM, {"code": code, "email": "eve@example.com"}) for _n in range(2))
    assert first.content == second.content
    assert Code.objects.get(kind="bulk").uses == 1


def test_who_is_in_spends_no_second_code(api: Api, launch: Launch) -> None:
    cast.ben(launch)
    assert api.post(REDEEM, {"code": made(launch), "email": "ben@example.com"}).status_code == 200
    assert Code.objects.get(kind="bulk").uses == 0


def refused_code(launch: Launch, why: str) -> str:
    if why == "unknown":
        return "VES-XXXX-XXXX-XXXX"
    if why == "bound elsewhere":
        return made(launch, bind=cast.contact("somebody"))
    if why == "other domain":
        return made(launch, bind_domain="acme.com")
    if why == "not yet":
        return made(launch, starts_at=timezone.now() + timedelta(1))
    code = made(launch)
    changes: dict[str, dict[str, Any]] = {
        "expired": {"expires_at": timezone.now() - timedelta(hours=1)},
        "exhausted": {"uses": 1},
        "revoked": {"status": "revoked"},
        "paused": {"status": "paused"},
    }
    Code.objects.filter(kind="bulk").update(**changes[why])
    return code


REASONS = {
    "unknown": "code_unknown",
    "expired": "code_expired",
    "exhausted": "code_exhausted",
    "revoked": "code_revoked",
    "paused": "code_paused",
    "not yet": "not_yet_valid",
    "bound elsewhere": "bound_elsewhere",
    "other domain": "other_domain",
}


@pytest.mark.parametrize("why", REASONS)
def test_every_bad_code_gets_one_answer_and_leaves_its_reason(why: str, api: Api, launch: Launch) -> None:
    unknown = api.post(REDEEM, {"code": "VES-XXXX-XXXX-YYYY", "email": "eve@example.com"})
    said = api.post(REDEEM, {"code": refused_code(launch, why), "email": "eve@example.com"})
    assert (said.status_code, said.content) == (422, unknown.content)
    assert Attempt.objects.latest("pk").reason == REASONS[why]
    assert not Entry.objects.exists()


def test_a_keyed_caller_reads_the_reason(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    api.with_key(key("codes:redeem"))
    said = api.post(REDEEM, {"code": refused_code(launch, "expired"), "email": "eve@example.com"}).json()
    assert said["code"] == "invite_not_accepted"
    assert "code_expired" in said["detail"]


@pytest.mark.parametrize("verb", [deciding.block, deciding.reject, deciding.hold])
def test_who_was_turned_away_reads_what_a_bad_code_reads(verb: Callable[..., int], api: Api, launch: Launch) -> None:
    verb([cast.ada(launch).pk], "spam", by="staff:1")
    bad = api.post(REDEEM, {"code": "VES-XXXX-XXXX-YYYY", "email": "ada@example.com"})
    said = api.post(REDEEM, {"code": made(launch), "email": "ada@example.com"})
    assert (said.status_code, said.content) == (bad.status_code, bad.content)
    assert Code.objects.get(kind="bulk").uses == 0


def test_a_suspended_member_is_not_let_in_again(api: Api, launch: Launch) -> None:
    deciding.suspend([cast.ben(launch).pk], "abuse", by="staff:1")
    assert api.post(REDEEM, {"code": made(launch), "email": "ben@example.com"}).status_code == 422


def test_nobody_spends_a_strangers_place(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    """Eve has a code and Ada's address: Ada's mailbox decides."""
    ada = cast.ada(launch)
    said = api.post(REDEEM, {"code": made(launch), "email": "ada@example.com"})
    assert said.status_code == 200
    assert cast.now(ada).status == "waiting"
    code = Code.objects.get(kind="bulk")
    assert (code.uses, code.reserved) == (0, 1)
    reservation = Reservation.objects.get()
    assert tokens.completion_url(reservation) in mailbox.newest("ada@example.com").text
    redeeming.complete(reservation, by=f"person:{ada.pk}", origin=NOWHERE)
    assert cast.now(ada).status == "registered"
    assert broken() == []


def test_a_reserved_use_is_nobody_elses_until_it_lapses(api: Api, launch: Launch) -> None:
    cast.ada(launch)
    code = made(launch)
    api.post(REDEEM, {"code": code, "email": "ada@example.com"})
    assert api.post(REDEEM, {"code": code, "email": "eve@example.com"}).status_code == 422
    Reservation.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    assert api.post(REDEEM, {"code": code, "email": "eve@example.com"}).status_code == 200
    assert broken() == []


def test_asking_twice_reserves_once(api: Api, launch: Launch) -> None:
    cast.ada(launch)
    code = made(launch, max_uses=5)
    for _n in range(2):
        api.post(REDEEM, {"code": code, "email": "ada@example.com"})
    assert Code.objects.get(kind="bulk").reserved == 1


@pytest.mark.parametrize("name", ["ada", "somebody"])
def test_whoever_asks_again_with_the_last_use_reads_the_same(name: str, api: Api, launch: Launch) -> None:
    """Ada is on the list and somebody is not: a second call must not tell them apart."""
    cast.ada(launch)
    asked = {"code": made(launch), "email": f"{name}@example.com"}
    said = [api.post(REDEEM, asked) for _n in range(3)]
    assert {(one.status_code, one.content) for one in said} == {(200, said[0].content)}
    assert api.post(REDEEM, asked, REMOTE_ADDR="192.0.2.200").status_code == 422


def test_a_use_that_is_kept_for_another_is_no_help(api: Api, launch: Launch) -> None:
    cast.ada(launch)
    cast.cleo(launch)
    code = made(launch)
    api.post(REDEEM, {"code": code, "email": "ada@example.com"})
    assert api.post(REDEEM, {"code": code, "email": "cleo@example.com"}).status_code == 422


def test_a_lapsed_reservation_cannot_be_completed(api: Api, launch: Launch) -> None:
    cast.ada(launch)
    api.post(REDEEM, {"code": made(launch), "email": "ada@example.com"})
    Reservation.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(Refused):
        redeeming.complete(Reservation.objects.get(), by="public", origin=NOWHERE)


def test_a_keyed_caller_redeems_for_its_own_users(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    cast.ada(launch)
    api.with_key(key("codes:redeem"))
    said = api.post(REDEEM, {"code": made(launch, tier="pro"), "email": "ada@example.com", "user_id": "u-7"}).json()
    assert (said["user_id"], said["tier"], said["already_redeemed"]) == ("u-7", "pro", False)
    assert len(said["codes"]) == 3
    assert api.post(REDEEM, {"code": made(launch, tier="pro"), "email": "ada@example.com"}).json()["already_redeemed"]


def test_a_retried_call_with_a_key_reads_the_same_codes(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    api.with_key(key("codes:redeem"))
    body = {"code": made(launch), "email": "ada@example.com"}
    first, second = (api.post(REDEEM, body, HTTP_IDEMPOTENCY_KEY="k1") for _n in range(2))
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"


def test_the_log_says_who_when_from_where_and_through_which_door(api: Api, launch: Launch) -> None:
    code = made(launch)
    api.post(REDEEM, {"code": code, "email": "eve@example.com"}, REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT="Phone/1")
    row = Redemption.objects.get()
    assert (row.entry.contact, row.network, row.user_agent, row.door, row.by) == (
        "eve@example.com",
        "192.0.2.9",
        "Phone/1",
        "api",
        "public",
    )
    assert Event.objects.filter(kind="code.redeemed", subject=f"entry:{row.entry_id}").exists()


def test_codes_of_a_waitlist_only_launch_are_its_invites(api: Api, launch: Launch) -> None:
    tuning.tune(launch, {"mode": "waitlist"}, by="staff:1")
    _ada, offer = cast.invited(launch, "ada")
    assert api.post(REDEEM, {"code": made(launch), "email": "eve@example.com"}).status_code == 422
    assert api.post(REDEEM, {"code": queries.text_of(offer.code), "email": "ada@example.com"}).status_code == 200


def test_a_closed_launch_lets_nobody_in(api: Api, launch: Launch) -> None:
    code = made(launch)
    tuning.tune(launch, {"enabled": False}, by="staff:1")
    assert api.post(REDEEM, {"code": code, "email": "eve@example.com"}).json()["code"] == "launch_closed"


def test_the_invite_token_spends_the_same_code(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    ask = redeeming.Ask(cast.contact("ada"), token=tokens.invite_token(offer), proven=True)
    redeeming.redeem(launch, ask, by="public")
    assert cast.now(ada).status == "registered"
    assert Code.objects.get(pk=offer.code_id).uses == 1


def test_refused_attempts_are_deleted_with_the_traces(launch: Launch) -> None:
    with pytest.raises(Refused):
        redeeming.redeem(launch, redeeming.Ask(cast.contact("eve"), code="VES-NOTACODE2345"), by="public")
    assert redeeming.purge_attempts(timezone.now()) == 0
    assert redeeming.purge_attempts(timezone.now() + timedelta(days=launch.trace_days, minutes=1)) == 1
