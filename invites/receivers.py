"""What invites do when something happens in the queue below."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from invites.actions import containing, forgetting, inviting, resending, reserving
from outbox.facts import Said
from outbox.models import Delivery
from outbox.policy import End
from outbox.registry import Work, ended, works
from waitlist.signals import entry_approved, entry_erased, entry_readdressed, entry_released, entry_removed

works[containing.CONTAIN] = Work(_("Contain a leak"), containing.carry_out)
works[containing.UNDO] = Work(_("Undo a containment"), containing.take_back)


@entry_removed.connect
def revoke_open_invites(said: Sequence[Said], by: str) -> None:
    """Who is gone keeps no open invite."""
    inviting.revoke_invites_of([one.id for one in said], by=by)


@entry_approved.connect
def invite_at_once(said: Sequence[Said], by: str) -> None:
    """Where the launch says so, a code goes out as soon as a moderator approves."""
    inviting.invite_approved([one.id for one in said], by=by)


@entry_released.connect
def complete_released(said: Sequence[Said], by: str) -> None:
    """Who was held while they redeemed a code may go on."""
    reserving.remind_released([one.id for one in said])


@entry_readdressed.connect
def follow_address(said: Sequence[Said], by: str) -> None:
    """Their open invite goes to the new address."""
    for one in said:
        resending.follow_address(one.id, *one.extra, by=by)


@entry_erased.connect
def forget_erased(said: Sequence[Said], by: str) -> None:
    """Codes, uses and refused tries without the person."""
    forgetting.forget([one.extra for one in said], by=by)


@ended("invited")
def note_sent(deliveries: Sequence[Delivery], end: End) -> None:
    """An invite is sent once its message was handed over, and bounced when its address is no more."""
    invite_ids = [int(one.subject.partition(":")[2]) for one in deliveries]
    if end != End.REFUSED:
        inviting.note_sent(invite_ids)
    if end == End.BOUNCED:
        inviting.note_bounced(invite_ids)
