"""Who is real: what joining and confirming leave as assessments, who is held, and who gets in all the same."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from config.invariants import broken
from outbox import relay
from outbox.callers import Origin
from outbox.models import Delivery, Event
from quality import handlers
from quality.actions import assessing
from quality.models import Assessment
from tests import cast
from tests.conftest import Api, Mailbox
from waitlist.actions import confirming, deciding, joining
from waitlist.channels import read
from waitlist.models import Entry, Launch, Trace
from waitlist.queries import forget_kept, rules_of, total_waiting

pytestmark = pytest.mark.django_db

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"
HOME = Origin("203.0.113.5", PHONE, "ada-phone")


def joins(launch: Launch, email: str, origin: Origin = HOME, **said: Any) -> Entry:
    """Somebody joins from there."""
    rules = rules_of(launch.slug)
    assert rules
    application = joining.Application(read("email", email), **said)
    joined = joining.join(rules, application, by="public", origin=origin)
    return cast.now(Entry(pk=joined.entry_id))


def latest(entry: Entry) -> Assessment:
    found = Assessment.objects.filter(entry=entry).order_by("-pk").first()
    assert found
    return found


def test_each_join_is_assessed_and_the_row_explains_itself(launch: Launch) -> None:
    kept = latest(joins(launch, "ada@example.com"))
    assert (kept.act, kept.verdict, kept.rules, kept.score, kept.evidence) == ("join", "allow", [], 0, {})


def test_a_throw_away_address_is_held_and_sees_what_everybody_sees(api: Api, launch: Launch) -> None:
    api.credentials(HTTP_USER_AGENT=PHONE)
    honest = api.post("/api/waitlist/join", {"email": "ada@example.com"}).json()
    caught = api.post("/api/waitlist/join", {"email": "eve@mailinator.com"}).json()
    assert honest == caught
    entry = Entry.objects.get(canonical="eve@mailinator.com")
    assert (entry.held_by, entry.held_reason) == ("quality", "The address is at a provider of throw-away mailboxes.")
    assert Event.objects.get(kind="entry.assessed").data["verdict"] == "review"


def test_no_address_and_no_network_stands_in_the_evidence(launch: Launch) -> None:
    for n in range(12):
        joins(launch, f"x{n}@example.com", replace(HOME, device=""))
    text = str(list(Assessment.objects.values_list("evidence", flat=True)))
    assert "example.com" not in text and "203.0.113" not in text and "network_people" in text


def test_an_office_of_fifty_behind_one_address_gets_in(launch: Launch) -> None:
    for n in range(50):
        entry = joins(launch, f"person{n}.x@office.example", replace(HOME, device=f"desk-{n}"))
        confirming.confirm(entry.pk, by="public", origin=replace(HOME, device=f"desk-{n}"))
    relay.drain()
    assert not Entry.objects.filter(held_at__isnull=False).exists()
    assert total_waiting(launch) == 50


def test_a_family_that_shares_a_tablet_gets_in(launch: Launch) -> None:
    mother = joins(launch, "maria.lopez@gmail.com")
    for name in ("juan.lopez", "ana.lopez", "luis.lopez"):
        joins(launch, f"{name}@gmail.com", referral_code=mother.referral_code)
    relay.drain()
    assert not Entry.objects.filter(held_at__isnull=False).exists()


TEXT = "I want this great product now and for all my many friends"


def burst(launch: Launch) -> list[Entry]:
    """A script that joins with addresses of its own, from one machine."""
    script = Origin("198.51.100.9", "python-requests/2.34", "")
    return [joins(launch, f"john{n}@outlook.com", script, use_case=TEXT) for n in range(12)]


def test_a_burst_is_caught_also_those_who_came_first(launch: Launch) -> None:
    first, *_rest = burst(launch)
    assert cast.now(first).held_at is None
    relay.drain()
    assert Entry.objects.filter(held_at__isnull=True).count() == 0
    assert latest(first).act == "again"
    assert broken() == []


def test_second_looks_hold_up_no_mail(launch: Launch, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look may cost as much as five hundred neighbours; a flood of them takes its share of a batch and no more."""
    monkeypatch.setattr(handlers, "SHARE", 0)
    burst(launch)
    joins(launch, "ada@example.com")
    relay.drain()
    assert mailbox.all("ada@example.com")
    waiting = Delivery.objects.filter(handler="look_again", status="owed", due_at__gt=timezone.now())
    assert waiting.exists() and set(waiting.values_list("attempts", flat=True)) == {0}
    monkeypatch.undo()
    waiting.update(due_at=timezone.now())
    relay.drain()
    assert not Entry.objects.filter(held_at=None).exclude(canonical="ada@example.com").exists()


BOTS = Origin("198.51.100.9", PHONE, "eve-phone", form_seconds=4.0)
VICTOR = Origin("192.0.2.44", PHONE, "victor-phone")


@pytest.mark.parametrize(
    ("where", "is_held"), [(VICTOR, False), (replace(VICTOR, device="eve-phone"), True), (BOTS, True)]
)
def test_how_a_stranger_typed_it_is_not_held_against_its_owner(launch: Launch, where: Origin, is_held: bool) -> None:
    """Eve types Victor's address fast, in the words of her bots; whoever confirms it from where she did is her own bot."""
    for n in range(4):
        joins(launch, f"eve.{n}x@gmail.com", replace(BOTS, network=f"198.51.100.{n}", device=f"eve-{n}"), use_case=TEXT)
    victor = joins(launch, "victor@gmail.com", BOTS, use_case=TEXT)
    assert victor.held_by == "quality"
    confirming.confirm(victor.pk, by="public", origin=where)
    relay.drain()
    assert (cast.now(victor).held_at is not None) == is_held


def test_somebody_else_far_away_is_not_drawn_into_it(launch: Launch) -> None:
    ada = joins(launch, "ada@example.com")
    burst(launch)
    relay.drain()
    assert cast.now(ada).held_at is None


def test_a_ring_that_brings_itself_is_caught(launch: Launch) -> None:
    last = joins(launch, "ringmaster@gmail.com", replace(HOME, device="window-0"))
    ring = [last]
    for n, name in enumerate(("lena.k", "otto.b", "mia.s", "jan.w", "eva.p", "tom.r", "ida.f"), start=1):
        last = joins(launch, f"{name}@gmail.com", replace(HOME, device=f"window-{n}"), referral_code=last.referral_code)
        ring.append(last)
    relay.drain()
    assert [cast.now(one).held_at is not None for one in ring[1:]] == [True] * 7


def test_friends_of_one_person_from_many_places_are_no_ring(launch: Launch) -> None:
    ben = joins(launch, "ben@gmail.com")
    for n in range(10):
        joins(launch, f"friend{n}@gmail.com", Origin(f"203.0.{n}.7", PHONE, f"d{n}"), referral_code=ben.referral_code)
    relay.drain()
    assert not Entry.objects.filter(held_at__isnull=False).exists()


def test_who_confirms_from_their_own_place_is_freed_of_what_eve_did_with_their_address(launch: Launch) -> None:
    *_others, last = burst(launch)
    assert cast.now(last).held_at
    confirming.confirm(last.pk, by="public", origin=HOME)
    Trace.objects.filter(entry=last, act="join").update(text_key=None)  # her words were Eve's
    assessing.assess([last.pk], "confirm")
    assert cast.now(last).held_at is None


def test_staff_may_overrule_and_the_rules_hold_nobody_twice(launch: Launch) -> None:
    entry = joins(launch, "eve@mailinator.com")
    deciding.release([entry.pk], "I know her", by="staff:1")
    confirming.confirm(entry.pk, by="public", origin=HOME)
    assert cast.now(entry).held_at is None
    assert (latest(entry).verdict, latest(entry).evidence["cleared"]) == ("review", True)


def test_a_person_whom_staff_hold_is_not_freed_by_confirming(launch: Launch) -> None:
    entry = joins(launch, "ada@example.com")
    deciding.hold([entry.pk], "wait", by="staff:1")
    confirming.confirm(entry.pk, by="public", origin=HOME)
    assert cast.now(entry).held_by == "staff:1"


def test_a_key_that_speaks_for_many_people_is_no_burst(api: Api, launch: Launch, key: Any) -> None:
    api.with_key(key("waitlist:write"))
    for n in range(15):
        api.post("/api/waitlist/join", {"email": f"person{n}@example.com"}, HTTP_USER_AGENT="python-httpx/1")
    relay.drain()
    assert not Entry.objects.filter(held_at__isnull=False).exists()


def test_an_owner_knows_a_domain_better_than_the_list(launch: Launch) -> None:
    assessing.list_domain("mailinator.com", is_disposable=False, by="staff:1")
    assessing.list_domain("throw.example", is_disposable=True, by="staff:1")
    assert cast.now(joins(launch, "ada@mailinator.com")).held_at is None
    assert cast.now(joins(launch, "eve@a.throw.example")).held_at


def test_kept_evidence_is_replayed_with_the_rules_and_thresholds_of_today(launch: Launch) -> None:
    joins(launch, "eve@mailinator.com")
    joins(launch, "ada@example.com")
    Launch.objects.update(deny_score=60)
    forget_kept()
    out = StringIO()
    call_command("replay_assessments", stdout=out)
    assert "review → deny    1" in out.getvalue()
    assert "1 of 2 would be judged otherwise." in out.getvalue()


def test_the_console_says_why_in_words(launch: Launch, client: Client) -> None:
    entry = joins(launch, "eve@mailinator.com")
    client.force_login(cast.dev())
    page = client.get(f"/admin/waitlist/entry/{entry.pk}/change/").content.decode()
    assert "The address is at a provider of throw-away mailboxes. (+60)" in page
    listed = client.get("/admin/quality/assessment/?verdict__exact=review").content.decode()
    assert "throw-away" in listed


def test_an_owner_lists_a_domain_in_the_console(launch: Launch, client: Client) -> None:
    client.force_login(cast.dev())
    client.post("/admin/quality/listeddomain/add/", {"domain": "throw.example", "is_disposable": "on"})
    assert Event.objects.filter(kind="domain.listed").count() == 1
    assert cast.now(joins(launch, "eve@throw.example")).held_at


def test_a_persons_hold_takes_over_a_rules_and_a_clean_confirm_does_not_end_it(launch: Launch) -> None:
    *_others, last = burst(launch)
    assert cast.now(last).held_by == "quality"
    deciding.hold([last.pk], "I want to ask her", by="staff:1")
    confirming.confirm(last.pk, by="public", origin=Origin("192.0.2.99", PHONE, "other"))
    assert cast.now(last).held_by == "staff:1"


OFFICE: dict[str, Any] = {"HTTP_USER_AGENT": "python-httpx/1", "REMOTE_ADDR": "203.0.113.5"}


def test_an_office_that_comes_by_the_api_without_a_browser_gets_in_too(api: Api, launch: Launch) -> None:
    for n in range(50):
        api.post("/api/waitlist/join", {"email": f"person{n}@office.example"}, **OFFICE)
    relay.drain()
    assert not Entry.objects.filter(held_at__isnull=False).exists()


def test_behind_a_proxy_whose_word_is_not_believed_nobody_is_taken_for_a_crowd(api: Api, launch: Launch) -> None:
    for n in range(30):
        api.post("/api/waitlist/join", {"email": f"john{n}@gmail.com"}, REMOTE_ADDR="10.0.0.1")
    relay.drain()
    assert not Entry.objects.filter(held_at__isnull=False).exists()


def test_numbered_addresses_at_free_mail_from_one_script_wait(api: Api, launch: Launch) -> None:
    for n in range(12):
        api.post("/api/waitlist/join", {"email": f"john{n}@gmail.com"}, **OFFICE)
    relay.drain()
    assert Entry.objects.filter(held_by="quality").count() == 12
