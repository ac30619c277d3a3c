"""The console's pages of gates and of the pace: what they say, and that each button is a verb with a reason."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from invites.actions import releasing
from outbox.models import Event
from quality.actions import gating
from quality.models import Decision, Gate, Override, Reading
from quality.queries.gating import standing
from tests import cast
from waitlist.models import Launch

pytestmark = pytest.mark.django_db
GATES = "/admin/quality/gate/"


@pytest.fixture
def console(launch: Launch) -> Client:
    """Dev's browser."""
    client = Client()
    client.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def gate(launch: Launch) -> Gate:
    """A gate that is off, and two days of readings every hour: good, then half a day bad."""
    for hours in range(48, 0, -1):
        at = timezone.now() - timedelta(hours=hours)
        value = 0.14 if 12 < hours <= 24 else 0.05
        Reading.objects.create(launch=launch, metric="churn_rate", value=value, sample=100, newest_at=at, at=at)
    return gating.set_gate(launch, "churn_rate", by="staff:1", now=timezone.now(), closes_at=0.10, opens_at=0.08)


def board(gate: Gate) -> str:
    return f"{GATES}{gate.pk}/board/"


def read(console: Client, page: str) -> str:
    return console.get(page, follow=True).content.decode()


def press(console: Client, gate: Gate, act: str, **said: object) -> str:
    return console.post(board(gate), {"act": act, "reason": "because", **said}, follow=True).content.decode()


def test_the_list_says_that_nothing_guards_but_the_quota(console: Client, launch: Launch) -> None:
    words = "No gate is on: nothing guards the pace but the daily quota."
    assert words in read(console, GATES)
    assert words in read(console, "/admin/waitlist/launch/")


def test_a_gate_is_made_and_changed_by_the_form(console: Client, launch: Launch) -> None:
    said = {"launch": launch.pk, "metric": "churn_rate", "closes_at": "0.1", "opens_at": "0.08"}
    said |= {"stops": "invites", "min_sample": "30", "max_age_hours": "24"}
    assert (
        "let the gate open at a lower value"
        in console.post(f"{GATES}add/", said | {"opens_at": "0.2"}).content.decode()
    )
    assert console.post(f"{GATES}add/", said).status_code == 302
    gate = Gate.objects.get()
    assert (gate.closes_at, gate.is_on) == (0.1, False)
    console.post(f"{GATES}{gate.pk}/change/", said | {"closes_at": "0.2"})
    assert Gate.objects.get().closes_at == 0.2
    changes = Event.objects.filter(kind="gate.tuned").order_by("-pk")[0].data["changes"]
    assert changes == {"closes_at": [0.1, 0.2]}


def test_before_it_is_switched_on_it_shows_what_it_would_have_decided(console: Client, gate: Gate) -> None:
    context = console.get(board(gate)).context
    # 28 days without a reading, and 12 hours of bad ones
    assert (context["closed_hours"], context["all_hours"]) == (28 * 24 + 12, 30 * 24)
    assert len(context["days"]) in (30, 31)
    assert [one["closed"] for one in context["strip"]] == [True, False, True, False]
    assert "Switch this gate on" in read(console, board(gate))
    assert not Decision.objects.exists()


def test_looking_changes_nothing_and_without_a_reason_nothing_happens(console: Client, gate: Gate) -> None:
    console.get(board(gate), {"act": "switch_on", "reason": "x"})
    press(console, gate, "switch_on", reason="")
    assert not Gate.objects.get().is_on


def test_it_is_switched_on_overridden_and_off_each_with_a_reason(console: Client, gate: Gate, launch: Launch) -> None:
    assert "open since" in press(console, gate, "switch_on")
    Reading.objects.create(launch=launch, metric="churn_rate", value=0.14, sample=100, newest_at=timezone.now())
    gating.decide(launch, by="system", now=timezone.now())
    assert "churn_rate is 14.0%: at 10.0% or worse nobody is let in." in read(console, GATES)
    assert "closed since" in read(console, GATES)
    press(console, gate, "override", hours=24)
    assert standing(launch.pk, timezone.now()).invites_open
    assert abs(Override.objects.get().until - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    press(console, gate, "end_override")
    assert not standing(launch.pk, timezone.now()).invites_open
    press(console, gate, "switch_off")
    assert not Gate.objects.get().is_on
    events = Event.objects.filter(subject=f"gate:{gate.pk}", by__startswith="staff:", data__reason="because")
    assert set(events.values_list("kind", flat=True)) == {"gate.tuned", "gate.overridden", "override.ended"}


@pytest.mark.parametrize("hours", ["2", "999", ""])
def test_an_override_has_one_of_four_ends(hours: str, console: Client, gate: Gate) -> None:
    press(console, gate, "switch_on")
    press(console, gate, "override", hours=hours)
    assert not Override.objects.exists()


def test_what_cannot_be_done_now_is_said(console: Client, gate: Gate) -> None:
    assert "Nothing was changed" in press(console, gate, "end_override")
    assert "Nothing was changed" in press(console, gate, "override", hours=1)


def test_only_who_may_change_a_gate_switches_it(gate: Gate) -> None:
    client, looker = Client(), cast.dev()
    looker.is_superuser = False
    looker.is_staff = True
    looker.save()
    client.force_login(looker, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(board(gate)).status_code == 403
    assert client.post(board(gate), {"act": "switch_on", "reason": "x"}).status_code == 403
    assert not Gate.objects.get().is_on


def test_a_batch_says_which_gate_holds_it_and_how_it_was_mixed(console: Client, gate: Gate, launch: Launch) -> None:
    press(console, gate, "switch_on")
    cast.ada(launch)
    releasing.plan_batch(launch, 5, by="staff:1")
    Reading.objects.create(launch=launch, metric="churn_rate", value=0.14, sample=100, newest_at=timezone.now())
    gating.decide(launch, by="system", now=timezone.now())
    said = read(console, "/admin/invites/batch/")
    assert "Churn rate: the metric is bad" in said
    assert "0 + 0 + 0" in said


def test_each_decision_of_the_pace_is_read_in_a_sentence(console: Client, gate: Gate, launch: Launch) -> None:
    press(console, gate, "switch_on")
    cast.ada(launch)
    releasing.release(launch, by="beat")
    assert "Nothing has been paced yet: it begins small." in read(console, "/admin/invites/pacedecision/")


def test_staff_read_why_they_cannot_invite_now(console: Client, gate: Gate, launch: Launch) -> None:
    Reading.objects.all().delete()
    press(console, gate, "switch_on")
    ada = cast.ada(launch)
    chosen = {"action": "invite_now", "_selected_action": [ada.pk], "apply": "1", "reason": "a friend"}
    said = console.post("/admin/waitlist/entry/", chosen, follow=True).content.decode()
    assert "A gate is closed (churn_rate: nothing was measured" in said
    chosen = {"action": "release_batch", "_selected_action": [launch.pk], "apply": "1", "reason": "go"}
    said = console.post("/admin/waitlist/launch/", chosen, follow=True).content.decode()
    assert "nobody is invited until it opens" in said
