"""The verbs of gates: set one, switch it, decide now, and override a decision for a time."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from outbox import sql
from outbox.errors import Refused
from outbox.facts import Fact, Said
from outbox.states import StaleState, verb
from quality import gates, signals
from quality.actions.readings import KEPT_FOR, PURGED_AT_ONCE
from quality.models import Decision, Gate, Override
from quality.queries import gating as queries
from waitlist.models import Launch

LONGEST_OVERRIDE = timedelta(days=7)
SETTINGS = ("closes_at", "opens_at", "stops", "min_sample", "max_age_hours")


def check_thresholds(metric: str, closes_at: float, opens_at: float) -> None:
    """Raises Refused, with a sentence, where nobody measures this or the thresholds lie the wrong way round."""
    better = gates.better_of(metric)
    if better is None:
        raise Refused(
            "unknown_metric", _("Nobody measures %(metric)s. Choose a metric of the list.") % {"metric": metric}
        )
    if not gates.lie_apart(closes_at, opens_at, better):
        way = _("lower") if better == "lower" else _("higher")
        raise Refused(
            "thresholds_crossed",
            _("Of this metric %(way)s is better: let the gate open at a %(way)s value than it closes at.")
            % {"way": way},
        )


@verb
def set_gate(launch: Launch, metric: str, *, by: str, now: datetime, **settings: Any) -> Gate:
    """Makes the launch's gate for that metric (switched off), or changes its settings; one that is on decides at once."""
    Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)  # two owners at once make one gate
    gate = Gate.objects.select_for_update().filter(launch=launch, metric=metric).first()
    before = {name: getattr(gate, name) for name in SETTINGS} if gate else {}
    gate = gate or Gate(launch=launch, metric=metric)
    for name in SETTINGS:
        setattr(gate, name, settings.get(name, getattr(gate, name)))
    check_thresholds(metric, gate.closes_at, gate.opens_at)
    gate.full_clean(validate_unique=False, validate_constraints=False)
    gate.save()
    changes = {name: [before.get(name), getattr(gate, name)] for name in SETTINGS}
    _tuned(gate, {name: pair for name, pair in changes.items() if pair[0] != pair[1]}, by=by)
    if gate.is_on:
        _decide(gate, now, by=by)
    return gate


@verb
def switch_on(gate: Gate, reason: str, *, by: str, now: datetime) -> Decision:
    """From now on the gate guards the launch; what it decides at once."""
    kept = _switched(gate, reason, is_on=True, by=by)
    return _decide(kept, now, by=by, was_open=True)


@verb
def switch_off(gate: Gate, reason: str, *, by: str, now: datetime) -> None:
    """The gate guards nothing any more. Overrides end with it; if it was closed, it lets people in again."""
    kept = _switched(gate, reason, is_on=False, by=by)
    Override.objects.filter(gate=kept, ended_at=None, until__gt=now).update(ended_at=Now())
    last = _last(kept)
    if last is not None and not last.is_open:
        _tell(signals.gate_opened, kept, last, "switched_off", by=by)


def _switched(gate: Gate, reason: str, *, is_on: bool, by: str) -> Gate:
    kept = Gate.objects.select_for_update(no_key=True).get(pk=gate.pk)
    if not Gate.objects.filter(pk=gate.pk, is_on=not is_on).update(is_on=is_on):
        raise StaleState(_("This gate stands so already."))
    kept.is_on = gate.is_on = is_on
    _tuned(kept, {"is_on": [not is_on, is_on]}, reason, by=by)
    return kept


def _tuned(gate: Gate, changes: dict[str, Any], reason: str = "", *, by: str) -> None:
    queries.forget_kept()
    if changes:
        data = {"launch": gate.launch_id, "metric": gate.metric, "changes": changes}
        data |= {"reason": reason} if reason else {}
        signals.gate_tuned.announce([Said(f"gate:{gate.pk}", data)], by=by)


@verb
def decide(launch: Launch, *, by: str, now: datetime) -> list[Decision]:
    """Every gate of the launch that is on decides about the latest reading; a decision that differs from the last is told."""
    return [_decide(gate, now, by=by) for gate in _locked(launch)]


def _locked(launch: Launch) -> list[Gate]:
    """The gates that are on, held: of two evaluations at once the second reads what the first decided."""
    on = Gate.objects.select_for_update(no_key=True).filter(launch=launch, is_on=True)
    return list(on.order_by("pk"))


def _decide(gate: Gate, now: datetime, *, by: str, was_open: bool | None = None) -> Decision:
    """`was_open` is what the world saw before, where the last decision does not say it: a gate that was off let people in."""
    last, reading = _last(gate), queries.latest(gate.launch_id, gate.metric)
    better = gates.better_of(gate.metric) or "lower"
    verdict = gates.decide(gate, reading, last is not None and last.is_open, now, better)
    rests_on = gates.rests_on(reading)
    made = Decision.objects.create(
        gate=gate,
        is_open=verdict.is_open,
        why=verdict.why,
        value=reading.value if reading and rests_on else None,
        sample=reading.sample if reading else 0,
        newest_at=rests_on,
        at=now,
    )
    seen = was_open if was_open is not None else last is None or last.is_open
    if verdict.is_open != seen:
        _tell(signals.gate_opened if verdict.is_open else signals.gate_closed, gate, made, verdict.why, by=by)
    return made


def _last(gate: Gate) -> Decision | None:
    return Decision.objects.filter(gate=gate).order_by("-at", "-pk").first()


def _tell(fact: Fact, gate: Gate, decision: Decision, why: str, *, by: str) -> None:
    data = {
        "launch": gate.launch_id,
        "metric": gate.metric,
        "why": why,
        "value": decision.value,
        "sample": decision.sample,
    }
    fact.announce([Said(f"gate:{gate.pk}", data)], by=by)


@verb
def override(gate: Gate, until: datetime, reason: str, *, by: str, now: datetime) -> Override:
    """Opens a gate that is on, whatever it decides, until then: at most a week, with a reason."""
    kept = Gate.objects.select_for_update(no_key=True).get(pk=gate.pk)
    if not kept.is_on:
        raise StaleState(_("This gate is off: there is nothing to override."))
    if not reason.strip():
        raise Refused("reason_missing", _("Say why: the reason stands in the trail."))
    if not now < until <= now + LONGEST_OVERRIDE:
        raise Refused("until_out_of_range", _("An override ends within a week. Choose an end between now and then."))
    made = Override.objects.create(gate=kept, until=until, reason=reason, by=by)
    data = {"until": until.isoformat(), "reason": reason}
    signals.gate_overridden.announce([Said(f"gate:{gate.pk}", data)], by=by)
    return made


@verb
def end_override(gate: Gate, reason: str, *, by: str, now: datetime) -> int:
    """Ends the overrides of this gate now: what it decides counts again. How many there were."""
    Gate.objects.select_for_update(no_key=True).get(pk=gate.pk)
    ended = Override.objects.filter(gate=gate, ended_at=None, until__gt=now).update(ended_at=Now())
    if not ended:
        raise StaleState(_("No override of this gate is in force."))
    signals.override_ended.announce([Said(f"gate:{gate.pk}", {"reason": reason})], by=by)
    return ended


PURGE = """
DELETE FROM quality_decision WHERE id IN (
    SELECT old.id FROM quality_decision AS old
    WHERE old.at < %(before)s AND EXISTS (SELECT FROM quality_decision AS newer WHERE newer.gate_id = old.gate_id AND newer.at > old.at)
    LIMIT %(limit)s)
RETURNING id
"""


@verb
def purge_decisions(now: datetime, *, limit: int = PURGED_AT_ONCE) -> int:
    """Deletes one chunk of decisions older than 400 days, never a gate's latest: when it changed stands in the trail. How many."""
    return len(sql.rows(PURGE, {"before": now - KEPT_FOR, "limit": limit}))
