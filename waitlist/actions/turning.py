"""Several settings turned at once, and back: exactly those it turned, but for what an owner has changed since."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import StaleState, verb
from waitlist import queries, signals
from waitlist.actions import tuning
from waitlist.models import Launch, Turn

LONGEST_DAYS = 90  # of a tightening: what lasts longer is a setting


@verb
def turn(
    launch: Launch,
    kind: str,
    settings: Mapping[str, Any],
    reason: str,
    *,
    by: str,
    until: datetime | None = None,
    seen: int | None = None,
) -> Turn:
    """Turns these settings, and remembers what they were. Refused: already_turned, nothing_to_turn, until_out_of_range.

    StaleState when somebody changed the launch after `seen`.
    """
    kept = tuning.lock(launch.pk)
    if seen is not None and queries.newest_change(launch) > seen:
        raise StaleState("Somebody else changed this launch meanwhile.")
    if until and not timezone.now() < until <= timezone.now() + timedelta(days=LONGEST_DAYS):
        raise Refused("until_out_of_range", _("It ends at a moment within the next 90 days."))
    if Turn.objects.filter(launch=kept, kind=kind, ended_at=None).exists():
        raise Refused("already_turned", _("That is done already; take it back first."))
    different = tuning.set_to(kept, settings)
    if not different:
        raise Refused("nothing_to_turn", _("Every setting is like that already."))
    made = Turn.objects.create(
        launch=kept,
        kind=kind,
        before={name: old for name, (old, _new) in different.items()},
        after={name: new for name, (_old, new) in different.items()},
        until=until,
        reason=reason,
        by=by,
    )
    queries.forget_kept()
    told = {name: [tuning.said(old), tuning.said(new)] for name, (old, new) in different.items()}
    found = {"turn": made.pk, "kind": kind, "changes": told, "reason": reason}
    found |= {"until": until.isoformat()} if until else {}
    signals.launch_turned.announce([Said(f"launch:{launch.pk}", found)], by=by)
    return made


@verb
def take_back(turn_id: int, reason: str, *, by: str) -> Turn:
    """Sets what it turned to what it was; what an owner changed since stays. Raises StaleState when it has ended.

    A later turn of the same setting stays in force and gives back the older value when it ends itself.
    """
    launch = tuning.lock(Turn.objects.values_list("launch_id", flat=True).get(pk=turn_id))
    turn = Turn.objects.select_for_update(no_key=True).get(pk=turn_id)
    if turn.ended_at:
        raise StaleState("It has ended already.")
    ours = {name: turn.before[name] for name in turn.after if name not in turn.left}
    for later in Turn.objects.filter(launch=launch, ended_at=None, pk__gt=turn_id).order_by("pk"):
        handed_on = {name: ours.pop(name) for name in list(ours) if name in later.after}
        if handed_on:
            later.before |= handed_on
            later.save(update_fields=["before"])
    different = tuning.set_to(launch, ours)
    Turn.objects.filter(pk=turn_id).update(ended_at=Now(), ended_by=by)
    queries.forget_kept()
    told = {name: [tuning.said(old), tuning.said(new)] for name, (old, new) in different.items()}
    found = {"turn": turn_id, "kind": turn.kind, "changes": told, "left": turn.left, "reason": reason}
    signals.launch_turned_back.announce([Said(f"launch:{launch.pk}", found)], by=by)
    turn.refresh_from_db()
    return turn


def end_due(now: datetime) -> int:
    """Takes back what should have ended by now, each in its own transaction; how many."""
    due = Turn.objects.filter(ended_at=None, until__lte=now).order_by("until", "pk")
    ended = 0
    for pk in list(due.values_list("pk", flat=True)):
        try:
            take_back(pk, "its time is over", by="system")
        except StaleState:
            continue  # somebody ended it in this instant
        ended += 1
    return ended
