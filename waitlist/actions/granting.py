"""How people are granted places: the day's quota, who is next, and who comes back unused."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db.models import F

from outbox import sql
from outbox.facts import Said
from outbox.states import move, sources, verb
from waitlist import hot, policy, signals
from waitlist.actions.joining import NEW_PLACE
from waitlist.models import Entry, Launch

LAPSES_KEEPING_PLACE = 1


@verb
def take(launch: Launch, count: int) -> tuple[date, int]:
    """Takes up to `count` places of today's quota: (the launch's local date, how many were left to take)."""
    Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)  # a statement of its own: lock, then read
    row = sql.one(hot.TAKE, {"launch": launch.pk, "count": count})
    return row.date, int(row.taken)


@verb
def give_back(launch: Launch, day: date, count: int) -> None:
    """Returns places that nobody was there to take; the launch's row is held since take()."""
    launch.days.filter(date=day).update(granted=F("granted") - count)


@verb
def invite_next(launch: Launch, count: int, *, by: str) -> list[Any]:
    """Moves the next eligible people to invited, in order; their rows (id, contact_kind, canonical, lapses, priority, place)."""
    statement = hot.INVITE_NEXT.format(allowed=policy.allowed(launch))
    granted = sql.rows(statement, {"launch": launch.pk, "count": count, "by": by})
    return sorted(granted, key=lambda row: (-row.priority, row.place))


@dataclass(frozen=True, slots=True)
class Shares:
    """Places that do not go by the order: to who came first, and by lot with this seed."""

    first: int
    lottery: int
    seed: str


@verb
def invite_shared(launch: Launch, count: int, shares: Shares, *, by: str) -> list[Any]:
    """The same where some of the places have shares; the rows say by which `path`: first, lottery or top."""
    statement = hot.INVITE_SHARED.format(allowed=policy.allowed(launch))
    granted = sql.rows(statement, {"launch": launch.pk, "count": count, "by": by, **asdict(shares)})
    return sorted(granted, key=lambda row: (-row.priority, row.place))


@verb
def invite_named(launch: Launch, ids: Sequence[int], *, by: str) -> list[Any]:
    """Moves these people to invited, whoever stands before them; the rows of those who could be."""
    able = list(Entry.objects.filter(pk__in=ids, launch=launch).order_by("pk").values_list("pk", flat=True))
    return sql.rows(hot.INVITE_NAMED, {"ids": able, "by": by, "sources": sources(Entry, "invited")})


@verb
def announce_invited(launch: Launch, ids: Sequence[int], *, batch_id: int | None, by: str) -> None:
    """Says that these people were granted a place: after their invites exist, so that who hears it finds them."""
    data = {"launch": launch.pk, "batch": batch_id}
    signals.entry_invited.announce([Said(f"entry:{pk}", data) for pk in ids], by=by)


@verb
def send_back(ids: Sequence[int], *, by: str) -> int:
    """Unused invites lapsed: these people wait again, once keeping their place, then at the tail. How many."""
    invited = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, status="invited").order_by("pk")
    rows = list(invited.values_list("pk", "lapses"))
    keeping = [pk for pk, lapses in rows if lapses < LAPSES_KEEPING_PLACE]
    to_tail = [pk for pk, lapses in rows if lapses >= LAPSES_KEEPING_PLACE]
    move(Entry.objects.filter(pk__in=keeping), to="waiting", lapses=F("lapses") + 1)
    move(Entry.objects.filter(pk__in=to_tail), to="waiting", lapses=F("lapses") + 1, place=NEW_PLACE)
    said = [Said(f"entry:{pk}", {"lapses": lapses + 1, "tail": pk in to_tail}) for pk, lapses in rows]
    signals.entry_returned.announce(said, by=by)
    return len(rows)
