"""Tightened for a time, and the steps towards open registration: previewed, taken back exactly, ended by themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from config.invariants import broken
from config.limits import LIMITS, RULES, applying
from invites.actions import inviting, releasing
from invites.models import Code
from outbox.errors import Refused
from outbox.models import Event
from quality.models import Alert
from tests import cast
from tests.integration.test_console import console
from waitlist import queries, tasks
from waitlist.actions import awarding, deciding, tuning, turning
from waitlist.models import Entry, Launch, Turn
from waitlist.policy import Waiting, needs_a_yes

__all__ = ["console"]

pytestmark = pytest.mark.django_db
WEEK = {"daily_quota": "40", "long_codes": "on", "approve_below": "10", "vouched_only": "on", "days": "7"}


def page(launch: Launch, name: str) -> str:
    return f"/admin/waitlist/launch/{launch.pk}/{name}/"


def turn(console: Client, launch: Launch, name: str, **said: str) -> Any:
    """Sends the form, looks at the preview and presses its button."""
    shown = console.post(page(launch, name), {"reason": "odd"} | said)
    assert shown.templates[0].name == "admin/launch/preview.html", shown.context["form"].errors
    console.post(page(launch, name), dict(shown.context["sent"]) | {"sure": "1"})
    return shown.context


def settings_of(launch: Launch) -> dict[str, Any]:
    return dict(Launch.objects.values().get(pk=launch.pk))


def test_tightening_turns_four_settings_at_once_and_back_by_itself(console: Client, launch: Launch) -> None:
    before = settings_of(launch)
    turn(console, launch, "tighten", **WEEK)
    now = Launch.objects.get()
    assert (now.daily_quota, now.code_format, now.approve_below, now.vouched_only) == (40, "long", 10, True)
    with time_machine.travel(timezone.now() + timedelta(days=6, hours=23), tick=False):
        tasks.end_turns()
        assert settings_of(launch) != before
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1), tick=False):
        tasks.end_turns()
    assert settings_of(launch) == before
    told = Event.objects.filter(subject=f"launch:{launch.pk}", kind__startswith="launch.turned").order_by("pk")
    assert [(event.kind, event.by.partition(":")[0]) for event in told] == [
        ("launch.turned", "staff"),
        ("launch.turned_back", "system"),
    ]
    assert told[0].data["changes"]["daily_quota"] == ["100", "40"] and told[0].data["reason"] == "odd"


def test_what_an_owner_changed_meanwhile_is_left_and_said(console: Client, launch: Launch) -> None:
    turn(console, launch, "tighten", **WEEK)
    tuning.tune(launch, {"daily_quota": 50}, by="staff:1")
    tuning.tune(launch, {"daily_quota": 40}, by="staff:1")  # the tightened value again, but theirs
    said = console.post(page(launch, "tighten"), {"apply": "1", "reason": "over"}, follow=True).content.decode()
    assert "Left as an owner set it meanwhile: Daily quota" in said
    now = Launch.objects.get()
    assert (now.daily_quota, now.code_format, now.approve_below, now.vouched_only) == (40, "standard", 0, False)
    assert Event.objects.get(kind="launch.turned_back").data["left"] == ["daily_quota"]


def test_the_preview_of_a_tightening_counts_whom_it_passes_over(console: Client, launch: Launch) -> None:
    cast.waits(launch, "rita", persona="agency")
    friend = cast.waits(launch, "finn", persona="agency", referral_code=Entry.objects.get().referral_code)
    cast.waits(launch, "eve")
    shown = turn(console, launch, "tighten", **WEEK)
    assert "approves them: 2 of 3 who wait (now 0)" in " ".join(shown["sentences"])
    assert list(queries.eligible(Launch.objects.get(), timezone.now())) == [friend]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"daily_quota": "101"}, "more than now"),
        ({"days": "91"}, "less than or equal to 90"),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"reason": ""}, "This field is required"),
        ({"daily_quota": "100", "long_codes": "", "approve_below": "0", "vouched_only": ""}, "Nothing of this differs"),
    ],
)
def test_a_wrong_tightening_is_a_sentence(said: dict[str, str], sentence: str, console: Client, launch: Launch) -> None:
    sent = {name: one for name, one in (WEEK | {"reason": "odd"} | said).items() if one}
    assert sentence in console.post(page(launch, "tighten"), sent).content.decode()
    assert not Turn.objects.exists()


def test_a_launch_is_tightened_once_at_a_time(launch: Launch) -> None:
    until = timezone.now() + timedelta(days=1)
    turning.turn(launch, "tighten", {"daily_quota": 1}, "odd", by="staff:1", until=until)
    with pytest.raises(Refused, match="already_turned"):
        turning.turn(launch, "tighten", {"daily_quota": 0}, "odd", by="staff:1", until=until)


def test_longer_codes_have_sixteen_characters(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    turn(console, launch, "tighten", **WEEK | {"approve_below": "0", "vouched_only": ""})
    inviting.invite(Launch.objects.get(), [ada.pk], by="staff:1")
    assert Code.objects.get().format == "long"


def people(launch: Launch) -> list[Entry]:
    """One of each kind: approved or not, few points or many, vouched, brought, held, deferred."""
    ben = cast.waits(launch, "ben", persona="agency")
    made = [ben, cast.waits(launch, "low")]
    made += [cast.waits(launch, f"v{n}", source="twitter", vouched=True, persona="agency" if n else "") for n in (0, 1)]
    made += [cast.waits(launch, f"f{n}", referral_code=ben.referral_code) for n in (0, 1)]
    deciding.approve([cast.waits(launch, "yes").pk], "good", by="staff:1")
    deciding.hold([made[5].pk], "odd", by="staff:1")
    deciding.defer(made[3], timezone.now() + timedelta(days=3), by="person")
    return made


@pytest.mark.parametrize("approval", ["open", "manual"])
@pytest.mark.parametrize("approve_below", [0, 12, 200])
@pytest.mark.parametrize("vouched_only", [False, True])
@pytest.mark.parametrize("share", [0, 50])
def test_the_predicate_the_list_and_the_batch_agree_on_who_may_be_invited(
    approval: str, approve_below: int, vouched_only: bool, share: int, launch: Launch
) -> None:
    people(launch)
    said = {"approval": approval, "approve_below": approve_below, "vouched_only": vouched_only, "share_first": share}
    tuning.tune(launch, said, by="staff:1")
    launch.refresh_from_db()
    ready = Entry.objects.filter(Entry.COUNTED, deferred_until=None)
    allowed = {
        one.pk
        for one in ready
        if not needs_a_yes(
            launch, Waiting(one.status == "approved", one.priority, one.vouched, one.referred_by_id is not None)
        )
    }
    assert set(queries.eligible(launch, timezone.now()).values_list("pk", flat=True)) == allowed
    releasing.release(launch, by="staff:1")
    assert set(Entry.objects.filter(status="invited").values_list("pk", flat=True)) == allowed
    assert broken() == []


def test_a_gain_of_points_lets_somebody_over_the_bound(launch: Launch) -> None:
    ada = cast.ada(launch)
    tuning.tune(launch, {"approve_below": 20}, by="staff:1")
    launch.refresh_from_db()
    assert not queries.eligible(launch, timezone.now()).exists()
    awarding.award(ada.pk, "reward", 40, key="3", by="system")
    assert queries.eligible(launch, timezone.now()).get() == ada


def test_the_three_steps_are_taken_in_order_and_back_exactly(console: Client, launch: Launch) -> None:
    before = settings_of(launch)
    console.post(page(launch, "widen"), {"step": "open", "reason": "now", "sure": "1"})
    assert settings_of(launch) == before  # it is not the next step
    turn(console, launch, "widen", step="quota", daily_quota="200")
    turn(console, launch, "widen", step="limits", limit_percent="300")
    shown = turn(console, launch, "widen", step="open")
    assert any("may sign up without an invite" in sentence for sentence in shown["sentences"])
    now = Launch.objects.get()
    assert (now.daily_quota, now.limit_percent, now.mode) == (200, 300, "open")
    assert all(step["taken"] for step in console.get(page(launch, "widen")).context["steps"])
    for kind in ("quota", "open", "limits"):
        console.post(page(launch, "widen"), {"back": kind, "apply": "1", "reason": "too soon"})
    assert settings_of(launch) == before


def test_a_step_taken_back_while_tightened_acts_when_that_ends(launch: Launch) -> None:
    wide = turning.turn(launch, "quota", {"daily_quota": 200}, "well", by="staff:1")
    until = timezone.now() + timedelta(days=1)
    tight = turning.turn(launch, "tighten", {"daily_quota": 20}, "odd", by="staff:1", until=until)
    turning.take_back(wide.pk, "no", by="staff:1")
    assert Launch.objects.get().daily_quota == 20
    turning.take_back(tight.pk, "over", by="staff:1")
    assert Launch.objects.get().daily_quota == 100


def test_a_setting_that_slipped_past_the_verbs_is_found(launch: Launch) -> None:
    until = timezone.now() + timedelta(days=1)
    turning.turn(launch, "quota", {"daily_quota": 200}, "well", by="staff:1")
    turning.turn(launch, "tighten", {"daily_quota": 20}, "odd", by="staff:1", until=until)
    assert broken() == []
    Launch.objects.update(daily_quota=100)
    assert ["what was turned" in line for line in broken()] == [True]


def test_the_page_says_what_speaks_against_the_next_step(console: Client, launch: Launch) -> None:
    Alert.objects.create(launch=launch, code="spike", detail="Many joins from one network.")
    fors = console.get(page(launch, "widen")).context["fors"]
    assert [one.word for one in fors] == ["unknown", "unknown", "no"]
    shown = console.post(page(launch, "widen"), {"step": "quota", "daily_quota": "200", "reason": "well"})
    assert "Alert: Many joins from one network." in shown.content.decode()


def test_a_form_filled_in_before_another_change_turns_nothing(console: Client, launch: Launch) -> None:
    seen = str(console.get(page(launch, "tighten")).context["seen"])
    tuning.tune(launch, {"daily_quota": 90}, by="staff:1")
    said = WEEK | {"reason": "odd", "seen": seen, "sure": "1"}
    assert "Nothing was changed" in console.post(page(launch, "tighten"), said, follow=True).content.decode()
    assert not Turn.objects.exists()


def limits_of(scope: str, **parts: str) -> dict[str, int]:
    return {rule.name: rule.limit for rule, _counted in applying(scope, lambda name: parts.get(name, "x"))}


def test_owners_widen_the_doors_for_crowds_and_for_nothing_else(launch: Launch) -> None:
    written = {scope: limits_of(scope) for scope in LIMITS}
    tuning.tune(launch, {"limit_percent": 200}, by="staff:1")
    for scope, rules in RULES.items():
        for rule in rules:
            factor = 2 if rule.is_of_crowds else 1
            assert limits_of(scope)[rule.name] == written[scope][rule.name] * factor
    assert limits_of("join")["join:network"] == 1200 and limits_of("join")["join:network+contact"] == 10
    fixed = {rule.name for rules in RULES.values() for rule in rules if not rule.is_of_crowds}
    assert {"confirm:network", "log-in:device", "resend:contact", "redeem:network+code", "redeem:person"} <= fixed


def test_no_setting_switches_a_limit_off(launch: Launch) -> None:
    tuning.tune(launch, {"limit_percent": 50}, by="staff:1")
    assert all(limit >= 1 for scope in LIMITS for limit in limits_of(scope).values())


def test_of_several_launches_the_widest_open_one_counts(launch: Launch) -> None:
    other = tuning.make_launch("other", "Other", by="staff:1", limit_percent=300)
    assert limits_of("join")["join:network"] == 1800
    tuning.tune(other, {"enabled": False}, by="staff:1")
    assert limits_of("join")["join:network"] == 600


def test_a_tightening_ends_by_the_day_it_was_given(launch: Launch) -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    with time_machine.travel(at, tick=False), pytest.raises(Refused, match="until_out_of_range"):
        turning.turn(launch, "tighten", {"daily_quota": 1}, "odd", by="staff:1", until=at + timedelta(days=91))
