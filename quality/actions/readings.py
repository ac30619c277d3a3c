"""Measures a launch: appends what every metric says now, and deletes what is too old to matter."""

from datetime import datetime, timedelta

from django.utils import timezone

from outbox import sql
from outbox.states import verb
from quality.measures import COUNTERS, METRICS, Measured, computed
from quality.models import Reading
from quality.queries import readings as queries
from waitlist.models import Launch

KEPT_FOR = timedelta(days=400)  # a year, and what it is compared with
PURGED_AT_ONCE = 5_000

PURGE = """
DELETE FROM quality_reading WHERE id IN (
    SELECT id FROM quality_reading WHERE metric <> 'trust_score' AND at < %(before)s LIMIT %(limit)s)
RETURNING id
"""


def look(launch: Launch, now: datetime) -> dict[str, Measured]:
    """What every metric says of the launch at this moment; keeps nothing."""
    return computed(count(launch, now) for count in COUNTERS.values())


@verb
def measure(launch: Launch, *, by: str = "system") -> list[Reading]:
    """Appends one reading of every metric, all of one moment. A reading is its own record: nothing changes it, no fact says it."""
    now = timezone.now()
    reported_at = queries.newest_report(launch)
    readings = [
        Reading(
            launch=launch,
            metric=name,
            value=said.value,
            sample=said.sample,
            newest_at=reported_at if METRICS[name].from_events else now,
            at=now,
        )
        for name, said in look(launch, now).items()
    ]
    return Reading.objects.bulk_create(readings)


@verb
def purge_readings(*, limit: int = PURGED_AT_ONCE) -> int:
    """Deletes one chunk of readings older than 400 days; the trust score's are kept for ever. How many rows."""
    return len(sql.rows(PURGE, {"before": timezone.now() - KEPT_FOR, "limit": limit}))
