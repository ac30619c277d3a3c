"""The plain console: state is read-only, each button a verb with a reason."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import escape

from accounts.models import User
from invites.actions import making
from invites.models import Batch, Invite
from outbox.actions import start_job
from outbox.console import Page
from outbox.facts import catalogue
from outbox.models import Event
from quality.actions import readings
from quality.actions.activities import hear
from quality.measures import METRICS
from quality.models import Assessment, Reading
from quality.rules import RULES, reason_of
from tests import cast
from tests.house.code import ROOT
from waitlist.actions import tuning
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
ENTRIES = "/admin/waitlist/entry/"


@pytest.fixture
def console(launch: Launch) -> Client:
    """Dev's browser."""
    client = Client()
    client.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    return client


def act(console: Client, page: str, action: str, ids: list[int], reason: str = "because") -> str:
    """Chooses rows, an action and a reason; what the console says."""
    chosen = {"action": action, "_selected_action": ids, "apply": "1", "reason": reason}
    return console.post(page, chosen, follow=True).content.decode()


@pytest.mark.parametrize("model", [model for model in admin.site._registry if model._meta.app_label != "auth"])
def test_every_page_of_the_console_opens(model: type[Entry], console: Client) -> None:
    cast.ben(Launch.objects.get())
    meta = model._meta
    assert console.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"), follow=True).status_code == 200
    row = model._default_manager.first()
    if row is not None:
        assert (
            console.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])).status_code == 200
        )


@pytest.mark.parametrize(
    ("action", "status", "held"),
    [
        ("hold", "waiting", True),
        ("reject", "rejected", False),
        ("block", "blocked", False),
        ("approve", "approved", False),
        ("invite_now", "invited", False),
    ],
)
def test_a_moderator_acts_with_a_reason(action: str, status: str, held: bool, console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert "1 changed." in act(console, ENTRIES, action, [ada.pk])
    ada = cast.now(ada)
    assert (ada.status, ada.held_at is not None) == (status, held)
    events = Event.objects.filter(subject=f"entry:{ada.pk}", by__startswith="staff:")
    assert "because" in {event.data.get("reason") for event in events}


def test_without_a_reason_nothing_happens(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert "Reason" in act(console, ENTRIES, "block", [ada.pk], reason="")
    assert cast.now(ada).status == "waiting"


def test_the_console_says_how_many_could_not_be_changed(console: Client, launch: Launch) -> None:
    ben, ada = cast.ben(launch), cast.ada(launch)
    said = act(console, ENTRIES, "approve", [ada.pk, ben.pk])
    assert "1 changed. 1 stood where this cannot be done." in said


def test_nobody_edits_a_state_by_hand(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert console.post(f"{ENTRIES}{ada.pk}/change/", {"status": "registered"}).status_code == 403
    assert cast.now(ada).status == "waiting"


def test_a_setting_changed_in_the_console_stands_in_the_trail(console: Client, launch: Launch) -> None:
    page = f"/admin/waitlist/launch/{launch.pk}/change/"
    form = console.get(page).context["adminform"].form
    said = {
        name: value for name, value in form.initial.items() if value is not None and not isinstance(value, (bool, list))
    }
    said |= {name: "on" for name, value in form.initial.items() if value is True}
    said |= {"keywords": "light,time", "daily_quota": "7", "sure": "1"}
    said |= {"milestones-TOTAL_FORMS": "0", "milestones-INITIAL_FORMS": "0"}
    assert console.post(page, said).status_code == 302
    launch.refresh_from_db()
    assert launch.daily_quota == 7
    assert Event.objects.get(kind="launch.tuned").data["changes"]["daily_quota"] == ["100", "7"]


def test_a_member_does_not_see_the_console(client: Client, launch: Launch) -> None:
    assert client.get(ENTRIES).status_code == 302


def test_nobody_proves_an_address_or_gives_a_log_in_away_by_hand() -> None:
    assert {model._meta.app_label for model in admin.site._registry}.isdisjoint({"account", "socialaccount"})


def test_an_owner_lets_the_next_people_in_from_the_console(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    act(console, "/admin/waitlist/launch/", "release_batch", [launch.pk])
    assert cast.now(ada).status == "invited"
    assert Event.objects.get(kind="batch.planned").data["reason"] == "because"


READINGS = "/admin/quality/reading/"


def test_the_page_of_readings_teaches_while_nothing_was_measured(console: Client) -> None:
    said = console.get(READINGS).content.decode()
    assert "Nothing was measured yet." in said and "POST /api/quality/events" in said
    assert "<figure" not in said


def test_each_metric_is_a_line_with_its_sentence(console: Client, launch: Launch) -> None:
    now = timezone.now()
    for days in (2, 1.8, 0):
        readings.measure(launch)
        Reading.objects.filter(at__gte=now).update(at=now - timedelta(days), value=0.25)
    said = console.get(READINGS).content.decode()
    assert said.count("<figure") == said.count("<polyline") == said.count('class="dot"') == len(METRICS)
    assert all(escape(one.reason) in said for one in METRICS.values())
    assert "25.0%" in said and "0.25" in said
    assert "Unknown: there are too few new members yet" in said


def test_the_lines_are_drawn_without_a_script_a_style_or_another_site(console: Client, launch: Launch) -> None:
    readings.measure(launch)
    shown = console.get(READINGS).content.decode().partition('<section class="measured">')[2].partition("</section>")[0]
    assert "<figure" in shown
    assert not re.search(r"<script|style=|https?:|//", shown)


def test_the_lines_are_of_the_launch_that_the_list_shows(console: Client, launch: Launch) -> None:
    other = tuning.make_launch("other", "Other product", by="staff:1")
    readings.measure(launch)
    said = console.get(READINGS, {"launch__id__exact": other.pk}).content.decode()
    assert "<h2>Other product</h2>" in said and "<figure" not in said


@pytest.mark.parametrize("asked", ["x", "-1", "9" * 30, "4000"])
def test_a_launch_that_is_none_breaks_nothing(asked: str, console: Client) -> None:
    assert console.get(READINGS, {"launch__id__exact": asked}, follow=True).status_code == 200


def test_what_was_reported_of_a_person_is_found_by_their_number(console: Client, launch: Launch) -> None:
    ben, cleo = cast.ben(launch), cast.registers(launch, "cleo")
    at = timezone.now().isoformat()
    told = [{"id": f"of {one.name}", "email": one.contact, "kind": "engaged", "at": at} for one in (ben, cleo)]
    hear(launch, told, timezone.now(), by="key:1")
    said = console.get("/admin/quality/activity/", {"q": str(ben.pk)}).content.decode()
    assert "of Ben" in said and "of Cleo" not in said
    assert console.get("/admin/quality/activity/", {"q": "anybody"}).status_code == 200


def test_the_list_of_batches_reads_all_outcomes_at_once(
    console: Client, launch: Launch, django_assert_max_num_queries: Any
) -> None:
    cast.ben(launch)
    for _n in range(20):
        Batch.objects.create(launch=launch, by="beat")
    Invite.objects.update(batch=Batch.objects.order_by("pk").first())
    with django_assert_max_num_queries(14):
        said = console.get("/admin/invites/batch/").content.decode()
    assert "0% of 1" in said


@pytest.mark.parametrize(
    ("named_in", "sentences"),
    [
        (
            "quality/reasons.txt",
            [said for one in METRICS.values() for said in (one.reason, one.name.replace("_", " "))],
        ),
        ("quality/rules.txt", [reason_of(name) for name in RULES]),
        ("outbox/facts.txt", [fact.when for fact in catalogue.values() if fact.public]),
    ],
)
def test_sentences_of_the_code_are_named_to_the_translators(named_in: str, sentences: list[str]) -> None:
    named = re.findall(r'translate "(.+?)"', (ROOT / "templates" / named_in).read_text())
    assert sorted(named) == sorted(sentences)
    russian = (ROOT / "locale/ru/LC_MESSAGES/django.po").read_text(encoding="utf-8")
    assert [sentence for sentence in named if f'msgid "{sentence}"' not in russian] == []


def named(page: Any) -> str:
    return f"{page.opts.app_label}/{page.opts.model_name}"


REGISTERED = admin.site._registry.values()
TAUGHT = {named(page): page.nothing for page in REGISTERED if isinstance(page, Page) and page.nothing}


@pytest.mark.parametrize("page", sorted(TAUGHT))
def test_an_empty_list_says_what_will_stand_there_and_a_search_that_finds_nothing_does_not(
    page: str, console: Client
) -> None:
    with translation.override("en"):  # a test before this one may have left its visitor's language behind
        nothing = escape(str(TAUGHT[page]))
    assert nothing in console.get(f"/admin/{page}/").content.decode()
    assert nothing not in console.get(f"/admin/{page}/?q=elsewhere").content.decode()


def test_an_assessment_leads_to_the_person_and_is_said_in_russian(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    Assessment.objects.create(
        launch=launch, entry=ada, act="join", evidence={}, rules=["shared_device"], score=20, verdict="allow"
    )
    said = console.get("/admin/quality/assessment/", headers={"accept-language": "ru"}).content.decode()
    assert f"/admin/waitlist/entry/{ada.pk}/change/" in said
    assert "Тем же браузером пользовались несколько других людей. (+20)" in said
    assert "встал(а) в очередь" in said


def test_colleagues_are_named_by_their_address_on_the_pages_of_things(console: Client, launch: Launch) -> None:
    me = User.objects.get(email="dev@example.com")
    code = making.generate(
        launch, making.Spec(count=1, expires_at=timezone.now() + timedelta(9), batch_id="a"), by=f"staff:{me.pk}"
    )[0].codes.get()
    job = start_job("waitlist.reject_entry", [], "spam", by=f"staff:{me.pk}")
    pages = [f"invites/code/{code.pk}", f"invites/coderun/{code.run_id}", f"outbox/job/{job.pk}"]
    for page in [f"/admin/{page}/change/" for page in pages]:
        assert f"staff:{me.pk}" not in console.get(page).content.decode(), page


def test_an_empty_list_teaches_and_offers_no_filters_to_reset(console: Client, launch: Launch) -> None:
    said = console.get("/admin/outbox/job/").content.decode()
    assert "Nothing was changed in bulk yet." in said and "Create a new item" not in said
    assert "Create a new item" in console.get("/admin/outbox/job/?status__exact=failed").content.decode()
