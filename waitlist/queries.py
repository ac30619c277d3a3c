"""Named reads of the queue."""

import json
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from outbox import sql
from outbox.models import Event, Job
from waitlist import eta, hot, policy, ranking, signals
from waitlist.channels import Contact
from waitlist.models import Day, Entry, Launch, Points, Tombstone, Turn

KEPT_SECONDS = 1.0  # settings of a launch act within a second in every process
STATS_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """A launch with the weights of its points rules, as a door needs them."""

    launch: Launch
    weights: dict[tuple[str, str], int]  # table A
    trial: dict[tuple[str, str], int]  # table B, where the launch tries one: what it does not name, A says

    def of_arm(self, arm: str) -> dict[tuple[str, str], int]:
        """The weights that the people of this arm are scored by."""
        return self.weights | self.trial if arm == Entry.Arm.B else self.weights


_kept: dict[str | None, tuple[float, Rules | None]] = {}


_totals: dict[int, tuple[float, int]] = {}
_paces: dict[tuple[int, int, int], tuple[float, eta.Pace | None]] = {}


_percent = (0.0, 100)


def forget_kept() -> None:
    """Reads launches anew at the next look: after a change of settings, and between tests."""
    global _percent
    _percent = (0.0, 100)
    _kept.clear()
    _totals.clear()
    _paces.clear()


def rules_of(slug: str | None) -> Rules | None:
    """The launch of that slug (the first one for None) with its weights, at most a second old; None when there is none."""
    until, rules = _kept.get(slug, (0.0, None))
    if until < time.monotonic():
        launch = Launch.objects.filter(slug=slug).first() if slug else Launch.objects.order_by("pk").first()
        rules = read_rules(launch) if launch else None
        if rules is None:
            return None  # a name that is none is not kept: strangers could fill the memory with them
        _kept[slug] = (time.monotonic() + KEPT_SECONDS, rules)
    return rules


def read_rules(launch: Launch) -> Rules:
    """The launch with its weights, read now."""
    tables: dict[str, dict[tuple[str, str], int]] = {Entry.Arm.A: {}, Entry.Arm.B: {}}
    for weight in launch.weights.all():
        tables[weight.arm][weight.rule, weight.key] = weight.points
    return Rules(launch, tables[Entry.Arm.A], tables[Entry.Arm.B])


def launch_named(slug: str | None) -> Launch | None:
    """The launch of that slug, the default one for None; None when there is none."""
    rules = rules_of(slug)
    return rules.launch if rules else None


def entry_with(launch: Launch, contact: Contact) -> Entry | None:
    """Who holds this contact on this launch, or None."""
    return Entry.objects.filter(launch=launch, contact_kind=contact.kind, canonical=contact.canonical).first()


def referrer_of(launch: Launch, referral_code: str) -> int | None:
    """The id of who shared this referral code; a blocked or rejected person brings nobody."""
    if not referral_code:
        return None
    found = Entry.objects.filter(launch=launch, referral_code=referral_code.strip().lower())
    return found.exclude(status__in=["blocked", "rejected", "suspended"]).values_list("pk", flat=True).first()


def position_of(entry: Entry) -> int | None:
    """The exact position now: 1 is next. A held person keeps the place they would have; None for who does not wait."""
    if entry.place is None or entry.status not in ("waiting", "approved"):
        return None
    return ranking.ahead(entry.launch_id, entry.priority, entry.place) + 1


def total_waiting(launch: Launch) -> int:
    """How many people wait: confirmed and not held."""
    return ranking.total(launch.pk)


def total_lately(launch: Launch) -> int:
    """The same, up to a minute old, as the statistics say it: asking twice tells nobody whether a contact was new."""
    until, total = _totals.get(launch.pk, (0.0, 0))
    if until < time.monotonic():
        total = total_waiting(launch)
        _totals[launch.pk] = (time.monotonic() + STATS_SECONDS, total)
    return total


CHANGES = [fact.name for fact in (signals.launch_tuned, signals.launch_turned, signals.launch_turned_back)]


def changes_of(launch: Launch) -> QuerySet[Event]:
    """Every change of the launch's settings in the trail, the newest first."""
    return Event.objects.filter(subject=f"launch:{launch.pk}", kind__in=CHANGES).order_by("-pk")


def newest_change(launch: Launch) -> int:
    """The newest of them, 0 while nobody changed anything: what a form was filled in after."""
    return changes_of(launch).values_list("pk", flat=True).first() or 0


def turns_of(launch: Launch) -> QuerySet[Turn]:
    """What is turned at once and not taken back yet, the oldest first."""
    return Turn.objects.filter(launch=launch, ended_at=None).order_by("pk")


def limit_percent() -> int:
    """How wide the doors are, in percent of the table of limits: the widest of all open launches, a second old at most."""
    global _percent
    until, percent = _percent
    if until < time.monotonic():
        widest = Launch.objects.filter(enabled=True).aggregate(most=Max("limit_percent"))["most"]
        percent = widest or 100
        _percent = (time.monotonic() + KEPT_SECONDS, percent)
    return percent


def local_date(launch: Launch, now: datetime) -> date:
    """The launch's date at that moment."""
    return now.astimezone(ZoneInfo(launch.time_zone)).date()


def pace_of(launch: Launch) -> eta.Pace | None:
    """The pace of the last 14 local dates, from the rows of the days; kept for a minute."""
    key = (launch.pk, launch.daily_quota, len(launch.release_days))
    until, pace = _paces.get(key, (0.0, None))
    if until < time.monotonic():
        today = local_date(launch, timezone.now())
        days = Day.objects.filter(launch=launch, date__lt=today, date__gte=today - timedelta(eta.WINDOW_DAYS))
        pace = eta.pace([day.granted for day in days], launch.daily_quota, len(launch.release_days) or 7)
        _paces[key] = (time.monotonic() + STATS_SECONDS, pace)
    return pace


def wait_at(launch: Launch, position: int | None) -> eta.Wait | None:
    """The honest wait at that position."""
    return eta.wait(position, pace_of(launch)) if position else None


def points_of(entry: Entry) -> QuerySet[Points]:
    """The lines that make the priority, oldest first."""
    return Points.objects.filter(entry=entry).order_by("at", "pk")


def eligible(launch: Launch, now: datetime) -> QuerySet[Entry]:
    """Who may be invited now, in order."""
    ready = Q(deferred_until__isnull=True) | Q(deferred_until__lte=now)
    return ranked(launch).filter(ready, policy.may_be_invited(launch))


def ranked(launch: Launch) -> QuerySet[Entry]:
    """The counted people of a launch, in order."""
    return Entry.objects.filter(Entry.COUNTED, launch=launch).order_by("-priority", "place")


def granted_on(launch: Launch, day: date) -> int:
    """How many places were granted on that local date."""
    return Day.objects.filter(launch=launch, date=day).values_list("granted", flat=True).first() or 0


def quota_set(launch: Launch, since: datetime) -> Event | None:
    """The change since then that made the daily quota what it is; None where there is none to undo."""
    tuned = Event.objects.filter(subject=f"launch:{launch.pk}", kind="launch.tuned", at__gt=since)
    last = tuned.filter(data__changes__has_key="daily_quota").order_by("-pk").first()
    return last if last and last.data["changes"]["daily_quota"][1] == str(launch.daily_quota) else None


def stats(launch: Launch) -> dict[str, object]:
    """What the world may know, a minute old at most: confirmed people only."""
    key = f"stats:{launch.pk}"
    kept: dict[str, object] | None = cache.get(key)
    if kept is None:
        now = timezone.now()
        confirmed = Entry.objects.filter(launch=launch).exclude(status="pending")
        kept = confirmed.aggregate(
            total=Count("pk", filter=~Q(status__in=["rejected", "blocked", "left", "erased"])),
            invited=Count("pk", filter=Q(status="invited")),
            registered=Count("pk", filter=Q(status="registered")),
        )
        kept |= {
            "waiting": total_waiting(launch),
            "processed_today": granted_on(launch, local_date(launch, now)),
            "generated_at": now,
        }
        cache.set(key, kept, STATS_SECONDS)
    return kept


def states_of(ids: Sequence[int]) -> dict[int, str]:
    """Where each of these people stands, in a word: "held" beside the status while the brake is on."""
    rows = Entry.objects.filter(pk__in=ids).values_list("pk", "status", "held_at")
    return {pk: f"{status}, held" if held_at else status for pk, status, held_at in rows}


# What moves a person: each change of where they stand has one of these, in its own transaction.
DECIDING = (
    *("entry.joined", "entry.confirmed", "entry.invited", "entry.returned", "entry.registered", "entry.removed"),
    *("entry.approved", "entry.appealed", "entry.suspended", "entry.restored", "entry.held", "entry.released"),
    *("entry.readdressed", "entry.erased"),
)
# Plan: event_subject by each subject; a person has some ten events.
LAST_DECIDED = """
SELECT DISTINCT ON (subject) substr(subject, 7)::bigint AS entry, id, kind, by, at,
       coalesce(data->>'reason', '') AS reason, coalesce(data->>'status', '') AS status
FROM outbox_event WHERE subject = ANY(%(subjects)s::text[]) AND kind = ANY(%(kinds)s::text[])
ORDER BY subject, id DESC
"""


def last_decided(ids: Iterable[int]) -> dict[int, Any]:
    """By each of these people the last event that moved them: (entry, id, kind, by, at, reason, status)."""
    params = {"subjects": [f"entry:{pk}" for pk in ids], "kinds": list(DECIDING)}
    return {row.entry: row for row in sql.rows(LAST_DECIDED, params)}


# Of the people of a job those whose last move is the job's own. A hold that took over another is left: taking it back would
# let go whom the rules hold. Plan: event_subject, one probe a person.
STILL_SO = """
SELECT asked.id FROM unnest((SELECT ids FROM outbox_job WHERE id = %(job)s)) WITH ORDINALITY AS asked(id, nth)
CROSS JOIN LATERAL (
    SELECT id, kind, by, at, data FROM outbox_event
    WHERE subject = 'entry:' || asked.id AND kind = ANY(%(kinds)s::text[]) ORDER BY id DESC LIMIT 1) AS last
WHERE last.kind = %(kind)s AND last.by = %(by)s AND last.data->>'reason' = %(reason)s
  AND last.at BETWEEN %(since)s AND %(until)s
  AND NOT (last.kind = 'entry.held' AND coalesce((
      SELECT kind = 'entry.held' FROM outbox_event
      WHERE subject = 'entry:' || asked.id AND id < last.id AND kind IN ('entry.held', 'entry.released')
      ORDER BY id DESC LIMIT 1), false))
ORDER BY asked.nth
"""


def still_so(job: Job, kind: str) -> list[int]:
    """The people of an ended job whom it moved by events of that kind, and whom nothing has moved since."""
    params = {"job": job.pk, "kinds": list(DECIDING), "kind": kind, "by": job.by, "reason": job.reason}
    params |= {"since": job.created_at, "until": job.ended_at or timezone.now()}
    return [row.id for row in sql.rows(STILL_SO, params)]


def referrers_by_code(launch: Launch, codes: Collection[str]) -> dict[str, int]:
    """Who shared each of these referral codes; blocked and rejected people bring nobody."""
    folded = {code.strip().lower() for code in codes}
    found = Entry.objects.filter(launch=launch, referral_code__in=folded) if folded else Entry.objects.none()
    return dict(found.exclude(status__in=["blocked", "rejected", "suspended"]).values_list("referral_code", "pk"))


def imported_points(ids: Sequence[int]) -> dict[int, int]:
    """The points that a file gave each of these people, where one did."""
    return dict(Points.objects.filter(entry__in=ids, rule="imported", key="").values_list("entry_id", "points"))


def found_in(launch: Launch, said: Sequence[dict[str, Any]]) -> dict[int, Any]:
    """Who of the people in a file's rows is on the list (id, status, held, points), by the number of the row."""
    asked = [{"n": n} | {name: row.get(name) for name in ("id", "kind", "canonical")} for n, row in enumerate(said)]
    return {row.n: row for row in sql.rows(hot.FIND_MANY, {"asked": json.dumps(asked), "launch": launch.pk})}


def erased_among(address_keys: Sequence[bytes]) -> set[bytes]:
    """Which of these keyed hashes belong to somebody who was erased."""
    found = Tombstone.objects.filter(address_key__in=set(address_keys)).values_list("address_key", flat=True)
    return {bytes(key) for key in found}
