"""The verbs of referrals: who brought whom, what it pays, and the one mail that a person may have sent to a friend."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext

from invites.queries import unspent
from outbox import sql
from outbox.actions import Owed, forget_deliveries, owe
from outbox.errors import Refused
from outbox.facts import Fact, Said
from outbox.keys import address_keys
from outbox.states import move, sources, verb
from referrals import hot, messages, milestones, policy, queries, rewards, signals
from referrals.models import LedgerLine, Milestone, Referral, Reward
from referrals.queries import FRIEND_RULE
from waitlist.actions import awarding, bringing
from waitlist.channels import Contact
from waitlist.models import Entry, Launch

MANY = 10  # friends from which they are followed together
SHARES_A_DAY = 10  # by one person
MAILS_A_DAY, MAILS_EVER = 2, 5  # of these to one address, whoever asks


@dataclass(frozen=True, slots=True)
class Friend:
    """Somebody who joined or came in: their entry, their contact where it is at hand, whether they named a referrer."""

    id: int
    contact: Contact | None = None
    named: bool = True


FOLLOWED: Mapping[str, Fact] = {
    "attributed": signals.referral_attributed,
    "confirmed": signals.referral_confirmed,
    "qualified": signals.referral_qualified,
}


# Who brought whom


@verb
def attribute(friends: Sequence[Friend], *, by: str) -> None:
    """Notes who brought these people who joined: the friend whose link they used, else who shared to their address."""
    followed = _follow(friends, by=by)
    _owe_settling(row.referrer_id for row in followed if row.status != "attributed")


@verb
def confirm(friends: Sequence[int], *, by: str) -> None:
    """These friends confirmed: their referrers gain points.

    Their own entry is locked by now, and the referrer stands before it in the order of locks. So nobody waits for a
    referrer who is busy: then the worker gives the points a moment later.
    """
    referrers = {row.referrer_id for row in _follow([Friend(friend) for friend in friends], by=by)}
    free = Entry.objects.select_related("launch").select_for_update(no_key=True, skip_locked=True, of=("self",))
    reached = list(free.filter(pk__in=referrers).order_by("pk")) if referrers else []
    for referrer in reached:
        _settle_points(referrer, by=by)
    _owe_settling(referrers - {referrer.pk for referrer in reached})


@verb
def qualify(friends: Sequence[Friend], *, by: str) -> None:
    """These friends are in: their referrals qualify, and a worker looks at what the referrers' milestones pay."""
    _owe_settling(row.referrer_id for row in _follow(friends, by=by))


def _follow(friends: Sequence[Friend], *, by: str) -> list[Any]:
    """Brings the referrals of these friends to where their entries stand; the rows that changed, told by status."""
    rows = _follow_many(friends) if len(friends) >= MANY else [row for friend in friends for row in _follow_one(friend)]
    for status, fact in FOLLOWED.items():
        fact.announce([_said(row) for row in rows if row.status == status], by=by)
    return rows


def _follow_many(friends: Sequence[Friend]) -> list[Any]:
    """The same in two statements, but for friends who have something to follow already."""
    keyed = [(friend.id, key.hex()) for friend in friends for key in _keys_of(friend)]
    asked = json.dumps([{"id": pk, "key": key} for pk, key in keyed])
    known = {row.id for row in sql.rows(hot.KNOWN_MANY, {"friends": asked})}
    rows = [row for friend in friends if friend.id in known for row in _follow_one(friend)]
    others = [friend.id for friend in friends if friend.named and friend.id not in known]
    return rows + (sql.rows(hot.MAKE_MANY, {"friends": others}) if others else [])


def _keys_of(friend: Friend) -> list[bytes]:
    contact = friend.contact
    return address_keys(contact.kind, contact.canonical) if contact else [b""]


def _follow_one(friend: Friend) -> list[Any]:
    keys = _keys_of(friend)
    params = {"friend": friend.id} | {f"key{number}": key for number, key in enumerate(keys)}
    if not friend.named and not sql.rows(hot.for_keys(hot.KNOWN, len(keys)), params):
        return []
    return sql.rows(hot.for_keys(hot.FOLLOW, len(keys)), params)


def _said(row: Any, **more: Any) -> Said:
    data = {"launch": row.launch_id, "referrer": row.referrer_id, "friend": row.referee_id}
    return Said(f"referral:{row.id}", data | (more or {"via": row.via}))


def _owe_settling(referrers: Iterable[int]) -> None:
    """A worker settles these people's points and rewards: their entries are locked by nobody else's request."""
    owe([Owed("milestones", "milestones", f"entry:{pk}") for pk in sorted(set(referrers))])


@verb
def bring(pairs: Mapping[int, int], reason: str, *, by: str) -> int:
    """Staff say who brought these friends (friend to referrer), where nobody is named yet; how many referrals it makes.

    The referrals stand where the friends stand, so what their rewards rest on is settled as if they had come so.
    """
    named = bringing.name_referrers(pairs)
    followed = _follow([Friend(friend) for friend in sorted(named)], by=by)
    signals.referral_brought.announce([_said(row, reason=reason) for row in followed], by=by)
    _owe_settling(row.referrer_id for row in followed if row.status != "attributed")
    return len(followed)


@verb
def void(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Staff say that these referrals count no more, whatever the friends do later; how many did until now."""
    return _void(Q(pk__in=ids), reason, by=by, void_for_good=True)


@verb
def void_friends(friends: Sequence[int], reason: str, *, by: str) -> int:
    """These friends are gone, or were denied: their referrals count no more."""
    return _void(Q(referee__in=friends), reason, by=by)


@verb
def count_again(friends: Sequence[int], *, by: str) -> None:
    """Staff say that these people are real: where the rules had denied them their referrals count anew, and what rests
    on them is settled."""
    confirm(queries.denied(friends), by=by)
    _owe_settling(queries.referrers_of(friends))


def _void(chosen: Q, reason: str, *, by: str, void_for_good: bool = False) -> int:
    able = Referral.objects.select_for_update(no_key=True).filter(chosen, status__in=sources(Referral, "voided"))
    rows = list(able.order_by("pk"))
    changes = {"void_reason": reason, "void_for_good": void_for_good}
    move(Referral.objects.filter(pk__in=[row.pk for row in rows]), to="voided", **changes)
    signals.referral_voided.announce([_said(row, was=str(row.status), reason=reason) for row in rows], by=by)
    _owe_settling(row.referrer_id for row in rows if row.status in queries.CONFIRMED)
    return len(rows)


# What it pays


@verb
def settle_later(entry_ids: Sequence[int]) -> None:
    """These people may earn again: whatever waits for them is given by a worker."""
    _owe_settling(queries.with_due_rewards(entry_ids))


@verb
def grant_due(referrer_ids: Iterable[int], *, by: str) -> int:
    """Pays what these people's friends have earned them and was not paid yet, and takes back what rests on friends who were
    voided; how many rewards were given.

    Idempotent, and safe to run at once from anywhere: the referrer's lock makes the count stand still,
    unique(referrer, milestone) keeps a milestone from paying twice whatever the code does, and a reward is given again
    only as far as the ledger says that it was taken back. Friends in doubt make nothing due and take nothing back.
    """
    granted = 0
    for referrer in _locked(referrer_ids):
        _settle_points(referrer, by=by)
        _take_back_unearned(referrer, queries.qualified_count(referrer), by=by)
        friends = queries.sound_count(referrer)
        _note_milestones(referrer, friends, by=by)
        granted += _grant(referrer, friends, by=by)
    return granted


def _locked(referrer_ids: Iterable[int]) -> list[Entry]:
    """The referrers, in the order of their ids, theirs to change until the transaction ends."""
    chosen = Entry.objects.filter(pk__in=list(referrer_ids)).select_related("launch").order_by("pk")
    return list(chosen.select_for_update(no_key=True, of=("self",)))


def _settle_points(referrer: Entry, *, by: str) -> None:
    """A line of points for each confirmed friend up to the launch's cap, and none for friends who are gone."""
    changes = []
    for gone, why in queries.lines_of_gone_friends(referrer).items():
        changes.append((gone, -awarding.withdraw(referrer.pk, FRIEND_RULE, gone, by=by), f"friend voided: {why}"))
    points, cap = queries.friend_points(referrer), referrer.launch.referral_cap
    room = cap - queries.had_for_friends(referrer)
    while points > 0 and room > 0 and (friend := queries.friend_without_points(referrer)):
        given = awarding.award(referrer.pk, FRIEND_RULE, points, key=friend, by=by, cap=cap)
        changes.append((friend, given, "friend confirmed"))
        room -= given
    common = {"referrer": referrer, "kind": Milestone.Kind.POINTS, "by": by}
    _note([LedgerLine(friend_id=int(key), amount=n, reason=why, **common) for key, n, why in changes])


def _note(lines: Sequence[LedgerLine]) -> None:
    """Writes down in the ledger what was given and taken back."""
    LedgerLine.objects.bulk_create(line for line in lines if line.amount)


def _note_milestones(referrer: Entry, friends: int, *, by: str) -> None:
    """Writes down what is reached for the first time, as rewards that are due."""
    steps = milestones.due(friends, queries.paid_milestones(referrer), queries.table_of(referrer.launch))
    due = [
        Reward(
            referrer=referrer,
            milestone=step.count,
            kind=step.kind,
            amount=step.amount,
            tier=step.tier,
            reason=f"{step.count} friends are in",
        )
        for step in steps
    ]
    Reward.objects.bulk_create(due, ignore_conflicts=True)
    said = [Said(f"entry:{referrer.pk}", {"milestone": step.count, "friends": friends}) for step in steps]
    signals.milestone_reached.announce(said, by=by)


def _grant(referrer: Entry, friends: int, *, by: str) -> int:
    """Gives what is due and still earned; a due reward whose friends are gone waits until they are made up for."""
    held = referrer.held_at is not None
    if not policy.may_earn(referrer.status, held=held, in_review=queries.is_in_review(referrer)):
        return 0
    earned = Q(milestone__isnull=True) | Q(milestone__lte=friends)
    granted = []
    for reward in Reward.objects.filter(earned, queries.WAITS, referrer=referrer).order_by("milestone", "pk"):
        reward.referrer = referrer
        if _give(reward, by=by):
            granted.append(reward)
    said = [_said_of(reward, milestone=reward.milestone, **_again(reward)) for reward in granted]
    signals.reward_granted.announce(said, by=by)
    owe([messages.milestone(reward) for reward in granted if reward.milestone])
    return len(granted)


def _give(reward: Reward, *, by: str) -> bool:
    """Gives what the person does not have of this reward: all of it, or what was taken back; False when it waits no more."""
    changes = {"granted_at": Now(), "may_return": False, "tier_before": reward.referrer.tier}
    if not move(Reward.objects.filter(queries.WAITS, pk=reward.pk), to="granted", **changes):
        return False
    missing = rewards.worth(reward) - queries.given_of(reward)
    given = rewards.grant(reward, missing, by=by) if missing > 0 else 0
    why = "friends are in again" if _again(reward) else reward.reason
    _note([_line_of(reward, given, why, by=by)])
    return True


def _again(reward: Reward) -> dict[str, bool]:
    return {"again": True} if reward.status == Reward.Status.CLAWED_BACK else {}


def _line_of(reward: Reward, amount: int, reason: str, *, by: str) -> LedgerLine:
    return LedgerLine(
        referrer_id=reward.referrer_id, reward=reward, kind=reward.kind, amount=amount, reason=reason, by=by
    )


def _take_back_unearned(referrer: Entry, friends: int, *, by: str) -> None:
    """Takes back the rewards that so many friends do not earn any more, the highest first. They return with the count."""
    granted = Reward.objects.filter(referrer=referrer, status="granted", milestone__gt=friends)
    lost = list(granted.select_related("referrer__launch").order_by("-milestone"))
    _take_back(lost, f"friends were voided, {friends} are left", may_return=True, by=by)


def _said_of(reward: Reward, **more: Any) -> Said:
    data = {"reward": reward.pk, "kind": reward.kind, "amount": reward.amount, "tier": reward.tier}
    return Said(f"entry:{reward.referrer_id}", data | more)


@verb
def earn(entry: Entry, *, by: str) -> tuple[bool, int]:
    """Grants what is due now: (whether this call granted something, how many unspent codes the person has)."""
    granted = grant_due([entry.pk], by=by)
    return granted > 0, unspent(entry)


@verb
def claw_back(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Staff take rewards back as far as they are unspent; they are never given again, whatever the count. How many."""
    chosen = _chosen(ids)
    granted = list(chosen.filter(status="granted"))
    to_return = list(chosen.filter(status="clawed_back", may_return=True))
    Reward.objects.filter(pk__in=[reward.pk for reward in to_return]).update(may_return=False)
    signals.reward_clawed_back.announce([_said_of(reward, reason=reason) for reward in to_return], by=by)
    return len(to_return) + _take_back(granted, reason, may_return=False, by=by)


def _chosen(ids: Sequence[int]) -> QuerySet[Reward]:
    """These rewards, theirs to change until the transaction ends: entries are locked before anything that is theirs."""
    chosen = Reward.objects.filter(pk__in=ids)
    _locked(chosen.values_list("referrer_id", flat=True))
    return chosen.select_related("referrer__launch").order_by("-milestone", "pk")


def _take_back(granted: Sequence[Reward], reason: str, *, may_return: bool, by: str) -> int:
    """The referrers are locked, so what is granted stays so until it moves."""
    move(Reward.objects.filter(pk__in=[reward.pk for reward in granted]), to="clawed_back", may_return=may_return)
    lines = []
    for reward in granted:
        taken = rewards.take_back(reward, reason, for_good=not may_return, by=by)
        had = queries.given_of(reward)  # staff may have switched its codes on or off by hand, which is no line
        lines.append(_line_of(reward, -min(taken, had), reason, by=by))
    _note(lines)
    signals.reward_clawed_back.announce([_said_of(reward, reason=reason) for reward in granted], by=by)
    return len(granted)


@verb
def drop(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Staff decide that rewards which are due are not given, now or ever; how many."""
    due = list(_chosen(ids).filter(status__in=sources(Reward, "dropped")))
    move(Reward.objects.filter(pk__in=[reward.pk for reward in due]), to="dropped")
    signals.reward_dropped.announce([_said_of(reward, reason=reason) for reward in due], by=by)
    return len(due)


@verb
def grant_by_hand(
    entry_id: int, kind: str, reason: str, *, amount: int = 1, tier: str = "", asked: UUID, by: str
) -> Reward:
    """Staff give a person codes, points or a tier, in the same ledger. `asked` is the form's own number: sent twice, it gives
    once. Raises Refused for who may not earn now."""
    [referrer] = _locked([entry_id])
    before = Reward.objects.filter(asked=asked).first()
    if before is not None:
        return before
    if not policy.may_earn(referrer.status, held=referrer.held_at is not None):
        raise Refused("may_not_earn", gettext("Who is held, turned away or gone is given nothing."))
    if kind == Milestone.Kind.TIER and not tier:
        raise Refused("tier_missing", gettext("Name the tier."))
    reward = Reward.objects.create(referrer=referrer, kind=kind, amount=amount, tier=tier, reason=reason, asked=asked)
    reward.status = Reward.Status.DUE
    _give(reward, by=by)
    signals.reward_granted.announce([_said_of(reward, reason=reason)], by=by)
    return reward


@verb
def forget(people: Sequence[Entry], *, by: str) -> None:
    """Somebody is erased: the mails they had written to friends and that friends had written to them are known no more, and
    nothing is due to them. Who brought whom stays, as numbers: the sums of others rest on it."""
    ids = [one.pk for one in people]
    keys = [key for one in people for key in address_keys(one.contact_kind, one.canonical)]
    shared = Referral.objects.filter(Q(referrer__in=ids) | Q(recipient_key__in=keys))
    forget_deliveries([f"referral:{pk}" for pk in shared.values_list("pk", flat=True)])
    shared.filter(status="shared").delete()
    Referral.objects.filter(Q(referrer__in=ids) | Q(referee__in=ids)).update(recipient_key=None)
    due = Reward.objects.filter(referrer__in=ids, status="due").values_list("pk", flat=True)
    drop(list(due), "the person was erased", by=by)


# Telling a friend


@verb
def share(inviter: Entry, recipient: Contact, *, by: str) -> Referral:
    """Has one mail written to a friend, whom we know by a keyed hash until they join.

    Every recipient is treated alike here. Whether they are on the list already or want no mail is looked up when the
    letter is written, so neither the answer nor the time it takes tells the inviter anything. Asking again for the same
    friend finds the same row. Raises Refused after so many friends a day.
    """
    Entry.objects.select_for_update(no_key=True).get(pk=inviter.pk)  # the day's count must not move while it is read
    keys = address_keys(recipient.kind, recipient.canonical)
    referral = Referral.objects.filter(referrer=inviter, recipient_key__in=keys).order_by("pk").first()
    referral = referral or _new_share(inviter, keys[0], by=by)
    if referral.mailed_at is None and referral.status == Referral.Status.SHARED:
        _write_to(referral, recipient, keys)
    return referral


def _new_share(inviter: Entry, key: bytes, *, by: str) -> Referral:
    if queries.asked_today(inviter, timezone.now() - timedelta(days=1)) >= SHARES_A_DAY:
        said = gettext("You have told %(n)d friends today. Tell the next ones tomorrow.")
        raise Refused("rate_limited", said % {"n": SHARES_A_DAY})
    referral = Referral.objects.create(
        launch_id=inviter.launch_id, referrer=inviter, recipient_key=key, status=Referral.Status.SHARED, via="share"
    )
    signals.referral_shared.announce(
        [Said(f"referral:{referral.pk}", {"launch": inviter.launch_id, "referrer": inviter.pk})], by=by
    )
    return referral


def _write_to(referral: Referral, recipient: Contact, keys: Sequence[bytes]) -> None:
    """Owes the one mail, unless this address has had enough of them."""
    sql.rows(hot.ONE_BY_ONE, {"number": int.from_bytes(keys[0][:8], "big", signed=True)})
    lately, ever = queries.mails_shared_to(keys, timezone.now() - timedelta(days=1))
    if lately < MAILS_A_DAY and ever < MAILS_EVER and owe([messages.share(referral, recipient, keys[0])]):
        Referral.objects.filter(pk=referral.pk).update(mailed_at=Now())


# What an owner sets


@verb
def set_milestone(launch: Launch, count: int, *, kind: str, amount: int = 1, tier: str = "", by: str) -> Milestone:
    """Says what so many friends pay on this launch. The first change keeps the other defaults as rows of its own."""
    Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)
    if not Milestone.objects.filter(launch=launch).exists():
        Milestone.objects.bulk_create(
            Milestone(launch=launch, count=step.count, kind=step.kind, amount=step.amount)
            for step in milestones.DEFAULTS
        )
    row = Milestone.objects.filter(launch=launch, count=count).first() or Milestone(launch=launch, count=count)
    row.kind, row.amount, row.tier = kind, amount, tier
    row.full_clean()
    row.save()
    data = {"milestone": count, "kind": kind, "amount": amount, "tier": tier}
    signals.milestone_set.announce([Said(f"launch:{launch.pk}", data)], by=by)
    return row


@verb
def unset_milestone(milestone: Milestone, *, by: str) -> None:
    """Takes a milestone away. Without any row of its own a launch pays the defaults again."""
    Milestone.objects.filter(pk=milestone.pk).delete()
    signals.milestone_unset.announce([Said(f"launch:{milestone.launch_id}", {"milestone": milestone.count})], by=by)
