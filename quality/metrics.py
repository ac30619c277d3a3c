"""The metrics of quality, and of the apps below it: how the newest members fare, and how late the outbox is.

Each is a pure function over counts; docs/gates.md says each in plain words, held against this file by tests.
"""

from dataclasses import dataclass
from datetime import datetime

from outbox.queries import oldest_owed_seconds
from quality import trust
from quality.measures import COUNTERS, METRICS, Measured, Metric, computed, counter, metric, share
from quality.queries import readings as queries
from waitlist.models import Launch

__all__ = ["COUNTERS", "METRICS", "Measured", "Metric", "computed", "counter", "metric", "share"]


@dataclass(frozen=True, slots=True)
class Cohort:
    """The members who registered in the last 28 days, and what is known of them. `told`: the product has ever reported anything."""

    members: int = 0
    activated: int = 0
    engaged: int = 0
    churned: int = 0
    converted: int = 0
    adopted: int = 0
    flagged: int = 0
    tickets: int = 0
    due_day7: int = 0  # who registered 7 to 35 days ago
    retained_day7: int = 0
    told: bool = False

    def share(self, part: int, whole: int) -> Measured:
        """The share; None while the product has reported nothing, which is no zero."""
        return share(part, whole) if self.told else Measured(None, whole)


@dataclass(frozen=True, slots=True)
class Mails:
    """How long the oldest delivery that is due has waited, and how many deliveries there are to judge by."""

    oldest_seconds: float = 0.0
    deliveries: int = 0


@counter(Cohort)
def cohort(launch: Launch, now: datetime) -> Cohort:
    """The newest members of this launch."""
    return Cohort(**queries.cohort_counts(launch, now))


@counter(Mails)
def mails(launch: Launch, now: datetime) -> Mails:
    """The outbox, which all launches share."""
    return Mails(oldest_owed_seconds(), queries.deliveries_kept())


@metric(Cohort, better="lower", from_events=True)
def churn_rate(people: Cohort) -> Measured:
    """Of the members who came in during the last 28 days, how many have left again."""
    return people.share(people.churned, people.members)


@metric(Cohort, better="lower", from_events=True)
def fraud_rate(people: Cohort) -> Measured:
    """Of the members who came in during the last 28 days, how many were reported, suspended, or held by a rule."""
    return people.share(people.flagged, people.members)


@metric(Cohort, better="higher", from_events=True)
def engagement_rate(people: Cohort) -> Measured:
    """Of the members who came in during the last 28 days, how many engaged."""
    return people.share(people.engaged, people.members)


@metric(Cohort, better="higher", from_events=True)
def activation_rate(people: Cohort) -> Measured:
    """Of the members who came in during the last 28 days, how many have begun to use the product."""
    return people.share(people.activated, people.members)


@metric(Cohort, better="higher", from_events=True)
def retention_day7(people: Cohort) -> Measured:
    """Of the members who came in 7 to 35 days ago, how many were active on their seventh day or later."""
    return people.share(people.retained_day7, people.due_day7)


@metric(Cohort, better="higher", from_events=True)
def conversion_rate(people: Cohort) -> Measured:
    """Of the members who came in during the last 28 days, how many converted."""
    return people.share(people.converted, people.members)


@metric(Cohort, better="higher", from_events=True)
def feature_adoption(people: Cohort) -> Measured:
    """Of the members who came in during the last 28 days, how many used a feature that the product named."""
    return people.share(people.adopted, people.members)


@metric(Cohort, better="lower", unit="per 100", from_events=True)
def support_tickets(people: Cohort) -> Measured:
    """Support tickets for every 100 members who came in during the last 28 days."""
    found = people.share(people.tickets, people.members)
    return Measured(None if found.value is None else round(100 * people.tickets / people.members, 2), found.sample)


@metric(Mails, better="lower", unit="seconds")
def outbox_lag(outbox: Mails) -> Measured:
    """How many seconds the oldest mail or webhook that is due has waited."""
    return Measured(round(outbox.oldest_seconds, 1), outbox.deliveries)


@metric(Cohort, better="higher", unit="score", from_events=True)
def trust_score(people: Cohort) -> Measured:
    """How the members who came in during the last 28 days fare, in one number from 0 to 1."""
    rates = trust.Rates(
        churn_rate(people).value,
        fraud_rate(people).value,
        engagement_rate(people).value,
        activation_rate(people).value,
    )
    return trust.score(rates, people.members)
