"""Named reads of the review queue: who is looked at next, and what speaks for and against them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from outbox import sql
from quality.models import Assessment, Bar
from waitlist import policy
from waitlist.models import HELD_ROWS, Entry, Launch, Trace

COUNTED = 10_000  # more are said as "more than": nobody looks through them one by one
NEIGHBOURS_COUNTED = 200
TABS: dict[str, Q] = {
    "held": HELD_ROWS,
    "new": Q(status="pending", held_at__isnull=True),
    "approval": Q(status="waiting", held_at__isnull=True),
    "near": Q(),  # who has a place in common with one person, wherever they stand
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which people of a launch: a tab, narrowed; `near` an entry and what they have in common with it."""

    launch: Launch
    tab: str = "held"
    rule: str = ""
    source: str = ""
    domain: str = ""
    near: int = 0
    alike: str = "network"


def tabs_of(launch: Launch) -> list[str]:
    """The tabs of a launch: nobody is approved by hand where the queue lets everybody in by itself."""
    return ["held", "new", "approval"] if policy.asks_for_a_yes(launch) else ["held", "new"]


def queue(asked: Filter) -> QuerySet[Entry]:
    """The people of a tab, who stands there longest first. Plan: entry_held or entry_new in their order."""
    found = Entry.objects.filter(TABS[asked.tab], launch=asked.launch)
    if asked.tab == "approval":
        found = found.filter(~policy.may_be_invited(asked.launch))
    if asked.near:
        found = found.filter(pk__in=_alike(asked))
    if asked.rule:
        said = Assessment.objects.filter(entry=OuterRef("pk"), rules__contains=[asked.rule]).exclude(verdict="allow")
        found = found.filter(Exists(said))
    if asked.source:
        found = found.filter(source=asked.source)
    if asked.domain:
        found = found.filter(contact_kind="email", canonical__endswith=f"@{asked.domain}")
    return found.order_by(*(("held_at", "id") if asked.tab == "held" else ("id",)))


def _alike(asked: Filter) -> QuerySet[Any]:
    """Who acted from the same network, with the same browser, or with an address at the same domain."""
    said = Trace.objects.filter(entry=asked.near).exclude(**{asked.alike: None})
    if asked.alike != "network":
        said = said.exclude(**{asked.alike: ""})
    value = said.order_by("-pk").values_list(asked.alike, flat=True).first()
    return (
        Trace.objects.filter(**{asked.alike: value}).values("entry") if value else Trace.objects.none().values("entry")
    )


def after(found: QuerySet[Entry], tab: str, held_at: datetime | None, pk: int) -> QuerySet[Entry]:
    """What follows that row: a key, not a count of rows to pass over."""
    if tab != "held" or held_at is None:
        return found.filter(pk__gt=pk)
    return found.filter(Q(held_at__gt=held_at) | Q(held_at=held_at, pk__gt=pk), held_at__gte=held_at)


def counted(found: QuerySet[Entry]) -> int:
    """How many, up to one more than is counted."""
    return found.order_by()[: COUNTED + 1].count()


def suspicions(ids: Sequence[int]) -> dict[int, Assessment]:
    """By each of these people the last look that did not simply allow them."""
    said = Assessment.objects.filter(entry__in=ids).exclude(verdict="allow")
    return {one.entry_id or 0: one for one in said.order_by("entry", "-pk").distinct("entry")}


def _others(column: str, value: str, more: str = "") -> str:
    """How many others share it. Plan: the column's index of waitlist_trace, never past %(most)s rows."""
    return f"""(SELECT count(DISTINCT entry_id) FROM (
        SELECT entry_id FROM waitlist_trace WHERE {column} = {value} AND entry_id <> mine.id {more} LIMIT %(most)s) AS seen)"""  # noqa: S608


NEIGHBOURS = f"""
SELECT mine.id, last.network, last.network_domain, {_others("network", "last.network")} AS by_network,
       {_others("device", "last.device", "AND device <> ''")} AS by_device,
       {_others("domain", "last.network_domain", "AND domain <> ''")} AS by_domain
FROM unnest(%(ids)s::bigint[]) AS mine(id)
CROSS JOIN LATERAL (
    SELECT network, device, (SELECT domain FROM waitlist_trace WHERE entry_id = mine.id AND domain <> '' ORDER BY id LIMIT 1)
               AS network_domain
    FROM waitlist_trace WHERE entry_id = mine.id ORDER BY id DESC LIMIT 1) AS last
"""  # noqa: S608


def neighbours(ids: Sequence[int]) -> Mapping[int, Any]:
    """By each of these people how many others share their network, browser and domain, while the traces are kept."""
    return {row.id: row for row in sql.rows(NEIGHBOURS, {"ids": list(ids), "most": NEIGHBOURS_COUNTED})}


# Whom a bar left behind: not in yet, and no person of the staff has let them go. From a network are those who acted from
# there last, so that nobody is turned away because a stranger typed their address. Plan: trace_network's range; a domain is
# asked of the addresses themselves, since who was imported left no trace: one scan, on a page of its own.
NOT_IN = "entry.status IN ('pending', 'waiting', 'invited')"
OPEN = f"""{NOT_IN} AND NOT EXISTS (
    SELECT FROM outbox_event AS event WHERE event.subject = 'entry:' || entry.id AND event.kind = 'assessment.overruled')"""
LEFT_BY_NETWORK = f"""
SELECT DISTINCT entry.id, entry.status FROM waitlist_trace AS trace JOIN waitlist_entry AS entry ON entry.id = trace.entry_id
WHERE trace.network BETWEEN %(first)s::inet AND %(last)s::inet AND {OPEN}
  AND NOT EXISTS (SELECT FROM waitlist_trace AS later WHERE later.entry_id = entry.id AND later.id > trace.id
                  AND later.network IS NOT NULL AND NOT later.network BETWEEN %(first)s::inet AND %(last)s::inet)
ORDER BY entry.id LIMIT %(most)s
"""  # noqa: S608
LEFT_BY_DOMAIN = f"""
SELECT entry.id, entry.status FROM waitlist_entry AS entry
WHERE entry.contact_kind = 'email' AND {OPEN}
  AND (entry.canonical LIKE '%%@' || %(domain)s::text OR entry.canonical LIKE '%%@%%.' || %(domain)s::text)
ORDER BY entry.id LIMIT %(most)s
"""  # noqa: S608


def left_by(bar: Bar, most: int) -> dict[int, str]:
    """The people whom it left pending, with where they stand; at most so many."""
    if bar.domain:
        rows = sql.rows(LEFT_BY_DOMAIN, {"domain": bar.domain, "most": most})
    else:
        rows = sql.rows(LEFT_BY_NETWORK, {"first": bar.first, "last": bar.last, "most": most})
    return {row.id: row.status for row in rows}
