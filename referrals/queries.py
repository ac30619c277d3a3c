"""Named reads of referrals and rewards."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, Sum, TextField, Value, When
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import ngettext

from outbox import sql
from quality.measures import WINDOW
from referrals import quality, rewards
from referrals.milestones import DEFAULTS, Step
from referrals.models import Milestone, Referral, Reward
from referrals.policy import TURNED_AWAY
from waitlist.models import Entry, Launch, Points
from waitlist.scoring import weight

FRIENDS_SHOWN = 50
FRIEND_RULE = "friend_confirmed"
JOINED = ("attributed", "confirmed", "qualified")
CONFIRMED = ("confirmed", "qualified")


def friends_of(entry: Entry) -> list[dict[str, str]]:
    """The newest friends, by first name only, and how far each has come: joined, confirmed or registered."""
    shown = Case(
        When(status="qualified", then=Value("registered")),
        When(status="confirmed", then=Value("confirmed")),
        default=Value("joined"),
    )
    brought = Referral.objects.filter(referrer=entry, status__in=JOINED, referee__isnull=False)
    newest = brought.select_related("referee").annotate(shown=shown).order_by("-pk")[:FRIENDS_SHOWN]
    return [{"first_name": one.referee.first_name if one.referee else "", "state": one.shown} for one in newest]


def referred_counts(entry: Entry) -> dict[str, int]:
    """How many friends joined, how many of them confirmed, and how many of those are in."""
    found: dict[str, int] = Referral.objects.filter(referrer=entry).aggregate(
        joined=Count("pk", filter=Q(status__in=JOINED)),
        confirmed=Count("pk", filter=Q(status__in=CONFIRMED)),
        registered=Count("pk", filter=Q(status="qualified")),
    )
    return found


def rewards_of(entry: Entry) -> list[dict[str, Any]]:
    """What the person was given, oldest first."""
    granted = Reward.objects.filter(referrer=entry, status="granted").order_by("pk")
    return [
        {
            "type": rewards.type_of(reward),
            "amount": reward.amount,
            "reason": reason_of(reward),
            "milestone": reward.milestone,
            "tier": reward.tier or None,
            "granted_at": reward.granted_at,
        }
        for reward in granted
    ]


def reason_of(reward: Reward) -> str:
    """The sentence that the person reads."""
    if reward.milestone is None:
        return reward.reason
    many = ngettext("%(n)s friend of yours is in.", "%(n)s friends of yours are in.", reward.milestone)
    return many % {"n": reward.milestone}


def quality_of(entry: Entry | None) -> dict[str, Any]:
    """How many friends somebody brought, how good they are, and what it earned; zeros for somebody unknown."""
    if entry is None:
        return {"referred_count": 0, "quality_score": 0.0, "rewards": []}
    return {
        "referred_count": referred_counts(entry)["joined"],
        "quality_score": quality.score(friends_decided(entry)),
        "rewards": rewards_of(entry),
    }


def friends_decided(entry: Entry) -> quality.Friends:
    """Where the friends of this person stand."""
    gone = Q(status="voided") | Q(referee__status__in=TURNED_AWAY)
    back = Q(status="voided", referee__brought_by__status__in=JOINED)  # voided once, and counted anew since
    found: dict[str, int] = (
        Referral.objects.filter(referrer=entry)
        .exclude(back)
        .aggregate(
            stayed=Count("pk", filter=Q(status="qualified") & ~gone),
            gone=Count("pk", filter=gone),
            silent=Count("pk", filter=Q(status="attributed") & ~gone),
        )
    )
    return quality.Friends(**found)


def qualified_count(entry: Entry) -> int:
    """How many friends are in."""
    return Referral.objects.filter(referrer=entry, status="qualified").count()


def table_of(launch: Launch) -> Sequence[Step]:
    """What this launch pays for how many friends: its own rows, else the defaults."""
    own = Milestone.objects.filter(launch=launch)
    return [Step(row.count, row.kind, row.amount, row.tier) for row in own] or DEFAULTS


def paid_milestones(entry: Entry) -> set[int]:
    """The counts that have a reward already, whatever became of it."""
    found = Reward.objects.filter(referrer=entry).values_list("milestone", flat=True)
    return {count for count in found if count is not None}


def with_due_rewards(entry_ids: Iterable[int]) -> list[int]:
    """Those of these people for whom a reward waits."""
    waiting = Reward.objects.filter(referrer__in=entry_ids, status="due")
    return sorted(set(waiting.values_list("referrer_id", flat=True)))


def friend_points(referrer: Entry) -> int:
    """The points that a confirmed friend is worth to this person, by the table that scores them."""
    own = {w.arm: w.points for w in referrer.launch.weights.filter(rule=FRIEND_RULE, key="")}
    found = own.get(referrer.arm, own.get("a"))
    return weight({}, FRIEND_RULE, "") if found is None else found


def had_for_friends(entry: Entry) -> int:
    """The points that friends have brought so far."""
    lines = Points.objects.filter(entry=entry, rule=FRIEND_RULE)
    return int(lines.aggregate(sum=Coalesce(Sum("points"), 0))["sum"])


def _keys(referrals: QuerySet[Referral]) -> QuerySet[Any]:
    """The friends of these referrals as the points lines name them."""
    named = referrals.filter(referee__isnull=False).annotate(named=Cast("referee_id", TextField()))
    return named.values_list("named", flat=True)


def friend_without_points(entry: Entry) -> str | None:
    """The first confirmed friend whose points were not given yet, as the points lines name them."""
    confirmed = Referral.objects.filter(referrer=entry, status__in=CONFIRMED).order_by("confirmed_at", "pk")
    lines = Points.objects.filter(entry=entry, rule=FRIEND_RULE)
    found: str | None = _keys(confirmed).exclude(named__in=lines.values("key")).first()
    return found


def lines_of_gone_friends(entry: Entry) -> list[str]:
    """The points lines whose friends count no more. An erased friend's line stays: erasure is no fault."""
    own = Referral.objects.filter(referrer=entry)
    lines = Points.objects.filter(entry=entry, rule=FRIEND_RULE, key__in=_keys(own.filter(status="voided")))
    return list(lines.exclude(key__in=_keys(own.filter(status__in=CONFIRMED))).values_list("key", flat=True))


def asked_today(entry: Entry, since: Any) -> int:
    """To how many people this one asked us to write since then."""
    return Referral.objects.filter(referrer=entry, recipient_key__isnull=False, created_at__gt=since).count()


def mails_shared_to(keys: Sequence[bytes], since: Any) -> tuple[int, int]:
    """How many of these mails were owed to an address: since then, and ever, whoever asked."""
    mailed = Referral.objects.filter(recipient_key__in=keys, mailed_at__isnull=False)
    found = mailed.aggregate(lately=Count("pk", filter=Q(mailed_at__gt=since)), ever=Count("pk"))
    return found["lately"], found["ever"]


# A friend whose referral was voided and who was brought anew is one friend; an erased one still counts, under the row's own number.
BROUGHT = """
SELECT count(DISTINCT coalesce(referee_id, -id)) AS joined, count(*) FILTER (WHERE status = 'qualified') AS qualified
FROM referrals_referral
WHERE launch_id = %(launch)s AND status <> 'shared' AND created_at > %(since)s AND created_at <= %(now)s
"""


def brought_counts(launch: Launch, now: datetime) -> dict[str, int]:
    """The counts behind the metric of referrals, by name."""
    found: dict[str, int] = sql.one(BROUGHT, {"launch": launch.pk, "since": now - WINDOW, "now": now})._asdict()
    return found
