"""A reward of points, for who still waits."""

from referrals.models import Reward
from waitlist.actions import awarding

TYPE = "points"
RULE = "reward"


def key(reward: Reward) -> str:
    """What tells this line of points from the others."""
    return f"milestone:{reward.milestone}" if reward.milestone else f"reward:{reward.pk}"


def worth(reward: Reward) -> int:
    """So many points."""
    return reward.amount


def grant(reward: Reward, amount: int, *, by: str) -> int:
    """Adds one line of points."""
    return awarding.award(reward.referrer_id, RULE, amount, key=key(reward), by=by)


def take_back(reward: Reward, reason: str, *, for_good: bool, by: str) -> int:
    """Takes the line back; the ledger keeps both."""
    return awarding.withdraw(reward.referrer_id, RULE, key(reward), by=by)
