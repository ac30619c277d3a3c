"""Blocking a domain or a network: who comes from there is held, what it left pending is rejected in one job, and back again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from outbox import relay
from outbox.callers import Origin
from outbox.errors import Refused
from outbox.models import Event, Job
from outbox.states import StaleState
from quality.actions import barring
from quality.bars import Target, target_of
from quality.models import Bar
from quality.queries.review import left_by
from tests import cast
from tests.conftest import Api
from tests.integration.test_assess import HOME, PHONE, joins, latest
from tests.integration.test_console import console
from tests.integration.test_review import staff
from waitlist.actions import confirming, deciding
from waitlist.models import Entry, Launch

__all__ = ["console"]
pytestmark = pytest.mark.django_db
PLACES = "/admin/review/places/"
NEAR_HOME = Origin("203.0.113.77", PHONE, "eve-phone")


def bars(text: str, days: int = 30) -> Bar:
    return barring.make_bar(target_of(text), "spam wave", days=days, by="staff:1")


@pytest.mark.parametrize("text", ["203.0.113.0/24", "203.0.113.9", "203.0.0.0/16"])
def test_who_comes_from_a_blocked_network_is_held_and_sees_what_everybody_sees(
    api: Api, launch: Launch, text: str
) -> None:
    bars(text)
    entry = joins(launch, "ada@example.com", NEAR_HOME)
    assert (entry.status, entry.held_by, latest(entry).rules) == ("pending", "quality", ["barred_network"])
    assert entry.held_reason == "They came from a network that staff blocked."
    api.credentials(HTTP_USER_AGENT=PHONE, REMOTE_ADDR="203.0.113.5")
    inside = api.post("/api/waitlist/join", {"email": "ben@example.com"})
    api.credentials(HTTP_USER_AGENT=PHONE, REMOTE_ADDR="198.51.100.5")
    outside = api.post("/api/waitlist/join", {"email": "cleo@example.com"})
    assert (inside.status_code, inside.json()) == (outside.status_code, outside.json())


@pytest.mark.parametrize("address", ["eve@spam.example", "eve@mail.spam.example"])
def test_who_has_an_address_at_a_blocked_domain_is_held(launch: Launch, address: str) -> None:
    bars("eve@Spam.example")
    assert latest(joins(launch, address)).rules == ["barred_domain"]
    assert latest(joins(launch, "ada@notspam.example")).rules == []


def test_an_ipv6_network_is_blocked_too(launch: Launch) -> None:
    bars("2001:db8:7::/48")
    there = replace(HOME, network="2001:db8:7:1::", device="x")
    assert latest(joins(launch, "eve@example.com", there)).rules == ["barred_network"]
    assert latest(joins(launch, "ada@example.com", replace(there, network="2001:db8:8::", device="y"))).rules == []


def test_it_holds_whatever_the_thresholds_of_the_launch_are(launch: Launch) -> None:
    Launch.objects.update(review_score=900, deny_score=900)
    bars("203.0.113.0/24")
    assert joins(cast.now(cast.ada(launch)).launch, "eve@example.com").held_by == "quality"


def test_it_ends_by_itself_and_can_be_made_anew(launch: Launch) -> None:
    old = bars("203.0.113.0/24")
    Bar.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert joins(launch, "ada@example.com").held_at is None
    new = bars("203.0.113.0/24")
    assert Bar.objects.filter(pk=old.pk, ended_at=F("until")).exists()
    assert joins(launch, "eve@example.com", NEAR_HOME).held_by == "quality"
    with pytest.raises(StaleState, match="blocked already"):
        bars("203.0.113.99")
    assert Event.objects.get(subject=f"bar:{new.pk}").data["reason"] == "spam wave"


@pytest.mark.parametrize("days", [0, 366])
def test_no_block_is_for_ever(launch: Launch, days: int) -> None:
    with pytest.raises(Refused, match="until_out_of_range"):
        bars("spam.example", days)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("gmail.com", "gives mailboxes to everybody"),
        ("eve@outlook.com", "gives mailboxes to everybody"),
        ("10.1.2.3", "of our own house"),
        ("fd00::/64", "of our own house"),
        ("127.0.0.1", "of our own house"),
        ("203.0.0.0/8", "too wide"),
        ("::/0", "too wide"),
        ("com", "whole top-level domain"),
        ("300.1.2.3", "no network"),
        ("spam example", "neither a domain nor a network"),
        ("ours.example", "our own domain"),
        ("example", "whole top-level domain"),
    ],
)
def test_what_must_not_be_blocked_by_a_slip_is_explained(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        target_of(text, ours=frozenset({"www.ours.example"}))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("203.0.113.9", Target("", "203.0.113.0/24", "203.0.113.0", "203.0.113.255")),
        ("2001:db8:1:2::5", Target("", "2001:db8:1:2::/64", "2001:db8:1:2::", "2001:db8:1:2:ffff:ffff:ffff:ffff")),
        (" Bücher.example. ", Target("xn--bcher-kva.example")),
    ],
)
def test_an_address_is_widened_and_a_domain_read_as_mail_reads_it(text: str, target: Target) -> None:
    assert target_of(text) == target


def test_it_offers_to_reject_what_it_left_pending_in_one_job(console: Client, launch: Launch) -> None:
    spam = [joins(launch, f"eve{n}.x@outlook.com", replace(HOME, device=f"d{n}")) for n in range(3)]
    confirming.confirm(spam[0].pk, by="public", origin=replace(HOME, device="d0"))
    far = joins(launch, "ada@example.com", replace(HOME, network="198.51.100.7"))
    victor = joins(launch, "victor@example.com", replace(HOME, device="d5"))
    confirming.confirm(victor.pk, by="public", origin=Origin("192.0.2.9", PHONE, "victor"))
    cleared = joins(launch, "cleo@example.com", replace(HOME, device="d6"))
    deciding.hold([cleared.pk], "odd", by="quality")
    assessed = latest(cleared)
    type(assessed).objects.filter(pk=assessed.pk).update(verdict="review")
    deciding.release([cleared.pk], "a friend", by="staff:1")
    where = console.post(PLACES, {"place": "203.0.113.5", "days": 30, "reason": "spam wave"}).headers["Location"]
    said = console.get(where).content.decode()
    assert "3 people from there are not in yet" in said and "eve1.x@outlook.com" in said
    job_at = console.post(where, {"act": "reject", "reason": "spam wave"}).headers["Location"]
    relay.drain()
    assert Entry.objects.filter(status="rejected").count() == Job.objects.get().changed == 3
    assert {cast.now(one).status for one in (far, victor, cleared)} == {"pending", "waiting"}
    assert f'href="{where}"' in console.get(job_at).content.decode()
    assert "nothing is left to reject" in console.get(where).content.decode()


def test_of_a_domain_also_who_left_no_trace_is_found(launch: Launch) -> None:
    people = [joins(launch, address) for address in ("a@spam.example", "b@x.spam.example", "c@notspam.example")]
    people[0].traces.all().delete()
    assert list(left_by(bars("spam.example"), 10)) == [people[0].pk, people[1].pk]


def test_unblocking_lets_new_people_in_and_those_held_stay_held(console: Client, launch: Launch) -> None:
    bar = bars("203.0.113.0/24")
    eve = joins(launch, "eve@example.com")
    where = f"{PLACES}{bar.pk}/"
    assert "stays held" in console.get(where).content.decode()
    console.post(where, {"act": "end", "reason": "over"})
    assert Event.objects.get(kind="bar.ended").data == {"reason": "over"}
    assert joins(launch, "ada@example.com", NEAR_HOME).held_at is None
    assert cast.now(eve).held_by == "quality"
    assert "it had ended" in console.post(where, {"act": "end", "reason": "again"}, follow=True).content.decode()


def test_the_form_says_what_is_wrong_and_offers_what_fits_the_person(console: Client, launch: Launch) -> None:
    eve = joins(launch, "eve@spam.example")
    form = console.get(f"{PLACES}?near={eve.pk}")
    assert form.context["suggested"] == [("domain", "spam.example"), ("network", "203.0.113.0/24")]
    assert form.context["form"].initial["place"] == "spam.example"
    said = console.post(PLACES, {"place": "gmail.com", "days": 30, "reason": "spam"}).content.decode()
    assert "gives mailboxes to everybody" in said
    own = console.post(
        PLACES, {"place": "198.51.100.0/24", "days": 30, "reason": "spam"}, REMOTE_ADDR="198.51.100.9"
    ).content.decode()
    assert "You are in this network yourself" in own
    assert "localhost" not in said and not Bar.objects.exists()


def test_a_moderator_may_block_and_a_viewer_only_look(launch: Launch) -> None:
    bar = bars("203.0.113.0/24")
    viewer = staff("viewer")
    joins(launch, "eve@example.com")
    said = viewer.get(f"{PLACES}{bar.pk}/").content.decode()
    assert "ev…@ex…" in said and "eve@example.com" not in said
    assert viewer.get(PLACES).context["form"] is None
    assert viewer.post(PLACES, {"place": "spam.example", "days": 30, "reason": "x"}).status_code == 403
    for act in ("reject", "end"):
        assert viewer.post(f"{PLACES}{bar.pk}/", {"act": act, "reason": "x"}).status_code == 403
    assert staff("moderator").post(PLACES, {"place": "spam.example", "days": 9, "reason": "x"}).status_code == 302


def test_a_redemption_from_a_blocked_network_lets_nobody_in_and_reads_like_any_other(api: Api, launch: Launch) -> None:
    codes = [cast.code_of(cast.registers(launch, name)) for name in ("ben", "ada")]
    bars("203.0.113.0/24")
    said = []
    for code, who, where in ((codes[0], "eve", "203.0.113.5"), (codes[1], "hal", "198.51.100.5")):
        asked = {"code": code, "email": f"{who}@example.org"}
        said.append(api.post("/api/invites/redeem", asked, HTTP_USER_AGENT=PHONE, REMOTE_ADDR=where))
    assert [one.status_code for one in said] == [200, 200]
    assert said[0].content.replace(b"eve", b"") == said[1].content.replace(b"hal", b"")
    assert Entry.objects.get(canonical="eve@example.org").held_by == "quality"
    assert Entry.objects.get(canonical="hal@example.org").status == "registered"
