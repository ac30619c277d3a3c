"""Named reads of campaigns and channels: what is counted of each, in all and by day or week."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.db.models import Max, Min, QuerySet, Sum

from invites.models import CampaignDay, PartnerLink, Redemption
from waitlist.models import Launch

Axis = Literal["campaign", "channel"]
COUNTS = ("issued", "opened", "redeemed", "registered", "active", "came", "held", "due_day7", "retained_day7")
PARTNERS_SEE = ("issued", "opened", "redeemed", "registered", "active")
SUMS = {name: Sum(name) for name in COUNTS}


def of_axis(launch: Launch, axis: Axis) -> QuerySet[CampaignDay, dict[str, Any]]:
    """A row for each campaign, or channel: its counts, its first and its newest date; the newest first."""
    named = CampaignDay.objects.filter(launch=launch).exclude(**{axis: ""}).values(axis)
    return named.annotate(**SUMS, first=Min("date"), newest=Max("date")).order_by("-newest", axis)


def by_day(launch: Launch, axis: Axis, name: str) -> list[dict[str, Any]]:
    """The counts of each date on which something was, oldest first; empty for a name that nothing has."""
    rows: Any = CampaignDay.objects.filter(**{"launch": launch, axis: name}).values("date")
    return list(rows.annotate(**SUMS).order_by("date"))


def summed(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """The counts of all these rows together."""
    kept = list(rows)
    return {name: sum(row[name] for row in kept) for name in COUNTS}


def by_week(rows: Iterable[dict[str, Any]]) -> dict[date, dict[str, int]]:
    """The counts by the Monday of each week, oldest first."""
    weeks: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        weeks.setdefault(row["date"] - timedelta(days=row["date"].weekday()), []).append(row)
    return {monday: summed(found) for monday, found in weeks.items()}


def counted_at(launch: Launch) -> datetime | None:
    """When all was counted last."""
    found: datetime | None = CampaignDay.objects.filter(launch=launch).aggregate(at=Max("counted_at"))["at"]
    return found


def campaigns_lately(most: int) -> list[str]:
    """The names of the newest campaigns, of every launch."""
    named = CampaignDay.objects.exclude(campaign="").values("campaign").annotate(newest=Max("date"))
    return list(named.order_by("-newest", "campaign").values_list("campaign", flat=True)[:most])


def came_in(launch: Launch, axis: Axis, name: str, most: int) -> QuerySet[Redemption]:
    """Who came in by it lately, the newest first."""
    found = Redemption.objects.filter(**{"code__launch": launch, f"code__{axis}": name})
    return found.select_related("entry", "code").order_by("-pk")[:most]


def pages_of(launch: Launch, channel: str) -> QuerySet[PartnerLink]:
    """The pages that partners were given of this channel, the newest first."""
    return PartnerLink.objects.filter(launch=launch, channel=channel).order_by("-pk")
