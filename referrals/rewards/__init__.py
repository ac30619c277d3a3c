"""The kinds of rewards, one file each. A kind has a TYPE (its word in the API), `worth`, `grant` and `take_back`."""

from types import ModuleType

from referrals.models import Reward
from referrals.rewards import codes, points, tier

KINDS: dict[str, ModuleType] = {"codes": codes, "points": points, "tier": tier}


def worth(reward: Reward) -> int:
    """What the whole of it is in the ledger."""
    return int(KINDS[reward.kind].worth(reward))


def grant(reward: Reward, amount: int, *, by: str) -> int:
    """Gives the referrer so much of the reward, in the transaction that moves it to granted; how much was given."""
    return int(KINDS[reward.kind].grant(reward, amount, by=by))


def take_back(reward: Reward, reason: str, *, for_good: bool, by: str) -> int:
    """Takes back what is unspent of it, for good or until it is given again; how much that was."""
    return int(KINDS[reward.kind].take_back(reward, reason, for_good=for_good, by=by))


def type_of(reward: Reward) -> str:
    """The word for its kind in the API."""
    return str(KINDS[reward.kind].TYPE)
