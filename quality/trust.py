"""The trust score of a launch: one number, 0 to 1, of how its newest members fare. Pure.

Four parts, each 1 when all is well and 0 when it cannot be worse, added by weight. What harms the others weighs most, and
is worth nothing long before it has reached everybody: a fifth of frauds is no fifth of a problem.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from quality.measures import Measured

FEWEST = 30  # members in the window: the share of fewer says little
WEIGHTS = {"churn_rate": 0.3, "fraud_rate": 0.3, "engagement_rate": 0.2, "activation_rate": 0.2}
HOPELESS = {"churn_rate": 0.5, "fraud_rate": 0.2}  # from here on the part is worth nothing
HEALTHY_FROM = 0.5
MAX_AGE = timedelta(hours=24)  # of the newest report: older ones say nothing about now


@dataclass(frozen=True, slots=True)
class Rates:
    """The four shares the score is made of; None where one is not known."""

    churn_rate: float | None
    fraud_rate: float | None
    engagement_rate: float | None
    activation_rate: float | None


def part(name: str, rate: float) -> float:
    """What a rate is worth, 0 to 1: a good one as it is, a bad one by how far it is from hopeless."""
    return max(0.0, 1 - rate / HOPELESS[name]) if name in HOPELESS else rate


def score(rates: Rates, sample: int) -> Measured:
    """The weighted sum of the parts. None with fewer than FEWEST people, or with a part missing: never a smaller sum."""
    total = 0.0
    for name, weight in WEIGHTS.items():
        rate: float | None = getattr(rates, name)
        if rate is None or sample < FEWEST:
            return Measured(None, sample)
        total += weight * part(name, rate)
    return Measured(round(total, 4), sample)


def health(trust: float | None, rates: Rates, newest_at: datetime | None, now: datetime) -> str:
    """healthy, unhealthy, or unknown: not measured, too few people, or no report since MAX_AGE.

    A part that is worth nothing is unhealthy whatever the sum: the others do not make up for it.
    """
    if trust is None or newest_at is None or now - newest_at > MAX_AGE:
        return "unknown"
    parts = [part(name, rate) for name in WEIGHTS if (rate := getattr(rates, name)) is not None]
    return "healthy" if trust >= HEALTHY_FROM and min(parts, default=0.0) > 0 else "unhealthy"
