"""Named reads of the two scoring tables: what became of the people of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from outbox.models import Event
from quality.models import Activity
from quality.trials import OUTCOMES, Interval, Share, difference, verdict, wilson
from waitlist.models import Entry, Launch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the people of both tables, in one respect."""

    name: str
    a: Share
    b: Share

    @property
    def of_a(self) -> Interval | None:
        """Table A's share."""
        return wilson(self.a)

    @property
    def of_b(self) -> Interval | None:
        """Table B's share."""
        return wilson(self.b)

    @property
    def between(self) -> Interval | None:
        """By how much B is above A."""
        return difference(self.a, self.b)

    @property
    def verdict(self) -> str:
        """What that lets one say."""
        return verdict(self.between)


def split_since(launch: Launch) -> datetime | None:
    """Since when people fall to the two tables as they do now, by the trail; None where there never was a split."""
    tuned = Event.objects.filter(subject=f"launch:{launch.pk}", kind="launch.tuned")
    last = tuned.filter(data__changes__has_key="trial_percent").order_by("-pk").first()
    if last is None:
        return launch.created_at if launch.trial_percent else None
    return last.at


def outcomes(launch: Launch, since: datetime, until: datetime) -> list[Outcome]:
    """What became of the people of each table who joined and confirmed in that time.

    Who came past the queue with a code was scored by no table and is left out: they have no place.
    """
    told = {kind: Exists(Activity.objects.filter(entry=OuterRef("pk"), kind=kind)) for kind in ("activated", "churned")}
    scored = Entry.objects.filter(launch=launch, place__isnull=False, created_at__gte=since)
    confirmed = scored.filter(confirmed_at__gte=since, confirmed_at__lt=until)
    counts = {"registered": Count("pk", filter=Q(registered_at__isnull=False))}
    counts |= {kind: Count("pk", filter=Q(**{f"is_{kind}": True})) for kind in told}
    rows: QuerySet[Any] = (
        confirmed.annotate(**{f"is_{kind}": is_so for kind, is_so in told.items()}).order_by().values("arm")
    )
    by_arm = {row["arm"]: row for row in rows.annotate(people=Count("pk"), **counts)}
    nobody = dict.fromkeys(("people", *OUTCOMES), 0)
    a, b = by_arm.get(Entry.Arm.A, nobody), by_arm.get(Entry.Arm.B, nobody)
    return [Outcome(name, Share(a[name], a["people"]), Share(b[name], b["people"])) for name in OUTCOMES]
