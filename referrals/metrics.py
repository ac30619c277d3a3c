"""The metric of referrals: whether the friends whom people bring come in."""

from dataclasses import dataclass
from datetime import datetime

from quality.measures import Measured, counter, metric, share
from referrals import queries
from waitlist.models import Launch


@dataclass(frozen=True, slots=True)
class Brought:
    """The friends who joined through somebody in the last 28 days."""

    joined: int = 0
    qualified: int = 0


@counter(Brought)
def brought(launch: Launch, now: datetime) -> Brought:
    """The friends brought to this launch."""
    return Brought(**queries.brought_counts(launch, now))


@metric(Brought, better="higher")
def referral_conversion(friends: Brought) -> Measured:
    """Of the friends whom somebody brought in the last 28 days, how many are in."""
    return share(friends.qualified, friends.joined)
