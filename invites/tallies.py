"""The tallies of invites and codes: which codes can be used, what became of invites, and codes that were refused."""

from datetime import datetime
from typing import Any

from invites import queries
from quality.tallies import by_day
from quality.tallying import tally
from waitlist.models import Launch
from waitlist.queries import local_date


@tally
def codes(launch: Launch, now: datetime) -> dict[str, Any]:
    """Codes by what the row and the clock say together, and how many of the usable ones end within a week."""
    return queries.code_counts(launch, now)


@tally
def attempts(launch: Launch, now: datetime) -> dict[str, Any]:
    """Refused codes, by day, and by reason in the last 24 hours; and the codes that were used in these."""
    counts = {row.day: row.n for row in queries.attempts_by_day(launch, now)}
    reasons = [[row.reason, row.n] for row in queries.attempts_by_reason(launch, now)]
    return {"days": by_day(counts, local_date(launch, now)), "reasons": reasons}


@tally
def offers(launch: Launch, now: datetime) -> dict[str, Any]:
    """What became of the invites of the last 28 days."""
    return queries.offer_counts(launch, now)
