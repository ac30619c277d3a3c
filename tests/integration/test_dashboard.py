"""The console's first page: its numbers are those of the rows behind them, it asks little, and the quota is set in place."""

import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from invites.actions import redeeming
from invites.models import Attempt, Code
from outbox import sql
from outbox.models import Delivery, Event, Job, Suppression
from quality import tasks
from quality.actions import tallying
from quality.models import Activity, Alert, Assessment, Refusal, Tally
from quality.tallying import TALLIES
from referrals.models import Referral
from tests import cast
from tests.integration.test_console import console
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch

__all__ = ["console"]
pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
NOW = timezone.now
SOURCES = ["organic", "producthunt", "twitter", "a&b=c?"]


def seen_by(role: str) -> Client:
    """The browser of somebody with this role alone."""
    person = User.objects.create_user(f"{role}@example.com", "correct horse battery staple", admitted_by="staff:test")
    User.objects.filter(pk=person.pk).update(is_staff=True)
    if role != "nobody":
        person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


def shown(client: Client, page: str = "/admin/") -> Any:
    """What the page was drawn from."""
    return client.get(page).context


def count_all(launch: Launch) -> dict[str, Tally]:
    """Everything counted anew, as the worker does when it is due."""
    return tallying.count(launch, TALLIES, NOW())


def messy(launch: Launch, seed: int, people: int = 60) -> random.Random:
    """People of several sources and weeks who stand everywhere: some held, some back again, some active, some by a friend."""
    dice = random.Random(seed)
    for n in range(people):
        status = dice.choice(list(Entry.Status))
        joined = NOW() - timedelta(days=dice.uniform(0, 110))
        came = joined + timedelta(hours=dice.uniform(0, 400))
        confirmed = None if status == "pending" or (status in ("left", "blocked") and dice.random() < 0.5) else came
        entry = Entry.objects.create(
            launch=launch,
            status=status,
            place=n + 1,
            contact=f"p{n}@example.com",
            canonical=f"p{n}@example.com",
            source=dice.choice(SOURCES),
            referral_code=f"code{seed}x{n}",
            held_at=came if dice.random() < 0.2 else None,
            confirmed_at=min(confirmed, NOW()) if confirmed else None,
            invited_at=came if status == "invited" or dice.random() < 0.2 else None,
            registered_at=min(came, NOW()) if status in ("registered", "suspended") else None,
        )
        Entry.objects.filter(pk=entry.pk).update(created_at=joined)
        for k in range(dice.choice([0, 0, 1, 3])):
            kind = dice.choice(["activated", "engaged", "churned"])
            Activity.objects.create(launch=launch, event_id=f"{n}.{k}", entry=entry, kind=kind, at=came)
        looks_like = dice.choice([[], ["shared_device"], ["quick_form", "numbered_address"], ["made_up_name"]])
        look = Assessment.objects.create(
            launch=launch, entry=entry, act="join", evidence={}, rules=looks_like, score=0, verdict="allow"
        )
        Assessment.objects.filter(pk=look.pk).update(at=joined)
    befriend(launch, dice)
    return dice


def befriend(launch: Launch, dice: random.Random) -> None:
    """Some of them brought some of the others."""
    everybody = list(Entry.objects.filter(launch=launch))
    for friend in dice.sample(everybody, len(everybody) // 3):
        referrer, status = dice.choice(everybody), dice.choice(list(Referral.Status))
        if referrer != friend and status != "shared":
            Referral.objects.create(launch=launch, referrer=referrer, referee=friend, status=status, via="link")


def rows_behind(client: Client, link: str) -> int:
    """How many rows the list shows that a number leads to."""
    answer = client.get(link)
    assert answer.status_code == 200, link
    assert "e=1" not in answer.request["QUERY_STRING"]
    shown = answer.context
    return int(shown["cl"].result_count if "cl" in shown else shown["total"])  # a list's, or the review queue's


def figures_of(context: Any) -> list[Any]:
    """Every number of the page that counts rows."""
    rows = [*context["weeks"], *context["sources"], *context["signups"].rows, *context["attempts"].rows]
    found = [figure for row in rows for figure in row.cells]
    found += [step.figure for step in context["funnel"]]
    found += [one for _state, *both in context["states"] for one in both if one]
    return [*found, *context["codes"], *context["tried"], context["waiting"], context["registered"]]


def number(value: str) -> int:
    return int(re.sub(r"\D", "", value))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_number_is_that_of_the_rows_it_leads_to(seed: int, console: Client, launch: Launch) -> None:
    tuning.tune(launch, {"time_zone": "Pacific/Auckland"}, by="system")
    messy(launch, seed)
    messy(tuning.make_launch("other", "Other", by="system"), seed + 10, people=9)
    generate_some(launch)
    figures = figures_of(shown(console))
    wrong = {one.link: one.value for one in figures if number(one.value) != rows_behind(console, one.link)}
    assert len(figures) > 100
    assert wrong == {}


def generate_some(launch: Launch) -> None:
    """A code in every state, and one that was refused."""
    day = timedelta(days=1)
    states: list[dict[str, Any]] = [
        {},
        {"uses": 1},
        {"expires_at": NOW() - day},
        {"expires_at": NOW() + day},
        {"starts_at": NOW() + day},
        {"status": "paused"},
        {"status": "revoked"},
    ]
    for n, state in enumerate(states):
        said = {"digest": bytes([n]) * 32, "expires_at": NOW() + 30 * day} | state
        Code.objects.create(
            launch=launch, kind="bulk", last4="ABCD", format="standard", key_version=1, by="staff:1", **said
        )
    Attempt.objects.create(launch=launch, digest=b"x", door="redeem", reason="code_unknown")


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_tallies_are_what_counting_one_by_one_gives(seed: int, launch: Launch) -> None:
    dice = messy(launch, seed)
    counted = {name: one.counts for name, one in count_all(launch).items()}
    everybody, now = list(Entry.objects.filter(launch=launch)), NOW()
    active = set(Activity.objects.filter(kind__in=["activated", "engaged"]).values_list("entry_id", flat=True))
    came = [sum(stage_of(one, active) >= stage for one in everybody) for stage in range(5)]
    source = dice.choice(SOURCES)
    of_source = [sum(stage_of(one, active) >= stage for one in everybody if one.source == source) for stage in range(5)]
    assert counted["people"]["funnel"] == came
    assert [source, *of_source] in counted["people"]["sources"]
    lately = [one for one in everybody if one.created_at > now - timedelta(28)]
    assert counted["people"]["held_lately"] == sum(one.held_at is not None for one in lately)
    assert counted["people"]["refused_lately"] == sum(one.status in ("rejected", "blocked") for one in lately)
    newcomers = {one.pk for one in everybody if one.confirmed_at and one.confirmed_at > now - timedelta(28)}
    friends = Referral.objects.filter(referrer__in=newcomers, status__in=["confirmed", "qualified"]).count()
    assert (counted["friends"]["newcomers"], counted["friends"]["friends"]) == (len(newcomers), friends)
    twins = Assessment.objects.filter(at__gt=now - timedelta(28), rules__overlap=["shared_device", "numbered_address"])
    assert counted["looks"]["twins"] == twins.count()


def stage_of(entry: Entry, active: set[int]) -> int:
    """How far somebody came, said another way than the statement says it."""
    if entry.registered_at:
        return 4 if entry.pk in active else 3
    return 2 if entry.invited_at else 1 if entry.confirmed_at else 0


def test_weeks_and_days_are_those_of_the_launch(console: Client, launch: Launch) -> None:
    tuning.tune(launch, {"time_zone": "Pacific/Kiritimati"}, by="system")  # 14 hours ahead
    ada, zone = cast.ada(launch), ZoneInfo("Pacific/Kiritimati")
    monday = datetime(2020, 1, 6, 0, 30, tzinfo=zone)
    Entry.objects.filter(pk=ada.pk).update(created_at=monday + timedelta(days=7 * ((NOW() - monday).days // 7)))
    launch.refresh_from_db()
    people = count_all(launch)["people"].counts
    day = Entry.objects.get(pk=ada.pk).created_at.astimezone(zone).date()
    assert people["days"][day.isoformat()] == 1
    assert [day.isoformat(), 1, 1, 0, 0, 0] in people["weeks"]


def test_who_comes_back_is_one_person(console: Client, launch: Launch, api: Any) -> None:
    ada = cast.ada(launch)
    deciding.leave(ada, by="public")
    cast.waits(launch, "ada")
    count_all(launch)
    assert [step.figure.value for step in shown(console)["funnel"]] == ["1", "1", "0", "0", "0"]


def test_a_small_house_sees_what_just_happened(console: Client, launch: Launch) -> None:
    shown(console)
    cast.ada(launch)
    Tally.objects.update(at=NOW() - timedelta(seconds=6), seconds=0.001)
    assert shown(console)["funnel"][0].figure.value == "1"


def test_what_takes_long_is_left_to_the_worker(console: Client, launch: Launch) -> None:
    shown(console)
    cast.ada(launch)
    Tally.objects.update(at=NOW() - timedelta(seconds=250), seconds=2.0)
    assert shown(console)["funnel"][0].figure.value == "0"
    assert tallying.count_due(launch, NOW() - timedelta(seconds=60)) == []
    tasks.tally.delay()
    assert shown(console)["funnel"][0].figure.value == "1"


@pytest.fixture
def queries_of(console: Client, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """How many queries a page makes, the hand-written statements too, which Django does not see."""
    own, rows = [], sql.rows

    def seen_too(*said: Any) -> list[Any]:
        own.append(said)
        return rows(*said)

    monkeypatch.setattr(sql, "rows", seen_too)

    def count(page: str) -> int:
        own.clear()
        with CaptureQueriesContext(connection) as seen:
            assert console.get(page).status_code == 200
        return len(seen) + len(own)

    return count


def test_the_page_asks_as_little_of_many_people_as_of_nobody(queries_of: Callable[[str], int], launch: Launch) -> None:
    queries_of("/admin/")
    Tally.objects.update(at=NOW() + timedelta(hours=1))  # none is due, however slow this machine
    of_nobody = queries_of("/admin/")
    messy(launch, 7)
    generate_some(launch)
    count_all(launch)
    Tally.objects.update(at=NOW() + timedelta(hours=1))
    assert queries_of("/admin/") == of_nobody <= 20


@pytest.mark.parametrize("filters", ["", "?source=twitter", "?status__exact=waiting", "?reached=active"])
def test_the_list_of_people_asks_no_more_of_many(
    filters: str, queries_of: Callable[[str], int], launch: Launch
) -> None:
    cast.ada(launch)
    page = f"/admin/waitlist/entry/{filters}"
    queries_of(page)
    of_one = queries_of(page)
    messy(launch, 8)
    assert queries_of(page) == of_one <= 12


def test_a_long_list_tells_about_how_many_there_are(
    console: Client, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outbox.console.COUNTED", 5)
    messy(launch, 9, people=12)
    said = console.get("/admin/waitlist/entry/")
    assert said.context["cl"].result_count >= 6
    assert "About so many" in said.content.decode()


def held_as_well(launch: Launch, name: str) -> list[int]:
    """Somebody with the brake on."""
    held = [cast.joins(launch, name).pk]
    deciding.hold(held, "odd", by="staff:1")
    return held


def test_what_needs_somebody_comes_first(console: Client, launch: Launch) -> None:
    assert "Nothing needs you now" in console.get("/admin/").content.decode()
    cast.cleo(launch)
    deciding.reject([cast.joins(launch, "eve").pk, *held_as_well(launch, "ben")], "spam", by="staff:1")
    Alert.objects.create(launch=launch, code="gate_closed", detail="")
    Job.objects.create(name="x", ids=[], reason="", by="staff:1", total=0, status="failed")
    Delivery.objects.create(handler="mail", name="x", subject="entry:1", status="given_up")
    count_all(launch)
    said = [one.label for one in shown(console)["needs"]]
    assert said == ["1 alert is open", "1 person is held for review", "1 delivery was given up", "1 job failed"]
    assert all(rows_behind(console, one.link) == 1 for one in shown(console)["needs"])


def test_what_the_doors_refused_and_what_bounced_is_told(console: Client, launch: Launch) -> None:
    minute = NOW().replace(second=0, microsecond=0)
    Refusal.objects.create(rule="join:network", key="k", result="refused", minute=minute, count=9, limit=8, times=7)
    Suppression.objects.create(address_key=b"k", reason="bounced")
    context = shown(console)
    assert (context["limits"][0][0], context["limits"][0][1], context["limits"][0][2].value) == (
        "join:network",
        "600/h",
        "7",
    )
    assert context["refusals"].rows[-1].cells[0].value == "7"
    assert [one.value for one in context["outgoing"]][1:] == ["0", "1"]


def test_a_fresh_house_is_told_what_to_do_first(console: Client, launch: Launch) -> None:
    page = console.get("/admin/").content.decode()
    assert "Three steps to begin" in page
    cast.ada(launch)
    count_all(launch)
    assert "Three steps to begin" not in console.get("/admin/").content.decode()


def test_the_page_is_of_the_launch_that_was_chosen(console: Client, launch: Launch) -> None:
    other = tuning.make_launch("other", "The other one", by="system")
    cast.ada(launch)
    assert shown(console, "/admin/?launch=other")["launch"] == other
    assert shown(console, "/admin/?launch=other")["joined"] == 0
    assert shown(console)["joined"] == 1


def set_quota(client: Client, launch: Launch, quota: Any, seen: int) -> str:
    said = client.post(f"/admin/quota/{launch.pk}/", {"quota": quota, "seen": seen}, follow=True)
    launch.refresh_from_db()
    return unescape(said.content.decode())


def test_the_quota_is_set_in_place_and_can_be_undone(console: Client, launch: Launch) -> None:
    assert "Up to 40 people" in set_quota(console, launch, 40, 100)
    assert launch.daily_quota == 40
    assert Event.objects.filter(kind="launch.tuned").latest("pk").data["changes"] == {"daily_quota": ["100", "40"]}
    assert "Undo: 100 again" in console.get("/admin/").content.decode()
    set_quota(console, launch, shown(console)["undo"]["before"], 40)
    assert launch.daily_quota == 100


def test_of_two_who_set_the_quota_one_is_told(console: Client, launch: Launch) -> None:
    set_quota(console, launch, 40, 100)
    assert "somebody else set the quota" in set_quota(console, launch, 60, 100)
    assert launch.daily_quota == 40


@pytest.mark.parametrize("quota", ["", "-1", "many", "1000001"])
def test_a_quota_that_is_none_changes_nothing(quota: str, console: Client, launch: Launch) -> None:
    assert "whole number" in set_quota(console, launch, quota, 100)
    assert launch.daily_quota == 100


@pytest.mark.parametrize("role", ["viewer", "moderator"])
def test_who_may_not_set_the_quota_sees_it_without_the_form(role: str, launch: Launch) -> None:
    client = seen_by(role)
    page = client.get("/admin/").content.decode()
    assert "Admitted today" in page and "/admin/quota/" not in page
    assert client.post(f"/admin/quota/{launch.pk}/", {"quota": 5, "seen": 100}).status_code == 403
    assert client.get(f"/admin/quota/{launch.pk}/").status_code == 405


def test_a_viewer_can_open_every_list_the_page_leads_to(launch: Launch) -> None:
    cast.ada(launch)
    client = seen_by("viewer")
    links = {one.split("?")[0] for one in re.findall(r'href="(/admin/[^"#]+)"', client.get("/admin/").content.decode())}
    assert links
    assert {link for link in links if client.get(link).status_code not in (200, 302)} == set()


def test_staff_without_a_role_are_told_whom_to_ask(launch: Launch) -> None:
    assert "You have no role yet" in seen_by("nobody").get("/admin/").content.decode()


def test_a_stranger_is_asked_to_log_in(launch: Launch) -> None:
    assert Client().get("/admin/").status_code == 302


def test_what_was_refused_and_redeemed_is_what_the_metrics_count(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    redeeming.redeem(launch, redeeming.Ask(cast.contact("eve"), code=cast.code_of(ben)), by="public")
    growth = {one.label: one for one in shown(console)["growth"]}
    assert growth["Invites that were used"].value == "100.0 %"
    assert rows_behind(console, growth["Invites that were used"].link) == 1
    assert rows_behind(console, growth["Viral coefficient"].link) == 1
    assert rows_behind(console, growth["Growth of the list in 7 days"].link) == 2
