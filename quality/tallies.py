"""The tallies of quality and of the apps below it: people, looks at them, what the doors refused, alerts, mails."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from outbox.models import Suppression
from quality.queries import tallies as queries
from quality.tallying import tally
from waitlist.models import Launch
from waitlist.queries import local_date

STAGES = ("joined", "confirmed", "invited", "registered", "active")
MOST_SOURCES = 50  # anybody can make up a source in a link: the rest is one line


def reached(stages: dict[int, int]) -> list[int]:
    """How many came at least so far, for each stage, of how many stand at each."""
    return [sum(n for stage, n in stages.items() if stage >= least) for least in range(len(STAGES))]


def days_back(today: date, count: int) -> list[date]:
    """The last so many days, the oldest first, today included."""
    return [today - timedelta(days=back) for back in reversed(range(count))]


def by_day(counts: dict[date, int], today: date) -> dict[str, int]:
    """Every one of the last days with its count, the empty ones too."""
    return {day.isoformat(): counts.get(day, 0) for day in days_back(today, queries.DAYS)}


@tally
def people(launch: Launch, now: datetime) -> dict[str, Any]:
    """Who stands where, who came how far by source and by week of joining, and how many joined on each day."""
    rows, today = queries.people_counts(launch, now), local_date(launch, now)
    monday = today - timedelta(days=today.weekday())
    weeks = [monday - timedelta(weeks=back) for back in range(queries.WEEKS)]
    staged: dict[str, dict[Any, dict[int, int]]] = {"sources": {}, "weeks": {week: {} for week in weeks}}
    for row in rows:
        if row.kind in staged:
            staged[row.kind].setdefault(getattr(row, row.kind[:-1]), {})[row.stage] = row.n
    funnels = {source: reached(stages) for source, stages in staged["sources"].items()}
    busiest = sorted(funnels, key=lambda source: (-funnels[source][0], source))
    whole = next(row for row in rows if row.kind == "all")
    return {
        "states": {f"{row.status}{' held' * row.held}": row.n for row in rows if row.kind == "states"},
        "funnel": reached(dict(sum((Counter(one) for one in staged["sources"].values()), Counter()))),
        "sources": [[source, *funnels[source]] for source in busiest[:MOST_SOURCES]],
        "more_sources": len(busiest[MOST_SOURCES:]),
        "weeks": [[week.isoformat(), *reached(staged["weeks"][week])] for week in weeks],
        "days": by_day({row.day: row.n for row in rows if row.kind == "days"}, today),
        **{name: getattr(whole, name) for name in whole._fields if name.endswith(("_lately", "_before"))},
    }


@tally
def looks(launch: Launch, now: datetime) -> dict[str, Any]:
    """What the looks at newcomers found."""
    return queries.look_counts(launch, now)


@tally
def refusals(launch: Launch, now: datetime) -> dict[str, Any]:
    """What the doors refused, by day, and by rule in the last 24 hours."""
    counts = {row.day: int(row.n) for row in queries.refusals_by_day(launch, now)}
    rules = [[row.rule, int(row.n)] for row in queries.refusals_by_rule(now)]
    return {"days": by_day(counts, local_date(launch, now)), "rules": rules}


@tally
def alerts(launch: Launch, now: datetime) -> dict[str, Any]:
    """How often something was raised."""
    return queries.alert_counts(launch, now)


@tally
def mails(launch: Launch, now: datetime) -> dict[str, Any]:
    """Addresses that get no mail because it came back. All launches share the outbox."""
    return {"bounced": Suppression.objects.filter(reason="bounced").count()}
