"""Named reads of referrals and rewards."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Sum, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import ngettext

from outbox import sql
from outbox.models import Event
from quality.measures import WINDOW
from quality.models import Assessment
from quality.signals import assessment_overruled
from referrals import quality, rewards
from referrals.milestones import DEFAULTS, Step
from referrals.models import LedgerLine, Milestone, Referral, Reward
from referrals.policy import TURNED_AWAY
from waitlist.models import Entry, Launch, Points
from waitlist.scoring import weight
from waitlist.signals import entry_appealed, entry_released, entry_restored

FRIENDS_SHOWN = 50
FRIEND_RULE = "friend_confirmed"
JOINED = ("attributed", "confirmed", "qualified")
CONFIRMED = ("confirmed", "qualified")
# By these staff say that somebody is real, whatever the rules found before.
CLEARED_BY = tuple(fact.name for fact in (assessment_overruled, entry_released, entry_appealed, entry_restored))
WAITS = Q(status="due") | Q(status="clawed_back", may_return=True)  # rewards that are given as soon as they may be


def in_review(entry: str) -> Exists:
    """Whether the rules doubt the entry in that column: the latest look said review or deny, and staff have not cleared
    them since."""
    looks = Assessment.objects.filter(entry=OuterRef(entry))
    later = Assessment.objects.filter(entry=OuterRef("entry"), pk__gt=OuterRef("pk"))
    subject = Concat(Value("entry:"), Cast(OuterRef("entry"), TextField()))
    cleared = Event.objects.filter(subject=subject, kind__in=CLEARED_BY, at__gt=OuterRef("at"))
    return Exists(looks.exclude(verdict="allow").exclude(Exists(later)).exclude(Exists(cleared)))


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
        Referral.objects.filter(referrer=entry, status__in=(*JOINED, "voided"))
        .exclude(back)
        .annotate(doubted=in_review("referee"))
        .aggregate(
            stayed=Count("pk", filter=Q(status="qualified", doubted=False) & ~gone),
            gone=Count("pk", filter=gone),
            silent=Count("pk", filter=Q(status="attributed", doubted=False) & ~gone),
            in_review=Count("pk", filter=Q(doubted=True) & ~gone),
        )
    )
    return quality.Friends(**found)


def qualified_count(entry: Entry) -> int:
    """How many friends are in. Below this many a reward is taken back."""
    return Referral.objects.filter(referrer=entry, status="qualified").count()


def sound(referrals: QuerySet[Referral]) -> QuerySet[Referral]:
    """Those whose friends nobody doubts: not held, not suspended, not in review. An erased friend is no doubtful one."""
    doubtful = Q(referee__isnull=False) & (Q(referee__held_at__isnull=False) | Q(referee__status="suspended"))
    return referrals.exclude(doubtful).exclude(in_review("referee"))


def sound_count(entry: Entry) -> int:
    """How many friends are in whom nobody doubts. From this many on a reward is given."""
    return sound(Referral.objects.filter(referrer=entry, status="qualified")).count()


def is_in_review(entry: Entry) -> bool:
    """Whether the rules doubt this person."""
    return Entry.objects.filter(in_review("pk"), pk=entry.pk).exists()


def denied(entry_ids: Iterable[int]) -> list[int]:
    """Those of these people whom the rules last found to be nobody real."""
    looks = Assessment.objects.filter(entry__in=entry_ids).order_by("entry", "-pk").distinct("entry")
    return [look.entry_id for look in looks if look.verdict == "deny" and look.entry_id]


def table_of(launch: Launch) -> Sequence[Step]:
    """What this launch pays for how many friends: its own rows, else the defaults."""
    own = Milestone.objects.filter(launch=launch)
    return [Step(row.count, row.kind, row.amount, row.tier) for row in own] or DEFAULTS


def paid_milestones(entry: Entry) -> set[int]:
    """The counts that have a reward already, whatever became of it."""
    found = Reward.objects.filter(referrer=entry).values_list("milestone", flat=True)
    return {count for count in found if count is not None}


def ended_milestones(entry: Entry) -> set[int]:
    """The counts that pay this person nothing any more: staff dropped the reward or took it back."""
    ended = Reward.objects.filter(referrer=entry, status__in=["clawed_back", "dropped"], may_return=False)
    return {count for count in ended.values_list("milestone", flat=True) if count is not None}


def next_step(entry: Entry) -> tuple[Step, int] | None:
    """The next milestone that still pays, and how many friends are missing; None when there is none ahead."""
    have, ended = qualified_count(entry), ended_milestones(entry)
    ahead = sorted(step for step in table_of(entry.launch) if step.count > have and step.count not in ended)
    return (ahead[0], ahead[0].count - have) if ahead else None


def given_of(reward: Reward) -> int:
    """How much of this reward the person has, by the ledger."""
    return int(LedgerLine.objects.filter(reward=reward).aggregate(sum=Coalesce(Sum("amount"), 0))["sum"])


def with_due_rewards(entry_ids: Iterable[int]) -> list[int]:
    """Those of these people for whom a reward waits."""
    waiting = Reward.objects.filter(WAITS, referrer__in=entry_ids)
    return sorted(set(waiting.values_list("referrer_id", flat=True)))


def referrers_of(entry_ids: Iterable[int]) -> list[int]:
    """Whose friends these people are."""
    counted = Referral.objects.filter(referee__in=entry_ids, status__in=CONFIRMED)
    return sorted(set(counted.values_list("referrer_id", flat=True)))


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
    """The first confirmed friend whom nobody doubts and whose points were not given yet, as the points lines name them."""
    confirmed = sound(Referral.objects.filter(referrer=entry, status__in=CONFIRMED)).order_by("confirmed_at", "pk")
    lines = Points.objects.filter(entry=entry, rule=FRIEND_RULE)
    found: str | None = _keys(confirmed).exclude(named__in=lines.values("key")).first()
    return found


def lines_of_gone_friends(entry: Entry) -> dict[str, str]:
    """The points lines whose friends count no more, each with the reason. An erased friend's line stays: erasure is no
    fault."""
    own = Referral.objects.filter(referrer=entry)
    lines = Points.objects.filter(entry=entry, rule=FRIEND_RULE).exclude(
        key__in=_keys(own.filter(status__in=CONFIRMED))
    )
    voided = own.filter(status="voided", referee__isnull=False).order_by("pk")
    why = {str(friend): reason for friend, reason in voided.values_list("referee_id", "void_reason")}
    return {key: why[key] for key in lines.order_by("pk").values_list("key", flat=True) if key in why}


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


# Newcomers: who confirmed lately. Their friends: who confirmed through them since, each counted once.
NEWCOMERS = """
SELECT (SELECT count(*) FROM waitlist_entry WHERE launch_id = %(launch)s AND confirmed_at > %(since)s) AS newcomers,
       (SELECT count(*) FROM referrals_referral AS referral JOIN waitlist_entry AS referrer ON referrer.id = referral.referrer_id
        WHERE referral.launch_id = %(launch)s AND referral.status IN ('confirmed', 'qualified')
          AND referrer.confirmed_at > %(since)s) AS friends
"""


def newcomer_counts(launch: Launch, now: datetime) -> dict[str, int]:
    """How many people confirmed in the last 28 days, and how many friends they brought who confirmed too."""
    found: dict[str, int] = sql.one(NEWCOMERS, {"launch": launch.pk, "since": now - WINDOW})._asdict()
    return found
