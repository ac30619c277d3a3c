"""Gates: set, switched, deciding from rows, asked inside every grant, overridden with a reason and an end."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.invariants import broken
from invites import queries
from invites.actions import inviting, making, redeeming, releasing
from invites.models import Attempt, Batch, Code, Invite
from invites.tasks import release_daily
from outbox.errors import Refused
from outbox.models import Event
from outbox.states import StaleState
from quality.actions import gating
from quality.actions.activities import hear
from quality.measures import METRICS
from quality.models import Alert, Decision, Gate, Override, Reading
from quality.queries.gating import codes_open, standing
from quality.tasks import decide
from tests import cast
from tests.conftest import Api
from tests.signups import signs_up, user_named
from waitlist.actions import deciding, tuning
from waitlist.models import Day, Entry, Launch

pytestmark = pytest.mark.django_db
OWNER = "staff:1"
GOOD, BETWEEN, BAD = 0.05, 0.09, 0.14


def reads(launch: Launch, value: float | None, sample: int = 100, old: timedelta = timedelta(0)) -> Reading:
    """Churn was measured."""
    at = timezone.now() - old
    return Reading.objects.create(launch=launch, metric="churn_rate", value=value, sample=sample, newest_at=at, at=at)


def guarded(launch: Launch, value: float | None = GOOD, **settings: Any) -> Gate:
    """The launch with a gate on churn: closes at 10 %, opens at 8 %."""
    if value is not None:
        reads(launch, value)
    limits = {"closes_at": 0.10, "opens_at": 0.08, **settings}
    gate = gating.set_gate(launch, "churn_rate", by=OWNER, now=timezone.now(), **limits)
    gating.switch_on(gate, "before the press day", by=OWNER, now=timezone.now())
    return gate


def decides(launch: Launch, value: float) -> None:
    reads(launch, value)
    gating.decide(launch, by="system", now=timezone.now())


def told(*kinds: str) -> list[str]:
    return list(Event.objects.filter(kind__in=kinds).order_by("pk").values_list("kind", flat=True))


def shared_code(launch: Launch) -> str:
    spec = making.Spec(count=1, expires_at=timezone.now() + timedelta(1), batch_id="b", max_uses=9)
    return next(queries.run_texts(making.generate(launch, spec, by=OWNER)[0].pk))


def redeem(launch: Launch, code: str, name: str, **ask: Any) -> redeeming.Redeemed:
    return redeeming.redeem(launch, redeeming.Ask(cast.contact(name), code=code, **ask), by="public")


# Setting and switching


def test_a_new_launch_has_no_gate_on_and_its_quota_alone_paces_it(launch: Launch) -> None:
    ada = cast.ada(launch)
    assert standing(launch.pk, timezone.now()).guarded is False
    releasing.release(launch, by="beat")
    assert cast.now(ada).status == "invited"


def test_a_gate_is_set_then_switched_on_with_a_reason_and_decides_at_once(launch: Launch) -> None:
    gate = guarded(launch, GOOD)
    tuned = Event.objects.filter(kind="gate.tuned", subject=f"gate:{gate.pk}").order_by("pk")
    assert [one.data["changes"].get("is_on") for one in tuned] == [None, [False, True]]
    assert tuned[1].data["reason"] == "before the press day"
    assert Decision.objects.get().why == "healthy"
    with pytest.raises(StaleState):
        gating.switch_on(gate, "again", by=OWNER, now=timezone.now())


@pytest.mark.parametrize(
    ("metric", "closes_at", "opens_at", "reason"),
    [
        ("luck", 0.1, 0.05, "unknown_metric"),
        ("churn_rate", 0.08, 0.10, "thresholds_crossed"),
        ("churn_rate", 0.10, 0.10, "thresholds_crossed"),
        ("trust_score", 0.6, 0.5, "thresholds_crossed"),
        ("churn_rate", float("nan"), 0.08, "thresholds_crossed"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(
    metric: str, closes_at: float, opens_at: float, reason: str, launch: Launch
) -> None:
    with pytest.raises(Refused, match=reason):
        gating.set_gate(launch, metric, by=OWNER, now=timezone.now(), closes_at=closes_at, opens_at=opens_at)
    assert not Gate.objects.exists()


@pytest.mark.parametrize("wrong", [{"min_sample": 0}, {"max_age_hours": 0}, {"stops": "nothing"}])
def test_its_other_settings_have_bounds(wrong: dict[str, Any], launch: Launch) -> None:
    with pytest.raises(ValidationError):
        guarded(launch, **wrong)


def test_a_gate_that_is_changed_while_it_is_on_decides_at_once(launch: Launch) -> None:
    guarded(launch, BETWEEN)
    gating.set_gate(launch, "churn_rate", by=OWNER, now=timezone.now(), closes_at=0.2, opens_at=0.15)
    assert standing(launch.pk, timezone.now()).invites_open
    assert Gate.objects.get().min_sample == 30


# Deciding


def test_it_announces_only_when_it_changes(launch: Launch) -> None:
    guarded(launch, GOOD)
    for value in (GOOD, BAD, BAD, BETWEEN, GOOD, BETWEEN):
        decides(launch, value)
    assert told("gate.closed", "gate.opened") == ["gate.closed", "gate.opened"]
    assert Decision.objects.count() == 7
    closed = Event.objects.get(kind="gate.closed").data
    assert closed == {"launch": launch.pk, "metric": "churn_rate", "why": "bad", "value": BAD, "sample": 100}


def test_a_gate_that_is_switched_on_without_a_number_closes_and_off_opens(launch: Launch) -> None:
    gate = guarded(launch, None)
    assert standing(launch.pk, timezone.now()).closed == (("churn_rate", "missing"),)
    gating.switch_off(gate, "no events yet", by=OWNER, now=timezone.now())
    assert standing(launch.pk, timezone.now()).guarded is False
    assert told("gate.closed", "gate.opened") == ["gate.closed", "gate.opened"]


def test_what_is_no_number_is_missing_and_breaks_nothing(launch: Launch) -> None:
    guarded(launch, GOOD)
    decides(launch, float("nan"))
    assert standing(launch.pk, timezone.now()).closed == (("churn_rate", "missing"),)
    assert Event.objects.get(kind="gate.closed").data["value"] is None


def test_two_gates_are_both_asked(launch: Launch) -> None:
    guarded(launch, GOOD)
    trust = gating.set_gate(
        launch, "trust_score", by=OWNER, now=timezone.now(), closes_at=0.5, opens_at=0.6, stops="everything"
    )
    gating.switch_on(trust, "both", by=OWNER, now=timezone.now())
    now = standing(launch.pk, timezone.now())
    assert (now.invites_open, now.codes_open, now.closed) == (False, False, (("trust_score", "missing"),))


def test_the_scheduled_task_decides_for_every_launch_with_a_gate(launch: Launch) -> None:
    guarded(launch, GOOD)
    reads(launch, BAD)
    decide()
    assert told("gate.closed") == ["gate.closed"]


def test_evaluating_again_after_a_restart_changes_no_decision(launch: Launch) -> None:
    guarded(launch, GOOD)
    decides(launch, BETWEEN)
    before = standing(launch.pk, timezone.now())
    for _n in range(3):
        decide()
    assert standing(launch.pk, timezone.now()) == before
    assert told("gate.closed", "gate.opened") == []


# Inside the grant


def test_a_closed_gate_lets_no_batch_invite_anybody(launch: Launch) -> None:
    ada = cast.ada(launch)
    guarded(launch, BAD)
    with pytest.raises(Refused, match="pace_waits"):
        releasing.release(launch, by="cron")
    with pytest.raises(Refused, match="gate_closed"):
        releasing.release(launch, 5, by=OWNER)
    release_daily()
    assert cast.now(ada).status == "waiting"
    assert (Batch.objects.count(), Day.objects.count()) == (0, 0)


def test_a_batch_under_way_is_held_and_goes_on_when_the_gate_opens(launch: Launch) -> None:
    ada = cast.ada(launch)
    guarded(launch, GOOD)
    batch = releasing.plan_batch(launch, 1, by=OWNER)
    decides(launch, BAD)
    release_daily()
    batch.refresh_from_db()
    assert (batch.status, batch.released, cast.now(ada).status) == ("releasing", 0, "waiting")
    assert queries.held_by(batch, timezone.now()) == (("churn_rate", "bad"),)
    decides(launch, GOOD)
    release_daily()
    batch.refresh_from_db()
    assert (batch.status, batch.released, cast.now(ada).status) == ("released", 1, "invited")
    assert queries.held_by(batch, timezone.now()) == ()


def test_a_held_batch_whose_day_is_over_is_cancelled(launch: Launch) -> None:
    guarded(launch, BAD)
    batch = releasing.plan_batch(launch, 1, by="cron")
    Batch.objects.filter(pk=batch.pk).update(created_at=timezone.now() - timedelta(days=1))
    release_daily()
    assert Batch.objects.get(pk=batch.pk).status == "cancelled"


def test_staff_who_invite_somebody_now_are_told_which_gate_is_closed(launch: Launch) -> None:
    ada = cast.ada(launch)
    guarded(launch, BAD)
    with pytest.raises(Refused) as refused:
        inviting.invite(launch, [ada.pk], by=OWNER)
    assert refused.value.reason == "gate_closed"
    assert "churn_rate" in refused.value.detail
    assert "override" in refused.value.detail
    assert cast.now(ada).status == "waiting"
    assert broken() == []


def test_an_approval_under_a_closed_gate_approves_and_invites_nobody(launch: Launch) -> None:
    tuning.tune(launch, {"approval": "manual", "invite_on_approval": True}, by=OWNER)
    ada = cast.ada(launch)
    guarded(launch, BAD)
    assert deciding.approve([ada.pk], "known", by=OWNER) == 1
    assert cast.now(ada).status == "approved"


def stale_when(launch: Launch, age: timedelta) -> list[bool]:
    """Whether people may be let in just before and just after that time from now, with nobody evaluating."""
    moments = (timezone.now() + age - timedelta(minutes=1), timezone.now() + age + timedelta(minutes=1))
    return [standing(launch.pk, moment).invites_open for moment in moments]


def test_when_events_stop_coming_grants_stop_after_the_maximum_age(launch: Launch) -> None:
    """Promise 10: whether the evaluation goes on or has died."""
    ada, ben = cast.ada(launch), cast.waits(launch, "ben")
    guarded(launch, GOOD, max_age_hours=6)
    assert stale_when(launch, timedelta(hours=6)) == [True, False]
    with time_machine.travel(timezone.now() + timedelta(hours=5, minutes=59)):
        inviting.invite(launch, [ada.pk], by=OWNER)
    with time_machine.travel(timezone.now() + timedelta(hours=6, minutes=1)):
        with pytest.raises(Refused, match="gate_closed"):
            inviting.invite(launch, [ben.pk], by=OWNER)
        gating.decide(launch, by="system", now=timezone.now())
        assert standing(launch.pk, timezone.now()).closed == (("churn_rate", "stale"),)
    assert [cast.now(one).status for one in (ada, ben)] == ["invited", "waiting"]


def test_measuring_again_and_again_what_nobody_told_anew_opens_nothing(launch: Launch) -> None:
    """The reading is fresh, what it rests on is not."""
    old = timezone.now() - timedelta(hours=25)
    guarded(launch, None)
    Reading.objects.create(launch=launch, metric="churn_rate", value=GOOD, sample=100, newest_at=old)
    gating.decide(launch, by="system", now=timezone.now())
    assert standing(launch.pk, timezone.now()).closed == (("churn_rate", "stale"),)


# Codes


@pytest.mark.parametrize(("stops", "why"), [("invites", None), ("everything", "gate_closed")])
def test_only_a_gate_that_stops_everything_stops_codes(stops: str, why: str | None, launch: Launch) -> None:
    code = shared_code(launch)
    guarded(launch, BAD, stops=stops)
    if why is None:
        assert redeem(launch, code, "eve").entry_id
        return
    with pytest.raises(Refused) as refused:
        redeem(launch, code, "eve")
    assert (refused.value.reason, refused.value.why) == ("invite_not_accepted", why)
    assert Attempt.objects.get().reason == "gate_closed"
    assert Code.objects.get(kind="bulk").uses == 0


def test_such_a_refusal_tells_a_stranger_nothing_of_who_is_on_the_list(launch: Launch) -> None:
    cast.ben(launch)
    cast.ada(launch)
    code = shared_code(launch)
    guarded(launch, BAD, stops="everything")
    for name in ("ben", "ada", "nobody"):  # in, waiting, unknown
        with pytest.raises(Refused, match="invite_not_accepted"):
            redeem(launch, code, name)


def test_who_holds_an_invite_was_counted_and_comes_in(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    guarded(launch, BAD, stops="everything")
    redeem(launch, queries.text_of(offer.code), "ada")
    assert cast.now(ada).status == "registered"


def test_a_key_reads_the_true_reason(api: Api, key: Callable[..., str], launch: Launch) -> None:
    code = shared_code(launch)
    guarded(launch, BAD, stops="everything")
    said = api.with_key(key("codes:redeem")).post("/api/invites/redeem", {"code": code, "email": "eve@example.com"})
    assert (said.status_code, said.json()["code"]) == (422, "invite_not_accepted")
    assert "gate_closed" in said.json()["detail"]


@pytest.mark.parametrize(("stops", "comes_in"), [("invites", True), ("everything", False)])
def test_an_open_launch_too_is_stopped_by_a_gate_that_stops_everything(
    stops: str, comes_in: bool, client: Client, launch: Launch
) -> None:
    tuning.tune(launch, {"mode": "open"}, by=OWNER)
    guarded(launch, BAD, stops=stops)
    signs_up(client, "eve")
    assert Entry.objects.filter(status="registered").exists() is comes_in
    assert (user_named("eve") is not None) is comes_in


def test_codes_of_a_launch_without_such_a_gate_cost_no_look_at_gates(launch: Launch) -> None:
    code = shared_code(launch)
    guarded(launch, GOOD)
    codes_open(launch.pk, timezone.now())
    with CaptureQueriesContext(connection) as ran:
        redeem(launch, code, "eve")
    assert not [one for one in ran.captured_queries if "quality_gate" in one["sql"]]


# Overriding


def test_an_override_opens_a_closed_gate_until_its_end_and_its_end_can_come_early(launch: Launch) -> None:
    gate = guarded(launch, BAD)
    now = timezone.now()
    gating.override(gate, now + timedelta(hours=1), "the churn is a billing bug", by=OWNER, now=now)
    assert standing(launch.pk, now).invites_open
    assert not standing(launch.pk, now + timedelta(hours=1)).invites_open
    assert gating.end_override(gate, "it was not", by=OWNER, now=now) == 1
    assert not standing(launch.pk, timezone.now()).invites_open
    assert told("gate.overridden", "override.ended") == ["gate.overridden", "override.ended"]
    with pytest.raises(StaleState):
        gating.end_override(gate, "again", by=OWNER, now=now)


@pytest.mark.parametrize(
    ("hours", "reason", "word"),
    [(0, "why", "until_out_of_range"), (169, "why", "until_out_of_range"), (1, "  ", "reason_missing")],
)
def test_an_override_needs_a_reason_and_an_end_within_a_week(
    hours: int, reason: str, word: str, launch: Launch
) -> None:
    gate, now = guarded(launch, BAD), timezone.now()
    with pytest.raises(Refused, match=word):
        gating.override(gate, now + timedelta(hours=hours), reason, by=OWNER, now=now)
    assert not Override.objects.exists()


def test_switching_a_gate_off_ends_its_overrides(launch: Launch) -> None:
    gate, now = guarded(launch, BAD), timezone.now()
    gating.override(gate, now + timedelta(days=1), "why", by=OWNER, now=now)
    gating.switch_off(gate, "done", by=OWNER, now=now)
    gating.switch_on(gate, "again", by=OWNER, now=timezone.now())
    assert not standing(launch.pk, timezone.now()).invites_open


# The door

EVALUATE = "/api/quality/evaluate-gate"


@pytest.fixture
def host(api: Api, launch: Launch, key: Callable[..., str]) -> Api:
    return api.with_key(key("gate:write"))


def codes_of(said: dict[str, Any]) -> list[str]:
    return [one["code"] for one in said["alerts"]]


def members(launch: Launch, count: int, gone: int) -> None:
    """So many came in yesterday; the product told that all of them began, and that some left."""
    at = timezone.now() - timedelta(days=1)
    people = Entry.objects.bulk_create(
        Entry(launch=launch, status="registered", contact=f"m{n}@example.com", canonical=f"m{n}@example.com",
              referral_code=f"m{n}", registered_at=at)
        for n in range(count)
    )  # fmt: skip
    tell(launch, people, "engaged")
    tell(launch, people[:gone], "churned")


def tell(launch: Launch, people: list[Entry], kind: str) -> None:
    now = timezone.now()
    told = [{"id": f"{kind}-{one.pk}", "email": one.canonical, "kind": kind, "at": now.isoformat()} for one in people]
    assert hear(launch, told, now, by="key:1").accepted == len(people)


def test_without_a_gate_people_may_come_and_an_alert_says_that_nothing_guards(host: Api) -> None:
    said = host.post(EVALUATE).json()
    assert (said["invites_allowed"], said["trust_score"], set(said["metrics"])) == (True, None, set(METRICS))
    assert codes_of(said) == ["no_gate"]
    assert "quota" in said["alerts"][0]["detail"]


@pytest.mark.parametrize("body", [{}, {"data": {}}])
def test_the_query_alone_may_name_the_launch(body: dict[str, Any], host: Api, launch: Launch) -> None:
    assert host.post(f"{EVALUATE}?launch={launch.slug}", **body).status_code == 200
    assert host.post(f"{EVALUATE}?launch=elsewhere", **body).status_code == 400


def test_the_door_measures_now_decides_and_says_why_it_is_closed(host: Api, launch: Launch) -> None:
    guarded(launch, GOOD)
    members(launch, 50, gone=7)
    Alert.objects.create(
        launch=launch, code="join_burst", subject="192.0.2.0/24", detail="Many joins from one network."
    )
    said = host.post(EVALUATE).json()
    assert (said["invites_allowed"], said["metrics"]["churn_rate"]) == (False, 0.14)
    assert 0 < said["trust_score"] == said["metrics"]["trust_score"] < 1
    assert codes_of(said) == ["gate_bad", "join_burst"]
    assert "14.0%" in said["alerts"][0]["detail"]
    assert datetime.fromisoformat(said["alerts"][0]["since"]) == Decision.objects.order_by("-pk")[0].at


def test_a_gate_that_is_on_and_healthy_alerts_nothing(host: Api, launch: Launch) -> None:
    guarded(launch, GOOD)
    members(launch, 50, gone=2)
    said = host.post(EVALUATE).json()
    assert (said["invites_allowed"], said["alerts"]) == (True, [])


@pytest.mark.parametrize(
    ("count", "hours_later", "code"), [(0, 0, "gate_missing"), (29, 0, "gate_thin"), (50, 25, "gate_stale")]
)
def test_missing_thin_and_stale_metrics_fail_closed(
    count: int, hours_later: int, code: str, host: Api, launch: Launch
) -> None:
    guarded(launch, None)
    if count:
        members(launch, count, gone=1)
    with time_machine.travel(timezone.now() + timedelta(hours=hours_later), tick=False):
        said = host.post(EVALUATE).json()
    assert (said["invites_allowed"], codes_of(said)) == (False, [code])


def test_under_an_override_people_may_come_and_an_alert_says_until_when(host: Api, launch: Launch) -> None:
    gate, now = guarded(launch, BAD), timezone.now()
    gating.override(gate, now + timedelta(hours=1), "known", by=OWNER, now=now)
    said = host.post(EVALUATE).json()
    assert (said["invites_allowed"], codes_of(said)) == (True, ["gate_overridden"])


@pytest.mark.parametrize(("scopes", "status"), [(None, 401), (["gate:read"], 403)])
def test_only_a_key_with_its_scope_may_evaluate(
    scopes: list[str] | None, status: int, api: Api, key: Callable[..., str], launch: Launch
) -> None:
    caller = api if scopes is None else api.with_key(key(*scopes))
    assert caller.post(EVALUATE).status_code == status


def test_nobody_was_let_in_by_all_that(launch: Launch) -> None:
    cast.ada(launch)
    guarded(launch, BAD)
    release_daily()
    assert not Invite.objects.exists()
    assert Entry.objects.filter(status="invited").count() == 0


def test_old_decisions_are_deleted_but_never_the_last_word_of_a_gate(launch: Launch) -> None:
    gate = guarded(launch, GOOD)
    Decision.objects.all().delete()
    for days in (900, 500, 450, 10):
        at = timezone.now() - timedelta(days=days)
        Decision.objects.create(gate=gate, is_open=True, why="healthy", at=at)
    other = Gate.objects.create(launch=launch, metric="fraud_rate", closes_at=0.1, opens_at=0.05)
    Decision.objects.create(gate=other, is_open=False, why="bad", at=timezone.now() - timedelta(days=800))
    assert gating.purge_decisions(timezone.now()) == 3
    assert (gate.decisions.count(), other.decisions.count()) == (1, 1)
