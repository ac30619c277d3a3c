"""The metrics of invites and codes: whether what we send is used, and whether what is typed is right."""

from dataclasses import dataclass
from datetime import datetime

from invites import queries
from quality.measures import Measured, counter, metric, share
from waitlist.models import Launch


@dataclass(frozen=True, slots=True)
class Offers:
    """The invites of the last 28 days, and the codes tried in the last 24 hours."""

    decided: int = 0  # used, declined, or out of time
    redeemed: int = 0
    delivered: int = 0  # handed to a mail server, whatever became of them
    bounced: int = 0
    tried: int = 0  # codes that were used or refused
    refused: int = 0


@counter(Offers)
def offers(launch: Launch, now: datetime) -> Offers:
    """The invites and codes of this launch."""
    return Offers(**queries.offer_counts(launch, now))


@metric(Offers, better="higher")
def redemption_rate(invites: Offers) -> Measured:
    """Of the invites issued in the last 28 days that were used, declined or ran out, how many were used."""
    return share(invites.redeemed, invites.decided)


@metric(Offers, better="lower")
def bounce_rate(invites: Offers) -> Measured:
    """Of the invites issued and sent in the last 28 days, how many came back because the address is no more."""
    return share(invites.bounced, invites.delivered)


@metric(Offers, better="lower")
def failed_code_rate(invites: Offers) -> Measured:
    """Of the codes that somebody tried in the last 24 hours, how many were refused."""
    return share(invites.refused, invites.tried)
