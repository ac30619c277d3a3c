"""The messages of referrals: a milestone was reached, and a friend was told."""

from collections.abc import Mapping, Sequence

from outbox.actions import Owed
from outbox.keys import seal, unseal
from outbox.models import Delivery
from outbox.registry import Letter, writer
from referrals.models import Referral, Reward
from referrals.policy import harmless_name, may_earn
from waitlist.channels import Contact, read
from waitlist.messages import HANDLER_OF, STRANGER_CAP, letter_to, owed_to
from waitlist.queries import entry_with
from waitlist.tokens import referral_link


def milestone(reward: Reward) -> Owed:
    """The news of a reward, once."""
    to = reward.referrer
    dedupe = f"milestone:{reward.pk}"
    return owed_to(
        to.pk, to.contact_kind, to.canonical, "milestone", cap=None, data={"reward": reward.pk}, dedupe=dedupe
    )


def share(referral: Referral, recipient: Contact, key: bytes) -> Owed:
    """The one mail to a friend. Their address stands sealed in the row, and is blanked when the mail has gone."""
    return Owed(
        HANDLER_OF[recipient.kind],
        "share",
        f"referral:{referral.pk}",
        address_key=key,
        cap=STRANGER_CAP,
        dedupe=f"share:{referral.pk}",
        sealed=seal(recipient.as_typed),
    )


@writer("milestone")
def write_milestone(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """How many friends are in, and what it paid; nothing when it was taken back meanwhile."""
    wanted = {delivery.pk: int(delivery.data["reward"]) for delivery in deliveries}
    found = Reward.objects.filter(status="granted").select_related("referrer__launch").in_bulk(set(wanted.values()))
    return {pk: _milestone_letter(found[reward_id]) for pk, reward_id in wanted.items() if reward_id in found}


def _milestone_letter(reward: Reward) -> Letter:
    return letter_to(reward.referrer, count=reward.milestone, reward=reward)


@writer("share")
def write_share(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """Who thinks of them, and the link; nothing to who is on the list already, or from who was turned away."""
    wanted = {delivery.pk: int(delivery.subject.partition(":")[2]) for delivery in deliveries}
    found = Referral.objects.filter(status="shared").select_related("referrer__launch").in_bulk(set(wanted.values()))
    letters = {one.pk: share_letter(found.get(wanted[one.pk]), bytes(one.sealed or b"")) for one in deliveries}
    return {pk: letter for pk, letter in letters.items() if letter}


def share_letter(referral: Referral | None, sealed: bytes) -> Letter | None:
    """The letter in the language of who asked for it, or None when there is nothing to say."""
    if referral is None or not sealed:
        return None
    inviter, recipient = referral.referrer, read("email", unseal(sealed))
    gone = not may_earn(inviter.status, held=inviter.held_at is not None)
    if gone or entry_with(inviter.launch, recipient):
        return None
    context = {
        "launch": inviter.launch,
        "inviter_first_name": harmless_name(inviter.first_name),
        "link": referral_link(inviter),
    }
    return Letter("email", recipient.as_typed, inviter.locale, context, canonical=recipient.canonical)
