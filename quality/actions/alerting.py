"""Alerts: raise what is new, count what goes on, end what is over. Staff get one mail for each that is raised."""

import ipaddress
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from outbox import sql
from outbox.actions import owe
from outbox.facts import Said
from outbox.faults import Fault
from outbox.keys import keyed
from outbox.states import verb
from quality import messages
from quality.signals import alert_ended, alert_raised
from quality.watches import QUIET, watches
from waitlist.models import Launch


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a watch saw: its code, what it is about ("" for the launch as such), and a sentence."""

    code: str
    subject: str
    detail: str


# Two watchers of one launch go one after the other, and so lock its alerts in no two orders. Any number that nothing else locks.
WATCHERS = 7_301_450
ALONE = "SELECT pg_advisory_xact_lock(%(watchers)s::int, %(launch)s::int)"
# The open alert is unique, so of many who see the same in one moment one raises it and the others count.
NOTE = """
INSERT INTO quality_alert AS alert (launch_id, code, subject, detail)
SELECT %(launch)s::bigint, seen.code, seen.subject, seen.detail
FROM jsonb_to_recordset(%(seen)s::jsonb) AS seen(code text, subject text, detail text)
ORDER BY seen.code, seen.subject
ON CONFLICT (launch_id, code, subject) WHERE ended_at IS NULL
DO UPDATE SET times = alert.times + 1, last_at = greatest(alert.last_at, statement_timestamp()), detail = excluded.detail
RETURNING id, code, subject, xmax = 0 AS raised
"""
# Seen a moment ago is not over: each code says how long nothing must be seen (Watch.quiet).
END = """
UPDATE quality_alert AS alert SET ended_at = statement_timestamp()
FROM jsonb_to_recordset(%(looked)s::jsonb) AS looked(code text, quiet float8)
WHERE alert.launch_id IS NOT DISTINCT FROM %(launch)s::bigint AND alert.ended_at IS NULL AND alert.code = looked.code
  AND alert.last_at <= statement_timestamp() - looked.quiet * interval '1 second'
  AND alert.id <> ALL(string_to_array(%(seen)s, ',')::bigint[])
RETURNING alert.id, alert.code, alert.subject, alert.times
"""


@verb
def note(launch: Launch | None, seen: Sequence[Sighting], codes: Collection[str], *, by: str) -> int:
    """What the watches named by `codes` saw of this launch (None: of the whole install); how many alerts were raised.

    New is raised, known is counted, and what these watches have not seen for their quiet time is over.
    """
    launch_id = launch.pk if launch else None
    sql.rows(ALONE, {"watchers": WATCHERS, "launch": launch_id or 0})
    once = {(one.code, one.subject): asdict(one) for one in seen}
    found = sql.rows(NOTE, {"launch": launch_id, "seen": json.dumps(list(once.values()))}) if once else []
    looked = json.dumps([{"code": code, "quiet": quiet_of(code).total_seconds()} for code in codes])
    still = ",".join(str(row.id) for row in found)
    over = sql.rows(END, {"launch": launch_id, "looked": looked, "seen": still}) if codes else []
    alert_ended.announce([said_of(row, launch_id, times=row.times) for row in over], by=by)
    return _tell([row for row in found if row.raised], launch_id, by)


def _tell(raised: Sequence[Any], launch_id: int | None, by: str) -> int:
    alert_raised.announce([said_of(row, launch_id) for row in raised], by=by)
    strangers = {row.id for row in raised if row.code in watches and watches[row.code].strangers}
    owe(messages.to_staff([row.id for row in raised if row.id not in strangers]))
    for one in sorted(strangers)[: messages.STRANGERS_CAP]:  # one by one, so that each is counted before the next
        owe(messages.to_staff([one], cap=messages.STRANGERS_CAP))
    return len(raised)


def quiet_of(code: str) -> timedelta:
    """How long this kind of thing must not be seen to be over."""
    return watches[code].quiet if code in watches else QUIET


def said_of(alert: Any, launch_id: int | None, **more: Any) -> Said:
    """The fact about an alert."""
    where = {"launch": launch_id} if launch_id else {}
    return Said(f"alert:{alert.id}", {**where, "code": alert.code, "about": about(alert.subject), **more})


def about(subject: str) -> str:
    """The subject as the trail may keep it for ever: a network is forgotten after some weeks, so here it is a keyed hash."""
    try:
        ipaddress.ip_network(subject, strict=False)
    except ValueError:
        return subject
    return f"network {keyed('alert', subject)[:6].hex()}"


END_BY_HAND = """
UPDATE quality_alert SET ended_at = statement_timestamp() WHERE id = ANY(%(ids)s) AND ended_at IS NULL
RETURNING id, code, subject, times, launch_id
"""


@verb
def end_alerts(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Staff have seen to it; how many were open. What is seen again is raised again."""
    over = sql.rows(END_BY_HAND, {"ids": list(ids)})
    alert_ended.announce([said_of(row, row.launch_id, times=row.times, reason=reason) for row in over], by=by)
    return len(over)


FORGET = """
DELETE FROM quality_alert WHERE id IN (
    SELECT alert.id FROM quality_alert AS alert LEFT JOIN waitlist_launch AS launch ON launch.id = alert.launch_id
    WHERE alert.ended_at < now() - coalesce(launch.trace_days, 90) * interval '1 day' LIMIT 5000)
RETURNING id
"""


@verb
def forget_old() -> int:
    """Deletes ended alerts after the launch's trace_days, for they may name a network; the trail keeps that they were."""
    return len(sql.rows(FORGET))


def look_around(now: datetime, *, by: str) -> int:
    """Every watch looks, at every launch and at the whole install; how many alerts were raised."""
    return sum(look_at(launch, now, by=by) for launch in (None, *Launch.objects.order_by("pk")))


def look_at(launch: Launch | None, now: datetime, *, by: str) -> int:
    """The watches of one launch look. One that breaks is logged, raises nothing and ends nothing."""
    seen: list[Sighting] = []
    looked: set[str] = set()
    for watch in [one for one in watches.values() if one.everywhere == (launch is None)]:
        with Fault() as fault:
            seen += [Sighting(watch.code, subject, detail) for subject, detail in watch.look(launch, now).items()]
        if fault.error is None:
            looked.add(watch.code)
    return note(launch, seen, looked, by=by)
