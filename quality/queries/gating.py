"""Named reads of gates: how they stand now, and why."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from outbox import sql
from quality import gates, hot, replay
from quality.gates import Verdict
from quality.models import Alert, Decision, Gate, Override, Reading
from quality.replay import Span
from waitlist.models import Launch

KEPT_SECONDS = 1.0  # a gate that is switched on acts within a second at the doors of every process
REPLAYED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Look:
    """One gate at this moment: what it decided last, and what that is worth now."""

    gate: Gate
    decision: Decision | None
    override: Override | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the gates of a launch let people in at this moment. `guarded` is False where no gate is on."""

    invites_open: bool = True
    codes_open: bool = True
    guarded: bool = False
    closed: tuple[tuple[str, str], ...] = ()  # (metric, the word of gates.WHYS)


def gates_of(launch_id: int, now: datetime) -> list[Look]:
    """The gates of a launch that are on, as they stand now; one query."""
    return [_look(launch_id, row, now) for row in sql.rows(hot.GATES, {"launch": launch_id})]


def _look(launch_id: int, row: Any, now: datetime) -> Look:
    gate = Gate(
        id=row.id,
        launch_id=launch_id,
        metric=row.metric,
        stops=row.stops,
        closes_at=row.closes_at,
        opens_at=row.opens_at,
        is_on=True,
        min_sample=row.min_sample,
        max_age_hours=row.max_age_hours,
    )
    decision = _decision(row) if row.decision_id else None
    override = Override(gate=gate, until=row.until, created_at=row.overridden_at) if row.until else None
    return Look(gate, decision, override, gates.look(gate, decision, override, now))


def _decision(row: Any) -> Decision:
    return Decision(
        id=row.decision_id,
        gate_id=row.id,
        is_open=row.is_open,
        why=row.why,
        value=row.value,
        sample=row.sample,
        newest_at=row.newest_at,
        at=row.at,
    )


def standing(launch_id: int, now: datetime) -> Standing:
    """Whether people may be let in now. Asked inside the grant itself; one query."""
    looks = gates_of(launch_id, now)
    closed = [look for look in looks if not look.verdict.is_open]
    return Standing(
        invites_open=not closed,
        codes_open=all(look.gate.stops != Gate.Stops.EVERYTHING for look in closed),
        guarded=bool(looks),
        closed=tuple((look.gate.metric, look.verdict.why) for look in closed),
    )


_kept: dict[int, tuple[float, bool]] = {}


def forget_kept() -> None:
    """Reads at the next look which launches have a gate that stops codes: after a gate is switched, and between tests."""
    _kept.clear()


def codes_open(launch_id: int, now: datetime) -> bool:
    """Whether codes let people in. Rows are asked only where a gate that is on stops everything, which is kept for a second."""
    until, gated = _kept.get(launch_id, (0.0, False))
    if until < time.monotonic():
        gated = Gate.objects.filter(launch_id=launch_id, is_on=True, stops=Gate.Stops.EVERYTHING).exists()
        _kept[launch_id] = (time.monotonic() + KEPT_SECONDS, gated)
    return not gated or standing(launch_id, now).codes_open


def closed_lately(launch_id: int, since: datetime) -> bool:
    """Whether a gate that is on has decided to be closed since then."""
    return Decision.objects.filter(gate__launch_id=launch_id, gate__is_on=True, at__gte=since, is_open=False).exists()


def latest(launch_id: int, metric: str) -> Reading | None:
    """What the metric said last."""
    return Reading.objects.filter(launch_id=launch_id, metric=metric).order_by("-at", "-pk").first()


def values_now(launch_id: int) -> dict[str, float | None]:
    """What each metric said last, by name; None where it said nothing."""
    found = Reading.objects.filter(launch_id=launch_id).order_by("metric", "-at", "-pk").distinct("metric")
    return {one.metric: one.value if one.value is not None and isfinite(one.value) else None for one in found}


def since(decision: Decision) -> datetime:
    """Since when the gate has been as this decision says."""
    before = Decision.objects.filter(gate_id=decision.gate_id, at__lte=decision.at)
    other = before.exclude(is_open=decision.is_open).order_by("-at", "-pk").first()
    first = before.filter(at__gt=other.at) if other else before
    return first.order_by("at", "pk").values_list("at", flat=True).first() or decision.at


def open_alerts(launch_id: int) -> list[Alert]:
    """What is alerted now about this launch or about the whole house, the newest last."""
    here = Alert.objects.filter(Q(launch_id=launch_id) | Q(launch=None), ended_at=None)
    return list(here.order_by("since", "pk"))


def replayed(gate: Gate, now: datetime) -> list[Span]:
    """What the gate would have decided over the last 30 days, from the readings that are kept."""
    begin = now - timedelta(days=REPLAYED_DAYS)
    kept = Reading.objects.filter(launch_id=gate.launch_id, metric=gate.metric, at__gt=begin, at__lte=now)
    return replay.spans(gate, list(kept.order_by("at", "pk")), begin, now, gates.better_of(gate.metric) or "lower")


def guard_in_words(launch: Launch, now: datetime) -> str:
    """What guards the pace of a launch, in a sentence."""
    standing_now = standing(launch.pk, now)
    if not standing_now.guarded:
        return _("No gate is on: nothing guards the pace but the daily quota.")
    return gates.sentence(standing_now.closed) if standing_now.closed else _("Every gate that is on is open.")


def warnings(launch: Launch, now: datetime) -> list[dict[str, Any]]:
    """What an operator should know of the gates of this launch, then everything that is alerted: {code, detail, since}."""
    looks = gates_of(launch.pk, now)
    if not looks:
        nothing = {"code": "no_gate", "detail": guard_in_words(launch, now), "since": launch.created_at}
        return [nothing, *_alerted(launch)]
    found = [look for look in looks if not look.verdict.is_open or look.verdict.why == "overridden"]
    return [*(_warning(look) for look in found), *_alerted(launch)]


def _alerted(launch: Launch) -> Iterator[dict[str, Any]]:
    return ({"code": one.code, "detail": one.detail, "since": one.since} for one in open_alerts(launch.pk))


def _warning(look: Look) -> dict[str, Any]:
    return {"code": f"gate_{look.verdict.why}", "detail": in_words(look), "since": since_of(look)}


def since_of(look: Look) -> datetime | None:
    """Since when the gate stands as it does: by what it decided, or since its last decision grew too old."""
    if look.verdict.why == "overridden" and look.override:
        return look.override.created_at
    if look.decision is None or look.decision.newest_at is None or look.decision.is_open == look.verdict.is_open:
        return since(look.decision) if look.decision else None
    return look.decision.newest_at + timedelta(hours=look.gate.max_age_hours)


def in_words(look: Look) -> str:
    """How a gate stands and why, in a sentence."""
    return gates.in_words(look.gate, look.decision, look.verdict, look.override)
