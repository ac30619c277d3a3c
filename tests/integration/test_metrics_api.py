"""What is measured from real rows, kept as readings, and read at the door."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone

from config.celery import app
from invites import queries
from invites.actions import inviting, redeeming, releasing
from invites.models import Batch, Code, Invite
from outbox.errors import Refused
from outbox.models import Delivery
from quality import tasks
from quality.actions import readings
from quality.actions.activities import hear
from quality.measures import METRICS, Measured
from quality.models import Activity, Assessment, Decision, Gate, Override, Reading
from tests import cast
from tests.conftest import Api
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch

TRUST = "/api/quality/trust-score"
DAY = timedelta(1)
pytestmark = pytest.mark.django_db


def members(launch: Launch, count: int, *, days_ago: float = 1) -> list[Entry]:
    """People who registered then."""
    at = timezone.now() - timedelta(days=days_ago)
    first = Entry.objects.count()
    people = [
        Entry(
            launch=launch,
            status="registered",
            contact=f"p{n}@example.com",
            canonical=f"p{n}@example.com",
            referral_code=f"r{n}",
            registered_at=at,
        )
        for n in range(first, first + count)
    ]
    return Entry.objects.bulk_create(people)


def tell(launch: Launch, people: list[Entry], kind: str, *, at: datetime | None = None, feature: str = "") -> None:
    """The product reports the same of all of them."""
    moment, first = at or timezone.now(), Activity.objects.count()
    told = [
        {"id": str(first + n), "email": one.canonical, "kind": kind, "at": moment.isoformat(), "feature": feature}
        for n, one in enumerate(people)
    ]
    assert hear(launch, told, timezone.now(), by="key:1").accepted == len(people)


def look(launch: Launch, name: str) -> Measured:
    return readings.look(launch, timezone.now())[name]


@pytest.fixture
def reader(api: Api, launch: Launch, key: Callable[..., str]) -> Api:
    return api.with_key(key("gate:read"))


# The metrics, over real rows


def test_the_newest_members_are_counted_by_what_was_told_of_them(launch: Launch) -> None:
    people = members(launch, 10)
    tell(launch, people[:8], "activated")
    tell(launch, people[:5], "engaged", feature="export")
    tell(launch, people[:2], "converted")
    tell(launch, people[9:], "churned")
    tell(launch, [people[0], people[0], people[1]], "support_ticket")
    said = readings.look(launch, timezone.now())
    assert {name: said[name].value for name in said if METRICS[name].from_events} == {
        "activation_rate": 0.8,
        "engagement_rate": 0.5,
        "conversion_rate": 0.2,
        "churn_rate": 0.1,
        "feature_adoption": 0.5,
        "support_tickets": 30.0,
        "fraud_rate": 0.0,
        "retention_day7": None,
        "trust_score": None,
    }
    assert {said[name].sample for name in said if METRICS[name].from_events} == {10, 0}


def test_who_came_longer_ago_is_no_newest_member(launch: Launch) -> None:
    old, _new = members(launch, 3, days_ago=28.01), members(launch, 2, days_ago=27.99)
    tell(launch, old, "churned")
    assert look(launch, "churn_rate") == Measured(0.0, 2)


def test_who_only_waits_is_none_either(launch: Launch) -> None:
    tell(launch, members(launch, 1), "engaged")
    cast.ada(launch)
    assert look(launch, "engagement_rate") == Measured(1.0, 1)


def test_who_uses_it_has_begun_whether_that_was_told_or_not(launch: Launch) -> None:
    people = members(launch, 4)
    tell(launch, people[:1], "engaged")
    tell(launch, people[1:2], "converted")
    assert look(launch, "activation_rate").value == 0.5


@pytest.mark.parametrize(("back_after", "churned"), [(-DAY / 2, 1.0), (DAY / 2, 0.0)])
def test_who_came_back_has_not_left_in_whatever_order_it_was_told(
    back_after: timedelta, churned: float, launch: Launch
) -> None:
    people, left_at = members(launch, 1, days_ago=3), timezone.now() - DAY
    tell(launch, people, "engaged", at=left_at + back_after)
    tell(launch, people, "churned", at=left_at)
    assert look(launch, "churn_rate").value == churned


def test_day_7_counts_nobody_whose_seven_days_are_not_over(launch: Launch) -> None:
    registered_at = timezone.now() - timedelta(8)
    stayed, left, too_new, too_old = (members(launch, 1, days_ago=days) for days in (8, 8, 6.9, 35.1))
    tell(launch, stayed, "engaged", at=registered_at + timedelta(6, minutes=1))
    tell(launch, left, "engaged", at=registered_at + timedelta(6, minutes=-1))
    tell(launch, too_new + too_old, "engaged")
    assert look(launch, "retention_day7") == Measured(0.5, 2)


def test_frauds_are_who_was_reported_suspended_or_held_by_a_rule(launch: Launch) -> None:
    people = members(launch, 10)
    reported, suspended, held, overruled, held_by_hand, _fine = people[:6]
    tell(launch, [reported], "reported")
    deciding.suspend([suspended.pk], "odd", by="staff:1")
    for one in (held, overruled):
        Assessment.objects.create(
            launch=launch, entry=one, act="redeem", evidence={}, rules=["x"], score=60, verdict="review"
        )
    deciding.hold([held.pk, overruled.pk, held_by_hand.pk], "risk", by="system")
    deciding.release([overruled.pk], "an office", by="staff:1")
    assert look(launch, "fraud_rate") == Measured(0.3, 10)


def test_an_assessment_that_came_later_says_who_is_a_fraud(launch: Launch) -> None:
    tell(launch, members(launch, 1), "engaged")
    one = Entry.objects.get()
    for verdict in ("deny", "allow"):
        Assessment.objects.create(
            launch=launch, entry=one, act="again", evidence={}, rules=[], score=0, verdict=verdict
        )
    deciding.hold([one.pk], "a look", by="staff:1")
    assert look(launch, "fraud_rate").value == 0.0


def test_without_any_report_what_rests_on_reports_is_missing_and_not_zero(launch: Launch) -> None:
    members(launch, 40)
    said = readings.look(launch, timezone.now())
    assert {said[name].value for name in said if METRICS[name].from_events} == {None}
    assert said["churn_rate"].sample == 40


def test_another_launch_does_not_mix_in(launch: Launch) -> None:
    other = tuning.make_launch("other", "Other", by="staff:1")
    tell(other, members(other, 3), "churned")
    tell(launch, members(launch, 2), "engaged")
    assert look(launch, "churn_rate") == Measured(0.0, 2)
    assert look(other, "churn_rate") == Measured(1.0, 3)


def test_invites_count_once_it_is_known_how_they_ended(launch: Launch) -> None:
    for name in ("ben", "cleo"):
        cast.registers(launch, name)
    for name in ("late", "gone", "open", "moved"):
        cast.invited(launch, name)
    of = {one.entry.name: one for one in Invite.objects.select_related("entry")}
    Code.objects.filter(invite=of["Late"]).update(expires_at=timezone.now())
    inviting.decline(of["Gone"].entry, by="person")
    inviting.note_sent([of["Moved"].pk, of["Open"].pk])
    inviting.note_bounced([of["Moved"].pk])
    assert look(launch, "redemption_rate") == Measured(0.5, 4)
    assert look(launch, "bounce_rate") == Measured(0.2, 5)


def test_codes_that_were_tried_today(launch: Launch) -> None:
    cast.ben(launch)
    for _n in range(3):
        with pytest.raises(Refused):
            redeeming.redeem(launch, redeeming.Ask(cast.contact("eve"), code="VES-WRONG"), by="public")
    assert look(launch, "failed_code_rate") == Measured(0.75, 4)
    with time_machine.travel(timezone.now() + DAY, tick=False):
        assert look(launch, "failed_code_rate") == Measured(None, 0)


def test_friends_who_came_in(launch: Launch) -> None:
    ben = cast.ben(launch)
    cast.registers(launch, "ada", referral_code=ben.referral_code)
    cast.waits(launch, "cleo", referral_code=ben.referral_code)
    assert look(launch, "referral_conversion") == Measured(0.5, 2)


def test_the_outbox_is_as_late_as_its_oldest_delivery(launch: Launch) -> None:
    cast.joins(launch, "ada")
    Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=2))
    said = look(launch, "outbox_lag")
    assert said.value == pytest.approx(120, abs=5)
    assert said.sample == Delivery.objects.count()


# Batches


def test_a_batch_says_how_its_people_fare(launch: Launch) -> None:
    ada, ben, _cleo = (cast.waits(launch, name) for name in ("ada", "ben", "cleo"))
    batch = releasing.release(launch, 3, by="staff:1")
    for one in (ada, ben):
        offer = queries.open_invite_of(cast.now(one))
        assert offer
        redeeming.redeem(
            launch, redeeming.Ask(cast.contact(one.name.lower()), code=queries.text_of(offer.code)), by="public"
        )
    tell(launch, [ada], "engaged")
    empty = Batch.objects.create(launch=launch, by="beat")
    said = queries.outcomes_of([batch.pk, empty.pk], timezone.now())
    assert said[batch.pk] == queries.Outcome(2, Measured(0.5, 2), Measured(None, 0))
    assert said[empty.pk] == queries.Outcome()
    Entry.objects.filter(pk__in=[ada.pk, ben.pk]).update(registered_at=F("registered_at") - timedelta(7))
    assert queries.outcomes_of([batch.pk], timezone.now())[batch.pk].retention_day7 == Measured(0.5, 2)


# Readings


def test_measuring_appends_a_reading_of_every_metric_at_one_moment(launch: Launch) -> None:
    tell(launch, members(launch, 2), "engaged")
    readings.measure(launch)
    kept = {one.metric: one for one in Reading.objects.all()}
    assert set(kept) == set(METRICS)
    assert len({one.at for one in kept.values()}) == 1
    assert (kept["engagement_rate"].value, kept["engagement_rate"].sample) == (1.0, 2)


def test_what_rests_on_reports_is_as_old_as_the_newest_report(launch: Launch) -> None:
    tell(launch, members(launch, 1), "engaged", at=timezone.now() - timedelta(20))
    told_at = Activity.objects.get().received_at
    with time_machine.travel(timezone.now() + DAY, tick=False):
        readings.measure(launch)
        assert Reading.objects.get(metric="churn_rate").newest_at == told_at
        assert Reading.objects.get(metric="outbox_lag").newest_at == timezone.now()


def test_the_scheduled_job_measures_every_open_launch(launch: Launch) -> None:
    tuning.make_launch("shut", "Shut", by="staff:1", enabled=False)
    other = tuning.make_launch("other", "Other", by="staff:1")
    tasks.measure()
    assert set(Reading.objects.values_list("launch", flat=True)) == {launch.pk, other.pk}
    assert "quality.measure" in {job["task"] for job in app.conf.beat_schedule.values()}


def test_measuring_takes_few_questions(launch: Launch, django_assert_max_num_queries: Any) -> None:
    tell(launch, members(launch, 50), "engaged")
    with django_assert_max_num_queries(10):
        readings.measure(launch)


def test_old_readings_are_deleted_and_those_of_the_trust_score_kept(launch: Launch) -> None:
    readings.measure(launch)
    Reading.objects.update(at=timezone.now() - timedelta(401))
    readings.measure(launch)
    tasks.purge_readings()
    assert Reading.objects.count() == len(METRICS) + 1
    assert Reading.objects.filter(metric="trust_score").count() == 2


# The door


@pytest.fixture
def healthy(launch: Launch) -> Launch:
    """Forty members who fare well, measured."""
    people = members(launch, 40)
    tell(launch, people[:30], "activated")
    tell(launch, people[:20], "engaged")
    tell(launch, people[36:], "churned")
    readings.measure(launch)
    return launch


def test_the_door_reads_the_last_measurement(healthy: Launch, reader: Api) -> None:
    measured_at = Reading.objects.filter(metric="trust_score").values_list("at", flat=True).get()
    said = reader.get(TRUST).json()
    assert datetime.fromisoformat(said.pop("measured_at")) == measured_at
    assert said == {
        "trust_score": 0.79,
        "churn_rate": 0.1,
        "fraud_rate": 0.0,
        "engagement_rate": 0.5,
        "invites_paused": False,
        "health_status": "healthy",
        "sample": 40,
    }


def test_a_new_install_is_unknown_and_pauses_nothing(launch: Launch, reader: Api) -> None:
    nothing = dict.fromkeys(["trust_score", "churn_rate", "fraud_rate", "engagement_rate", "measured_at"])
    assert reader.get(TRUST).json() == nothing | {"invites_paused": False, "health_status": "unknown", "sample": 0}


def test_too_few_people_are_unknown(launch: Launch, reader: Api) -> None:
    tell(launch, members(launch, 29), "engaged")
    readings.measure(launch)
    said = reader.get(TRUST).json()
    assert (said["trust_score"], said["engagement_rate"], said["health_status"], said["sample"]) == (
        None,
        1.0,
        "unknown",
        29,
    )


def test_a_feed_that_stopped_is_unknown_however_often_it_is_measured(healthy: Launch, reader: Api) -> None:
    with time_machine.travel(timezone.now() + DAY + timedelta(minutes=1), tick=False):
        readings.measure(healthy)
        said = reader.get(TRUST).json()
    assert (said["trust_score"], said["health_status"]) == (0.79, "unknown")


def test_frauds_are_unhealthy_whatever_the_rest_says(healthy: Launch, reader: Api) -> None:
    tell(healthy, list(Entry.objects.order_by("pk")[:8]), "reported")
    readings.measure(healthy)
    assert reader.get(TRUST).json()["health_status"] == "unhealthy"


@pytest.mark.parametrize(
    ("is_on", "decided", "overridden", "paused"),
    [
        (False, None, False, False),
        (True, None, False, True),
        (True, (False, 0), False, True),
        (True, (True, 0), False, False),
        (True, (True, 25), False, True),  # hours: an open decision grows old
        (True, (False, 0), True, False),
        (True, None, True, False),
    ],
)
def test_a_gate_that_is_on_pauses_unless_it_lately_decided_otherwise(
    is_on: bool, decided: tuple[bool, int] | None, overridden: bool, paused: bool, launch: Launch, reader: Api
) -> None:
    gate = Gate.objects.create(launch=launch, metric="churn_rate", closes_at=0.3, opens_at=0.2, is_on=is_on)
    now = timezone.now()
    if decided:
        at = now - timedelta(hours=decided[1])
        Decision.objects.create(gate=gate, is_open=decided[0], why="x", at=at, newest_at=at)
    if overridden:
        Override.objects.create(gate=gate, reason="x", by="staff:1", until=now + DAY)
    assert reader.get(TRUST).json()["invites_paused"] is paused


@pytest.mark.parametrize(("scopes", "status"), [((), 401), (("events:write",), 403)])
def test_only_a_key_with_the_scope_reads_it(
    scopes: tuple[str, ...], status: int, api: Api, launch: Launch, key: Callable[..., str]
) -> None:
    if scopes:
        api.with_key(key(*scopes))
    assert api.get(TRUST).status_code == status


def test_the_score_of_another_launch_is_read_by_its_name(healthy: Launch, reader: Api) -> None:
    tuning.make_launch("other", "Other", by="staff:1")
    assert reader.get(TRUST, {"launch": "other"}).json()["trust_score"] is None
    assert reader.get(TRUST, {"launch": "nowhere"}).status_code == 400
