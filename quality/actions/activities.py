"""Hears what the host product tells of its members."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from outbox import sql
from outbox.facts import Said
from outbox.states import verb
from quality import reports, signals
from quality.queries import readings as queries
from quality.reports import Report, Unfit
from waitlist.models import Entry, Launch

MEMBERS = (Entry.Status.REGISTERED, Entry.Status.SUSPENDED)

# In the order of the ids, so that two calls that tell the same events wait for each other and never in a circle. The row
# itself is the record of what was told: nothing changes it.
KEEP = """
INSERT INTO quality_activity (launch_id, event_id, entry_id, kind, feature, at)
SELECT %(launch)s, told.* FROM unnest(%(ids)s::text[], %(entries)s::bigint[], %(kinds)s::text[], %(features)s::text[],
                                      %(moments)s::timestamptz[]) AS told(event_id, entry_id, kind, feature, at)
ON CONFLICT (launch_id, event_id) DO NOTHING
RETURNING event_id
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """How many events were new, how many were told before, and which were turned away, with the code."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[dict[str, str | None]] = field(default_factory=list)


@verb
def hear(launch: Launch, told: Sequence[Any], now: datetime, *, by: str) -> Heard:
    """Keeps what the product tells, each event once by its id. What does not fit is turned away alone, with a code."""
    rejected: list[dict[str, str | None]] = []
    read = _fitting(told, now, rejected)
    kept = _members(launch, read, rejected)
    fresh = _keep(launch, _in_order(kept)) if kept else 0
    if fresh:
        data = {"accepted": fresh, "duplicates": len(kept) - fresh, "rejected": len(rejected)}
        signals.activities_told.announce([Said(f"launch:{launch.pk}", data)], by=by)
    return Heard(fresh, len(kept) - fresh, rejected)


def _fitting(told: Sequence[Any], now: datetime, rejected: list[dict[str, str | None]]) -> list[Report]:
    read = []
    for one in told:
        try:
            read.append(reports.read(one, now))
        except Unfit as unfit:
            rejected.append({"id": reports.id_of(one), "code": unfit.code})
    return read


def _members(launch: Launch, read: Sequence[Report], rejected: list[dict[str, str | None]]) -> list[tuple[Report, int]]:
    """Each report with the entry it is about. Where two share a host's id, it is about the member, then about the newest."""
    people = queries.people_reported(
        launch, [one.canonical for one in read if one.canonical], [one.user_id for one in read if one.user_id]
    )
    in_order = sorted(people, key=lambda row: (row.status in MEMBERS, row.id))
    by_name = {(row.known_by, row.name): row for row in in_order}
    kept = []
    for one in read:
        row = by_name.get(("id", one.user_id) if one.user_id else ("email", one.canonical))
        if row is not None and row.status in MEMBERS:
            kept.append((one, row.id))
        else:
            rejected.append({"id": one.event_id, "code": "unknown_person" if row is None else "not_a_member"})
    return kept


def _in_order(kept: Sequence[tuple[Report, int]]) -> list[tuple[Report, int]]:
    return sorted(kept, key=lambda pair: pair[0].event_id)


def _keep(launch: Launch, kept: Sequence[tuple[Report, int]]) -> int:
    columns = {
        "ids": [one.event_id for one, _entry in kept],
        "entries": [entry for _one, entry in kept],
        "kinds": [one.kind for one, _entry in kept],
        "features": [one.feature for one, _entry in kept],
        "moments": [one.at for one, _entry in kept],
    }
    return len(sql.rows(KEEP, {"launch": launch.pk, **columns}))
