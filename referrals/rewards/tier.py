"""A reward of a tier: what the person gets in the product."""

from referrals.models import Reward
from waitlist.actions import registering
from waitlist.models import Entry

TYPE = "tier"
STANDARD = "standard"


def worth(reward: Reward) -> int:
    """One tier, whatever stands in the amount."""
    return 1


def grant(reward: Reward, amount: int, *, by: str) -> int:
    """Gives the tier. What the person had before stands in the reward."""
    registering.raise_tier(reward.referrer_id, reward.tier, by=by)
    reward.referrer.tier = reward.tier
    return 1


def take_back(reward: Reward, reason: str, *, for_good: bool, by: str) -> int:
    """Back to the tier they had before; nothing where they were given another one since."""
    if not Entry.objects.filter(pk=reward.referrer_id, tier=reward.tier).exists():
        return 0
    registering.raise_tier(reward.referrer_id, reward.tier_before or STANDARD, by=by)
    return 1
