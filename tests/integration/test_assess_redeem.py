"""Redeeming under suspicion: it looks accepted, nobody is in, and a moderator's release sends what completes it."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from config.invariants import broken
from invites import queries
from invites.actions import making, redeeming
from invites.models import Code, Redemption, Reservation
from outbox.callers import Origin
from outbox.errors import Refused
from quality.models import Assessment
from tests import cast
from tests.conftest import Api, Mailbox
from tests.signups import FORM, LOOK_IN_INBOX, PASSWORD, shared_code
from waitlist.actions import deciding, tuning
from waitlist.channels import read
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db

REDEEM = "/api/invites/redeem"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"
EVE = "eve@mailinator.com"


@pytest.fixture
def code(launch: Launch) -> str:
    return cast.code_of(cast.ben(launch))


def signs_up(client: Client, email: str, code: str = "") -> Any:
    """The form, filled in by that address."""
    said = {"invite_code": code, "email": email, "password1": PASSWORD, "name": "Eve"}
    return client.post(FORM, said, HTTP_USER_AGENT=PHONE)


def test_a_suspected_stranger_reads_what_everybody_reads_and_is_not_in(api: Api, launch: Launch, code: str) -> None:
    other = cast.code_of(cast.registers(launch, "ada"))
    honest = api.post(REDEEM, {"code": other, "email": "hal@example.org"}, HTTP_USER_AGENT=PHONE)
    caught = api.post(REDEEM, {"code": code, "email": EVE}, HTTP_USER_AGENT=PHONE)
    assert (honest.status_code, caught.status_code) == (200, 200)
    assert honest.content.replace(b"hal@example.org", b"") == caught.content.replace(EVE.encode(), b"")
    entry = Entry.objects.get(canonical=EVE)
    assert (entry.status, entry.held_by) == ("pending", "quality")
    assert not Redemption.objects.filter(entry=entry).exists()
    assert Assessment.objects.get(entry=entry).act == "redeem"


def test_asking_again_they_still_read_what_everybody_reads(api: Api, launch: Launch, code: str) -> None:
    other = cast.code_of(cast.registers(launch, "ada"))
    honest, caught = {"code": other, "email": "hal@example.org"}, {"code": code, "email": EVE}
    for _n in range(2):
        said = [api.post(REDEEM, one, HTTP_USER_AGENT=PHONE) for one in (honest, caught)]
        assert [one.status_code for one in said] == [200, 200]
        assert said[0].content.replace(b"hal@example.org", b"") == said[1].content.replace(EVE.encode(), b"")
    assert Reservation.objects.count() == 1
    assert broken() == []


def test_whom_the_rules_hold_for_their_join_is_not_told_so_by_a_code(
    api: Api, launch: Launch, mailbox: Mailbox
) -> None:
    held = cast.waits(launch, "ada")
    deciding.hold([held.pk], "The rules suspect them.", by="quality")
    said = api.post(REDEEM, {"code": cast.code_of(cast.ben(launch)), "email": "ada@example.com"}, HTTP_USER_AGENT=PHONE)
    assert said.status_code == 200
    assert cast.now(held).status == "waiting"
    deciding.release([held.pk], "I know her", by="staff:1")
    assert "/redeem?token=" in mailbox.newest("ada@example.com").text


def test_the_form_answers_a_second_try_alike(launch: Launch) -> None:
    code = shared_code(launch, uses=3)
    for _n in range(2):
        said = [signs_up(Client(), one, code) for one in (EVE, "hal@example.org")]
        assert [(one.status_code, one["Location"]) for one in said] == [(302, LOOK_IN_INBOX)] * 2
    assert not User.objects.filter(email=EVE).exists()


def test_an_open_launch_does_not_say_whom_the_rules_hold(launch: Launch) -> None:
    tuning.tune(launch, {"mode": "open"}, by="staff:1")
    held = cast.waits(launch, "ada")
    deciding.hold([held.pk], "The rules suspect them.", by="quality")
    said = signs_up(Client(), "ada@example.com")
    assert (said.status_code, said["Location"]) == (302, LOOK_IN_INBOX)
    assert not User.objects.filter(email="ada@example.com").exists()


def test_the_use_is_kept_until_a_moderator_has_looked(api: Api, launch: Launch, code: str, mailbox: Mailbox) -> None:
    api.post(REDEEM, {"code": code, "email": EVE}, HTTP_USER_AGENT=PHONE)
    assert mailbox.all(EVE) == []
    with pytest.raises(Refused):
        redeeming.redeem(launch, redeeming.Ask(read("email", "other@example.org"), code=code), by="public")
    entry = Entry.objects.get(canonical=EVE)
    deciding.release([entry.pk], "I know her", by="staff:1")
    link = re.search(r"/redeem\?token=\S+", mailbox.newest(EVE).text)
    assert link
    page = Client().get(link[0])
    token = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    assert token
    Client().post("/redeem", {"token": token[1]}, HTTP_USER_AGENT=PHONE)
    assert cast.now(entry).status == "registered"
    assert broken() == []


def test_a_product_that_asks_with_a_key_is_told_no(api: Api, launch: Launch, code: str, key: Any) -> None:
    said = api.with_key(key("codes:redeem")).post(REDEEM, {"code": code, "email": EVE})
    assert (said.status_code, said.json()["code"]) == (422, "invite_not_accepted")
    assert "in_review" in said.json()["detail"]
    assert Entry.objects.get(canonical=EVE).held_by == "quality"


def test_who_is_denied_leaves_an_assessment_and_takes_no_use(api: Api, launch: Launch, code: str) -> None:
    Launch.objects.update(deny_score=60)
    assert api.post(REDEEM, {"code": code, "email": EVE}, HTTP_USER_AGENT=PHONE).status_code == 200
    assert not Entry.objects.filter(canonical=EVE).exists()
    assert not Reservation.objects.exists()
    assert Assessment.objects.get(verdict="deny").entry is None
    assert Code.objects.filter(reserved__gt=0).count() == 0


def test_the_sign_up_form_makes_no_user_for_who_is_suspected(client: Client, launch: Launch, code: str) -> None:
    said = {"invite_code": code, "email": EVE, "password1": "correct horse battery", "name": "Eve"}
    honest = client.post(
        "/accounts/signup/",
        {**said, "invite_code": cast.code_of(cast.registers(launch, "ada")), "email": "hal@example.org"},
        HTTP_USER_AGENT=PHONE,
    )
    caught = Client().post("/accounts/signup/", said, HTTP_USER_AGENT=PHONE)
    assert (honest.status_code, honest["Location"]) == (caught.status_code, caught["Location"])
    assert not User.objects.filter(email=EVE).exists()
    assert Entry.objects.get(canonical=EVE).held_by == "quality"
    assert Reservation.objects.count() == 1


def test_an_honest_guest_list_at_one_place_gets_in(launch: Launch) -> None:
    spec = making.Spec(
        count=1, expires_at=cast.now(cast.ada(launch)).created_at.replace(year=2027), kind="vip", max_uses=30
    )
    code = making.make(launch, spec, run_id=None, by="staff:1")[0]
    text = queries.text_of(Code.objects.get(pk=code))
    for n in range(30):
        origin = Origin("203.0.113.5", PHONE, f"guest-{n}")
        redeeming.redeem(
            launch, redeeming.Ask(read("email", f"guest{n}.a@gmail.com"), code=text, origin=origin), by="public"
        )
    assert Entry.objects.filter(status="registered", invited_by=f"code:{code}").count() == 30


def test_in_an_open_launch_everybody_comes_in_and_who_is_suspected_waits_for_a_look(launch: Launch) -> None:
    Launch.objects.update(mode="open")
    assert redeeming.let_in_openly(
        launch, redeeming.Ask(read("email", EVE), origin=Origin("203.0.113.5", PHONE, "e")), by="public"
    )
    entry = Entry.objects.get(canonical=EVE)
    assert (entry.status, entry.held_by) == ("registered", "quality")
