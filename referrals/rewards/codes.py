"""A reward of invite codes, to give to more friends."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from invites import actions as invites
from referrals.models import Reward

TYPE = "invite_codes"


def channel(reward: Reward) -> str:
    """What the codes of this reward are known by."""
    return f"reward:{reward.pk}"


def grant(reward: Reward, *, by: str) -> None:
    """Makes the codes, for as many days as a member's first ones."""
    launch = reward.referrer.launch
    spec = invites.Spec(
        count=reward.amount,
        expires_at=timezone.now() + timedelta(days=launch.member_code_days),
        kind="personal",
        format=launch.code_format,
        channel=channel(reward),
        owner_id=reward.referrer_id,
    )
    invites.make(launch, spec, run_id=None, by=by)


def take_back(reward: Reward, reason: str, *, by: str) -> None:
    """Revokes those that nobody used; who came in with one stays in."""
    invites.revoke(Q(owner=reward.referrer_id, channel=channel(reward), uses=0), reason, by=by)
