"""The tally of referrals: how many friends a newcomer brings, and how many friends come in."""

from datetime import datetime
from typing import Any

from quality.tallying import tally
from referrals import queries
from waitlist.models import Launch


@tally
def friends(launch: Launch, now: datetime) -> dict[str, Any]:
    """The newcomers of the last 28 days with the friends whom they brought so far, and the friends of these days."""
    return queries.newcomer_counts(launch, now) | queries.brought_counts(launch, now)
