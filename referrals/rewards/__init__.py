"""The kinds of rewards, one file each. A kind has a TYPE (its word in the API), `grant` and `take_back`."""

from types import ModuleType

from referrals.models import Reward
from referrals.rewards import codes, points, tier

KINDS: dict[str, ModuleType] = {"codes": codes, "points": points, "tier": tier}


def grant(reward: Reward, *, by: str) -> None:
    """Gives the referrer what the reward says, in the transaction that moves it to granted."""
    KINDS[reward.kind].grant(reward, by=by)


def take_back(reward: Reward, reason: str, *, by: str) -> None:
    """Takes back what is unspent of it."""
    KINDS[reward.kind].take_back(reward, reason, by=by)


def type_of(reward: Reward) -> str:
    """The word for its kind in the API."""
    return str(KINDS[reward.kind].TYPE)
