"""Points given and taken back, and the priority that is their sum."""

from collections.abc import Sequence

from django.db.models import Sum
from django.db.models.functions import Coalesce

from outbox import sql
from outbox.facts import Said
from outbox.states import verb
from waitlist import scoring, signals
from waitlist.models import Entry, Points


@verb
def award(entry_id: int, rule: str, points: int, *, key: str, by: str, cap: int | None = None) -> int:
    """Adds one line of points, up to the cap over all lines of that rule; how many were added (0 when it was said before)."""
    entry = Entry.objects.select_for_update(no_key=True).get(pk=entry_id)  # the sum must not move while it is read
    lines = Points.objects.filter(entry=entry)
    had = lines.filter(rule=rule).aggregate(sum=Coalesce(Sum("points"), 0))["sum"]
    added = points if cap is None else max(0, min(points, cap - had))
    if not added or lines.filter(rule=rule, key=key).exists():
        return 0
    Points.objects.create(entry=entry, rule=rule, key=key, points=added, reason=scoring.reason_of(rule))
    reprioritise([entry_id])
    signals.points_awarded.announce([Said(f"entry:{entry_id}", {"rule": rule, "points": added, "key": key})], by=by)
    return added


@verb
def withdraw(entry_id: int, rule: str, key: str, *, by: str) -> int:
    """Takes a line of points back; how many points it was."""
    Entry.objects.select_for_update(no_key=True).get(pk=entry_id)
    lines = Points.objects.filter(entry_id=entry_id, rule=rule, key=key)
    gone = lines.aggregate(sum=Coalesce(Sum("points"), 0))["sum"]
    if gone:
        lines.delete()
        reprioritise([entry_id])
        signals.points_awarded.announce([Said(f"entry:{entry_id}", {"rule": rule, "points": -gone, "key": key})], by=by)
    return int(gone)


@verb
def reprioritise(ids: Sequence[int]) -> None:
    """Makes the priority of these people the clamped sum of their points again."""
    sql.rows(
        """UPDATE waitlist_entry AS entry SET priority = least(greatest(coalesce(
               (SELECT sum(points) FROM waitlist_points WHERE entry_id = entry.id), 0), 0), %(most)s)
           WHERE id = ANY(%(ids)s::bigint[])""",
        {"ids": list(ids), "most": scoring.PRIORITY_MAX},
    )
