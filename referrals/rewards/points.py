"""A reward of points, for who still waits."""

from referrals.models import Reward
from waitlist import actions as waitlist

TYPE = "points"
RULE = "reward"


def key(reward: Reward) -> str:
    """What tells this line of points from the others."""
    return f"milestone:{reward.milestone}" if reward.milestone else f"reward:{reward.pk}"


def grant(reward: Reward, *, by: str) -> None:
    """Adds one line of points."""
    waitlist.award(reward.referrer_id, RULE, reward.amount, key=key(reward), by=by)


def take_back(reward: Reward, reason: str, *, by: str) -> None:
    """Takes the line back; the trail keeps both."""
    waitlist.withdraw(reward.referrer_id, RULE, key(reward), by=by)
