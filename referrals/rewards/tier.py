"""A reward of a tier: what the person gets in the product."""

from referrals.models import Reward
from waitlist import actions as waitlist

TYPE = "tier"


def grant(reward: Reward, *, by: str) -> None:
    """Gives the tier."""
    waitlist.raise_tier(reward.referrer_id, reward.tier, by=by)


def take_back(reward: Reward, reason: str, *, by: str) -> None:
    """Back to the tier that everybody has. What they had before is not kept, so staff set any other by hand."""
    waitlist.raise_tier(reward.referrer_id, "standard", by=by)
