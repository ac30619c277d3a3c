"""Releases batches: plans how many, invites them a chunk a transaction, pauses, resumes and ends."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from invites import pacing, queries, signals
from invites.actions import inviting
from invites.actions.inviting import CHUNK
from invites.models import Batch, PaceDecision
from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import move_one, verb
from quality import gates
from quality.queries import gating
from waitlist.actions import granting
from waitlist.models import Launch


def release(launch: Launch, count: int | None = None, *, by: str, reason: str = "") -> Batch:
    """Invites the next eligible people within the day's quota, at most `count`; one Batch a run, a chunk a transaction.

    Where a gate is on and nobody says how many, the pace does. Raises Refused: launch_closed, gate_closed, pace_waits.
    Not one transaction: that the pace waits, and why, is kept although nothing is released.
    """
    if not lets_batches_out(launch):
        raise Refused("launch_closed")
    planned = plan_next(launch, count, by=by, reason=reason)
    if isinstance(planned, PaceDecision):
        raise Refused("pace_waits", queries.pace_in_words(planned), why=planned.why)
    while _release_chunk(planned.pk, by=by):
        pass
    planned.refresh_from_db()
    return planned


def lets_batches_out(launch: Launch) -> bool:
    """Whether people are invited from the list at all."""
    return launch.enabled and launch.mode in (Launch.Mode.WAITLIST, Launch.Mode.BOTH)


def resume_batch(batch: Batch, reason: str, *, by: str) -> Batch:
    """Lets a paused batch go on from where it stands."""
    _change_batch(batch, "releasing", signals.batch_resumed, reason, by=by)
    while _release_chunk(batch.pk, by=by):
        pass
    batch.refresh_from_db()
    return batch


def finish_batches(*, by: str) -> None:
    """Goes on with the batches whose worker died: the row is the cursor. One whose day is over is closed.

    Beside a worker that lives this does no harm: each chunk holds the row, and counts in it. One that a gate holds stays as
    it is and goes on when that opens.
    """
    open_now = Batch.objects.filter(status="releasing", launch__enabled=True).select_related("launch").order_by("pk")
    for batch in open_now.filter(launch__mode__in=[Launch.Mode.WAITLIST, Launch.Mode.BOTH]):
        if batch.created_at < queries.day_began(batch.launch, timezone.now()):
            cancel_batch(batch, "its day is over", by=by)
        while _release_chunk(batch.pk, by=by):
            pass


@verb
def plan_next(launch: Launch, count: int | None, *, by: str, reason: str = "") -> Batch | PaceDecision:
    """Plans a batch of `count`, or of what the day allows; with a gate on, of what the pace allows, or says why it waits."""
    kept = _held(launch)
    now = timezone.now()
    standing = gating.standing(launch.pk, now)
    if not standing.guarded:
        return plan_batch(kept, count, by=by, reason=reason)
    if count is not None:
        if not standing.invites_open:
            raise Refused("gate_closed", gates.sentence(standing.closed))
        return plan_batch(kept, count, by=by, reason=reason)
    tempo = pacing.Tempo(kept.pace_step, kept.bake_days, kept.daily_quota)
    past, today = queries.past_of(kept), queries.local_date(kept, now)
    pace = pacing.pace(tempo, past, gates_open=standing.invites_open, today=today)
    if pace.step == PaceDecision.Step.WAIT:
        return _note_wait(kept, pace, standing.closed, now)
    batch = plan_batch(kept, pace.size, by=by, reason=reason, pace=pace.step)
    PaceDecision.objects.create(launch=kept, batch=batch, step=pace.step, size=pace.size, why=pace.why)
    return batch


def _held(launch: Launch) -> Launch:
    """The launch's row, locked: of two schedulers at once the second sees the batch of the first."""
    return Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)


def _note_wait(launch: Launch, pace: pacing.Pace, closed: Sequence[tuple[str, str]], now: datetime) -> PaceDecision:
    """The row that says why nobody is invited: once for each local date and reason, however often it is asked."""
    why = ", ".join([f"{pace.why}", *(f"{metric} {why}" for metric, why in closed)])
    said = {"launch": launch, "step": pace.step, "size": 0, "why": why, "batch": None}
    today = PaceDecision.objects.filter(**said, at__gte=queries.day_began(launch, now))
    return today.first() or PaceDecision.objects.create(**said, at=now)


@verb
def plan_batch(launch: Launch, count: int | None, *, by: str, reason: str = "", pace: str = "") -> Batch:
    """Makes the row that the chunks count in. Where lots will be drawn, their seed is drawn now, once."""
    seed = secrets.token_hex(16) if launch.share_lottery else ""
    batch = Batch.objects.create(launch=launch, size=count, by=by, seed=seed)
    move_one(Batch.objects.filter(pk=batch.pk), to="releasing")
    said = {"reason": reason, "pace": pace, "seed": seed}
    data = {"launch": launch.pk, "size": count} | {name: word for name, word in said.items() if word}
    signals.batch_planned.announce([Said(f"batch:{batch.pk}", data)], by=by)
    return batch


@verb
def _release_chunk(batch_id: int, *, by: str) -> bool:
    """Invites one chunk; False when the batch is done, paused or cancelled, or held: by a gate, or by the launch's mode now."""
    launch = Launch.objects.select_for_update(no_key=True).get(batch=batch_id)
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch_id)
    if batch.status != Batch.Status.RELEASING or not lets_batches_out(launch):
        return False
    if not gating.standing(launch.pk, timezone.now()).invites_open:
        return False
    wanted = CHUNK if batch.size is None else min(CHUNK, batch.size - batch.released)
    day, taken = granting.take(launch, wanted) if wanted else (None, 0)
    granted, paths = _grant(launch, batch, taken) if taken else ([], {})
    if day and len(granted) < taken:
        granting.give_back(launch, day, taken - len(granted))
    if granted:
        inviting.issue(launch, granted, batch_id=batch.pk, by=by, paths=paths)
        _count_released(batch, len(granted), list(paths.values()))
    if len(granted) == CHUNK:
        return True
    move_one(Batch.objects.filter(pk=batch.pk), to="released", released_at=Now())
    data = {"launch": launch.pk, "released": batch.released + len(granted)}
    signals.batch_released.announce([Said(f"batch:{batch.pk}", data)], by=by)
    return False


def _grant(launch: Launch, batch: Batch, count: int) -> tuple[list[Any], dict[int, str]]:
    """The next people, and by which path each came where the launch shares places; without shares the order alone counts."""
    places = pacing.places(count, launch.share_first, launch.share_lottery if batch.seed else 0)
    if places.top == count:
        return granting.invite_next(launch, count, by=f"batch:{batch.pk}"), {}
    shares = granting.Shares(places.first, places.lottery, batch.seed)
    granted = granting.invite_shared(launch, count, shares, by=f"batch:{batch.pk}")
    return granted, {row.id: row.path for row in granted}


def _count_released(batch: Batch, count: int, paths: Sequence[str]) -> None:
    Batch.objects.filter(pk=batch.pk).update(
        released=F("released") + count,
        first_places=F("first_places") + paths.count("first"),
        lottery_places=F("lottery_places") + paths.count("lottery"),
    )


@verb
def _change_batch(batch: Batch, to: str, fact: Any, reason: str, *, by: str) -> None:
    Batch.objects.select_for_update(no_key=True).get(
        pk=batch.pk
    )  # a chunk under way is waited for, the next one sees it
    move_one(Batch.objects.filter(pk=batch.pk), to=to)
    fact.announce([Said(f"batch:{batch.pk}", {"reason": reason})], by=by)


def pause_batch(batch: Batch, reason: str, *, by: str) -> None:
    """Stops a batch: nothing more is issued after this returns."""
    _change_batch(batch, "paused", signals.batch_paused, reason, by=by)


def cancel_batch(batch: Batch, reason: str, *, by: str) -> None:
    """Ends a batch early; who was invited stays invited."""
    _change_batch(batch, "cancelled", signals.batch_cancelled, reason, by=by)
