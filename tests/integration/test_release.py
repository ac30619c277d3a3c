"""Letting people in by batches: order, quota, lapse, decline."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from config.invariants import broken
from invites import queries
from invites.actions import inviting, redeeming, releasing
from invites.models import Batch, Code, Invite
from invites.tasks import release_daily
from outbox.errors import Refused
from outbox.models import Event
from tests import cast
from tests.conftest import Api, Mailbox
from waitlist import tokens
from waitlist.actions import deciding, tuning
from waitlist.models import Day, Entry, Launch

pytestmark = pytest.mark.django_db


def states(*people: Entry) -> list[str]:
    return [str(cast.now(one).status) for one in people]


def expire(invite: Invite) -> None:
    Code.objects.filter(pk=invite.code_id).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_the_best_go_first_and_then_who_came_first(launch: Launch) -> None:
    first, second = cast.waits(launch, "first"), cast.waits(launch, "second")
    best = cast.waits(launch, "best", persona="agency")
    releasing.release(launch, 2, by="cron")
    assert states(best, first, second) == ["invited", "invited", "waiting"]


def test_an_invite_has_one_code_for_seven_days_bound_to_the_person(launch: Launch, mailbox: Mailbox) -> None:
    ada = cast.ada(launch)
    releasing.release(launch, by="cron")
    offer = queries.open_invite_of(cast.now(ada))
    assert offer
    assert abs(offer.code.expires_at - offer.issued_at - timedelta(days=7)) < timedelta(seconds=1)
    assert offer.code.bound_key
    assert queries.text_of(offer.code) in mailbox.newest("ada@example.com").text


def test_held_deferred_pending_and_gone_people_are_passed_over(launch: Launch) -> None:
    cleo, pending, gone = cast.cleo(launch), cast.joins(launch, "pat"), cast.waits(launch, "gil")
    deciding.leave(gone, by="person")
    assert releasing.release(launch, by="cron").released == 0
    assert states(cleo, pending, gone) == ["waiting", "pending", "left"]
    assert Day.objects.get().granted == 0


def test_the_day_has_a_quota_whatever_the_doors(launch: Launch) -> None:
    tuning.tune(launch, {"daily_quota": 3}, by="staff:1")
    people = [cast.waits(launch, f"p{n}") for n in range(6)]
    releasing.release(launch, 2, by="cron")
    inviting.invite(launch, [people[5].pk], by="staff:1")
    assert releasing.release(launch, by="beat").released == 0
    with pytest.raises(Refused, match="quota_reached"):
        inviting.invite(launch, [people[4].pk], by="staff:1")
    assert Day.objects.get().granted == 3


def test_a_place_that_nobody_takes_goes_back_to_the_day(launch: Launch) -> None:
    cast.ada(launch)
    releasing.release(launch, by="cron")
    assert Day.objects.get().granted == 1
    assert broken() == []


def test_where_approval_is_manual_only_approved_people_go(launch: Launch) -> None:
    tuning.tune(launch, {"approval": "manual"}, by="staff:1")
    ada, eve = cast.ada(launch), cast.waits(launch, "eve")
    deciding.approve([ada.pk], "known", by="staff:1")
    releasing.release(launch, by="cron")
    assert states(ada, eve) == ["invited", "waiting"]


def test_a_launch_may_invite_as_soon_as_a_moderator_approves(launch: Launch) -> None:
    tuning.tune(launch, {"approval": "manual", "invite_on_approval": True, "daily_quota": 1}, by="staff:1")
    ada, ben = cast.ada(launch), cast.waits(launch, "ben")
    deciding.approve([ada.pk, ben.pk], "known", by="staff:1")
    assert states(ada, ben) == ["invited", "approved"]


def test_an_unused_invite_lapses_once_keeping_the_place_then_at_the_tail(launch: Launch, mailbox: Mailbox) -> None:
    ada, offer = cast.invited(launch, "ada")
    ben = cast.waits(launch, "ben")
    expire(offer)
    assert (inviting.lapse(), inviting.lapse()) == (1, 0)
    assert (cast.now(ada).place, states(ada)) == (ada.place, ["waiting"])
    inviting.invite(launch, [ada.pk], by="staff:1")
    second = queries.open_invite_of(cast.now(ada))
    assert second
    expire(second)
    inviting.lapse()
    assert (cast.now(ada).place or 0) > (ben.place or 0)
    assert [event.kind for event in Event.objects.filter(kind="invite.lapsed")] == ["invite.lapsed"] * 2


def test_who_came_in_with_another_code_has_missed_nothing(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    code = cast.code_of(cast.ben(launch))
    redeeming.redeem(launch, redeeming.Ask(cast.contact("ada"), code=code, proven=True), by="public")
    expire(offer)
    inviting.lapse()
    assert states(ada) == ["registered"]
    assert not Event.objects.filter(kind="invite.lapsed").exists()


def test_a_lapsed_code_is_dead_and_a_new_one_works(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    expire(offer)
    inviting.lapse()
    inviting.invite(launch, [ada.pk], by="staff:1")
    fresh = queries.open_invite_of(cast.now(ada))
    assert fresh
    with pytest.raises(Refused):
        redeeming.redeem(launch, redeeming.Ask(cast.contact("ada"), code=queries.text_of(offer.code)), by="public")
    redeeming.redeem(launch, redeeming.Ask(cast.contact("ada"), code=queries.text_of(fresh.code)), by="public")
    assert states(ada) == ["registered"]


def test_declining_closes_the_invite_and_leaves(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    inviting.decline(ada, by="person")
    offer.refresh_from_db()
    assert (offer.status, offer.code.__class__.objects.get(pk=offer.code_id).status) == ("declined", "revoked")
    assert states(ada) == ["left"]


@pytest.mark.parametrize("verb", [deciding.reject, deciding.block])
def test_who_is_turned_away_keeps_no_open_invite(verb: Callable[..., int], launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    verb([ada.pk], "spam", by="staff:1")
    assert Invite.objects.get(pk=offer.pk).status == "revoked"
    assert Code.objects.get(pk=offer.code_id).status == "revoked"


def test_a_paused_batch_issues_nothing_until_resumed(launch: Launch) -> None:
    cast.ada(launch)
    batch = releasing.plan_batch(launch, None, by="staff:1")
    releasing.pause_batch(batch, "wait", by="staff:1")
    assert releasing._release_chunk(batch.pk, by="staff:1") is False
    assert not Invite.objects.exists()
    assert releasing.resume_batch(batch, "go on", by="staff:1").released == 1


def test_cron_says_what_it_did(launch: Launch) -> None:
    cast.ada(launch)
    out = StringIO()
    call_command("invite_next", stdout=out)
    assert out.getvalue().startswith("1 invited (batch ")


def test_cron_rests_on_days_without_release(launch: Launch) -> None:
    tomorrow = timezone.now().isoweekday() % 7 + 1
    tuning.tune(launch, {"release_days": [tomorrow]}, by="staff:1")
    cast.ada(launch)
    out = StringIO()
    call_command("invite_next", stdout=out)
    assert out.getvalue().startswith("0 invited: today is not")
    assert not Batch.objects.exists()


def test_cron_on_a_closed_launch_fails_with_the_reason(launch: Launch) -> None:
    tuning.tune(launch, {"enabled": False}, by="staff:1")
    with pytest.raises(CommandError, match="closed"):
        call_command("invite_next")


@pytest.mark.parametrize(
    ("zone", "utc", "date"),
    [("Pacific/Auckland", "2026-11-21T12:30", "2026-11-22"), ("America/Los_Angeles", "2026-11-22T07:59", "2026-11-21")],
)
def test_the_day_is_the_launchs_local_date(zone: str, utc: str, date: str, launch: Launch) -> None:
    from waitlist.queries import local_date

    launch.time_zone = zone
    assert local_date(launch, datetime.fromisoformat(utc).replace(tzinfo=UTC)).isoformat() == date


@pytest.mark.parametrize(("start", "hours"), [("2026-03-28T23:00:00Z", 23), ("2026-10-24T22:00:00Z", 25)])
def test_a_local_date_of_23_or_25_hours_is_one_day(start: str, hours: int, launch: Launch) -> None:
    """Berlin changes its clocks on these dates: every moment of the date falls into the same row."""
    begin = datetime.fromisoformat(start)
    moments = [begin, begin + timedelta(hours=hours) - timedelta(seconds=1), begin + timedelta(hours=hours)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT (moment AT TIME ZONE 'Europe/Berlin')::date FROM unnest(%s) AS moment", [moments])
        dates = [row[0] for row in cursor.fetchall()]
    assert dates[0] == dates[1] != dates[2]


def at_noon(launch: Launch) -> None:
    """The launch is some days old, and it is twelve o'clock there now."""
    zone = f"Etc/GMT{timezone.now().hour - 12:+d}"  # such a name counts westward
    Launch.objects.filter(pk=launch.pk).update(time_zone=zone, created_at=timezone.now() - timedelta(days=3))


@pytest.mark.parametrize(("hour", "batches"), [(13, 0), (12, 1), (9, 1)])
def test_the_daily_task_releases_once_from_the_local_hour_on(hour: int, batches: int, launch: Launch) -> None:
    at_noon(launch)
    tuning.tune(launch, {"release_hour": hour}, by="staff:1")
    release_daily()
    Batch.objects.update(created_at=timezone.now() - timedelta(hours=3))  # it went out in time
    release_daily()
    assert Batch.objects.filter(by="beat").count() == batches


def test_a_new_launch_waits_for_its_first_hour(launch: Launch) -> None:
    at_noon(launch)
    Launch.objects.filter(pk=launch.pk).update(created_at=timezone.now(), release_hour=9)
    release_daily()
    assert not Batch.objects.exists()


def test_a_batch_whose_worker_died_goes_on(launch: Launch) -> None:
    ada, ben = cast.ada(launch), cast.waits(launch, "ben")
    releasing.plan_batch(launch, 1, by="cron")
    release_daily()
    assert Batch.objects.get(by="cron").status == "released"
    assert states(ada, ben) == ["invited", "waiting"]


def test_a_batch_of_yesterday_takes_nothing_of_today(launch: Launch) -> None:
    ada = cast.ada(launch)
    batch = releasing.plan_batch(launch, None, by="cron")
    Batch.objects.filter(pk=batch.pk).update(created_at=timezone.now() - timedelta(days=1))
    release_daily()
    assert Batch.objects.get(pk=batch.pk).status == "cancelled"
    assert states(ada) == ["waiting"]


def test_an_invited_person_sees_the_deadline_and_the_link(api: Api, launch: Launch) -> None:
    ada, _offer = cast.invited(launch, "ada")
    said = api.with_token(tokens.person_token(ada)).get("/api/waitlist/me").json()
    assert said["state"] == "invited"
    assert "/sign-in?invite=" in said["invite"]["signup_url"]


def test_every_invariant_holds_after_all_that(launch: Launch) -> None:
    cast.ben(launch)
    cast.invited(launch, "ada")
    cast.cleo(launch)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        inviting.lapse()
    assert broken() == []
