"""A reward of invite codes, to give to more friends."""

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from invites.actions import changing, making
from invites.models import Code
from referrals.models import Reward

TYPE = "invite_codes"


def channel(reward: Reward) -> str:
    """What the codes of this reward are known by."""
    return f"reward:{reward.pk}"


def worth(reward: Reward) -> int:
    """So many codes."""
    return reward.amount


def grant(reward: Reward, amount: int, *, by: str) -> int:
    """Makes so many codes, for as many days as a member's first ones. Given again they are the same codes, with the days
    they have left: a reward never makes more codes than it says."""
    if reward.granted_at is not None:
        off = Code.objects.filter(unspent(reward), status="paused").order_by("-pk").values_list("pk", flat=True)
        return changing.resume(Q(pk__in=list(off[:amount])), "friends are in again", by=by)
    launch = reward.referrer.launch
    spec = making.Spec(
        count=amount,
        expires_at=timezone.now() + timedelta(days=launch.member_code_days),
        kind="personal",
        format=launch.code_format,
        channel=channel(reward),
        owner_id=reward.referrer_id,
    )
    return len(making.make(launch, spec, run_id=None, by=by))


def take_back(reward: Reward, reason: str, *, for_good: bool, by: str) -> int:
    """Revokes those that nobody used, or switches them off until they are given again; who came in with one stays in."""
    change = changing.revoke if for_good else changing.pause
    return change(unspent(reward), reason, by=by)


def unspent(reward: Reward) -> Q:
    """Its codes that nobody used yet. What ran out unused was lost before."""
    return Q(owner=reward.referrer_id, channel=channel(reward), uses=0, expires_at__gt=Now())
