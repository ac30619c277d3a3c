"""Confirming an address, and the person's own doors."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from invites.actions.releasing import release
from invites.tokens import invite_token
from outbox.actions import suppress
from outbox.keys import address_key
from outbox.models import Event, Suppression
from tests import cast
from tests.conftest import Api, Mailbox
from waitlist import tokens
from waitlist.actions import confirming, deciding, tuning
from waitlist.models import Entry, Launch

CONFIRM = "/api/waitlist/confirm"
pytestmark = pytest.mark.django_db


def test_the_link_confirms(api: Api, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    said = api.post(CONFIRM, {"token": tokens.person_token(entry)}).json()
    assert (said["state"], said["position"], said["total_waiting"]) == ("waiting", 1, 1)
    assert said["points"][0]["reason"]


def test_confirming_twice_is_confirming_once(api: Api, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    for _n in range(2):
        assert api.post(CONFIRM, {"token": tokens.person_token(entry)}).json()["position"] == 1
    assert Event.objects.filter(kind="entry.confirmed").count() == 1


def test_the_six_digits_confirm(api: Api, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    said = api.post(CONFIRM, {"email": "ADA@example.com", "code": f" {tokens.confirm_code(entry.pk, 1)} "})
    assert said.json()["state"] == "waiting"


def test_the_same_digits_again_are_answered_alike(api: Api, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    said = {"email": "ada@example.com", "code": tokens.confirm_code(entry.pk, 1)}
    first, again = api.post(CONFIRM, said), api.post(CONFIRM, said)
    assert (again.status_code, again.json()) == (200, first.json())
    assert Event.objects.filter(kind="entry.confirmed").count() == 1


def digits_mailed_to_ada(mailbox: Mailbox) -> str:
    found = re.search(r"\b\d{6}\b", mailbox.newest("ada@example.com").text)
    assert found
    return found[0]


def test_digits_that_are_mailed_later_work(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    entry = cast.joins(launch, "ada")
    Entry.objects.filter(pk=entry.pk).update(confirm_sent_at=timezone.now() - timedelta(days=2))
    cast.joins(launch, "ada")
    code = digits_mailed_to_ada(mailbox)
    assert api.post(CONFIRM, {"email": "ada@example.com", "code": code}).json()["state"] == "waiting"


def test_who_comes_back_after_days_confirms_with_the_digits(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    entry = cast.ada(launch)
    deciding.leave(entry, by="person:1")
    Entry.objects.filter(pk=entry.pk).update(confirm_sent_at=timezone.now() - timedelta(days=2))
    cast.joins(launch, "ada")
    code = digits_mailed_to_ada(mailbox)
    assert api.post(CONFIRM, {"email": "ada@example.com", "code": code}).json()["state"] == "waiting"


def test_joining_again_buys_no_tries(api: Api, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    Entry.objects.filter(pk=entry.pk).update(confirm_tries=confirming.CONFIRM_TRIES)
    cast.joins(launch, "ada")
    assert not confirming.count_try(launch, entry, by="public")


def test_after_five_wrong_tries_the_digits_are_dead_and_the_link_is_not(api: Api, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    right = tokens.confirm_code(entry.pk, 1)
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for code in [wrong] * 5 + [right]:
        assert api.post(CONFIRM, {"email": "ada@example.com", "code": code}).json()["code"] == "code_wrong"
    assert api.post(CONFIRM, {"token": tokens.person_token(entry)}).json()["state"] == "waiting"


def test_a_new_message_has_new_digits(api: Api, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    api.post("/api/waitlist/resend", {"email": "ada@example.com"})
    assert api.post(CONFIRM, {"email": "ada@example.com", "code": tokens.confirm_code(entry.pk, 1)}).status_code == 422
    assert api.post(CONFIRM, {"email": "ada@example.com", "code": tokens.confirm_code(entry.pk, 2)}).status_code == 200


def test_an_unknown_address_and_a_wrong_code_are_one_answer(api: Api, launch: Launch) -> None:
    cast.joins(launch, "ada")
    known = api.post(CONFIRM, {"email": "ada@example.com", "code": "000000"})
    unknown = api.post(CONFIRM, {"email": "eve@example.com", "code": "000000"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


def test_resend_answers_alike_for_everybody(api: Api, launch: Launch) -> None:
    cast.joins(launch, "ada")
    known = api.post("/api/waitlist/resend", {"email": "ada@example.com"})
    assert known.content == api.post("/api/waitlist/resend", {"email": "eve@example.com"}).content


def test_me_shows_where_the_person_stands_and_why(api: Api, launch: Launch) -> None:
    cast.waits(launch, "ben", persona="agency")
    entry = cast.ada(launch)
    said = api.with_token(tokens.person_token(entry)).get("/api/waitlist/me").json()
    assert (said["position"], said["total_waiting"], said["priority"]) == (2, 2, 5)
    assert said["estimated_wait"] == "a day"
    assert said["referred"] == {"joined": 0, "confirmed": 0, "registered": 0}
    assert (said["invite"], said["codes"], said["rewards"]) == (None, [], [])


def test_a_held_person_sees_what_everybody_sees(api: Api, launch: Launch) -> None:
    entry = cast.ada(launch)
    api.with_token(tokens.person_token(entry))
    before = api.get("/api/waitlist/me").json()
    deciding.hold([entry.pk], "odd", by="staff:1")
    after = api.get("/api/waitlist/me").json()
    assert (after["state"], after["position"]) == (before["state"], before["position"])


def test_without_a_token_nobody_has_a_page(api: Api, launch: Launch) -> None:
    assert api.get("/api/waitlist/me").status_code == 401


@pytest.mark.parametrize("token", ["x", "WzEsMV0:forged"])
def test_a_forged_token_opens_nothing(token: str, api: Api, launch: Launch) -> None:
    assert api.with_token(token).get("/api/waitlist/me").status_code == 401


def test_an_invite_token_is_no_person_token(api: Api, launch: Launch) -> None:
    _entry, offer = cast.invited(launch, "ada")
    assert api.with_token(invite_token(offer)).get("/api/waitlist/me").status_code == 401


def test_a_new_link_version_closes_the_old_link(api: Api, launch: Launch) -> None:
    entry = cast.ada(launch)
    Entry.objects.filter(pk=entry.pk).update(link_version=2)
    assert api.with_token(tokens.person_token(entry)).get("/api/waitlist/me").status_code == 401


def test_leaving_is_for_good_until_joining_again(api: Api, launch: Launch) -> None:
    entry = cast.ada(launch)
    api.with_token(tokens.person_token(entry))
    for _n in range(2):
        assert api.post("/api/waitlist/leave").json() == {"status": "success", "state": "left"}
    assert Event.objects.filter(kind="entry.removed").count() == 1


def test_a_deferred_person_keeps_their_place_and_is_passed_over(api: Api, launch: Launch) -> None:
    entry = cast.ada(launch)
    until = (timezone.now() + timedelta(days=3)).isoformat()
    assert api.with_token(tokens.person_token(entry)).post("/api/waitlist/defer", {"until": until}).status_code == 200
    assert release(launch, by="cron").released == 0
    assert api.get("/api/waitlist/me").json()["position"] == 1


@pytest.mark.parametrize("days", [-1, 400])
def test_a_defer_out_of_range_is_refused(days: int, api: Api, launch: Launch) -> None:
    api.with_token(tokens.person_token(cast.ada(launch)))
    until = (timezone.now() + timedelta(days=days)).isoformat()
    assert api.post("/api/waitlist/defer", {"until": until}).json()["code"] == "defer_out_of_range"


def test_stats_count_confirmed_people_only(api: Api, launch: Launch) -> None:
    cast.joins(launch, "eve")
    cast.ada(launch)
    said = api.get("/api/waitlist/stats").json()
    assert {name: said[name] for name in ("total", "waiting", "processed_today")} == {
        "total": 1,
        "waiting": 1,
        "processed_today": 0,
    }


def test_a_launch_can_close_its_stats(api: Api, launch: Launch) -> None:
    tuning.tune(launch, {"stats_public": False}, by="staff:1")
    assert api.get("/api/waitlist/stats").status_code == 401


def test_who_unsubscribed_and_confirms_again_is_written_to_again(api: Api, launch: Launch) -> None:
    """Else their invitation would never reach them; an address that bounced stays as it is."""
    entry = cast.joins(launch, "ada")
    suppress(address_key("email", "ada@example.com"), "unsubscribed", by="public")
    api.post(CONFIRM, {"token": tokens.person_token(entry)})
    assert not Suppression.objects.exists()
    suppress(address_key("email", "ben@example.com"), "bounced", by="system")
    api.post(CONFIRM, {"token": tokens.person_token(cast.joins(launch, "ben"))})
    assert Suppression.objects.get().reason == "bounced"


@pytest.mark.parametrize("code", ["é" * 6, "٣٣٣٣٣٣", " ", "-1", "1e5"])
def test_digits_that_are_none_are_a_wrong_code(code: str, api: Api, launch: Launch) -> None:
    cast.joins(launch, "ada")
    assert api.post(CONFIRM, {"email": "ada@example.com", "code": code}).status_code in (400, 422)
