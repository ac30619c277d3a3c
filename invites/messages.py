"""The messages of invites: invited, reissued, welcome, lapsed, and complete (a redemption somebody began with your address)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from invites import queries, tokens
from invites.models import Batch, Code, Invite, Reservation
from outbox.actions import Owed
from outbox.models import Delivery
from outbox.registry import Later, Letter, writer
from waitlist.channels import Contact
from waitlist.messages import HANDLER_OF, STRANGER_CAP, entries_of, letter_to, owed_to
from waitlist.models import Entry
from waitlist.tokens import referral_link

PAUSED_FOR = timedelta(minutes=2)  # after a pause was lifted its mails go within this


def invited(granted: Sequence[Any], invites: Mapping[int, int], keys: Sequence[bytes]) -> list[Owed]:
    """The mail with the code, once per invite, whatever happens."""
    return [
        Owed(
            HANDLER_OF[row.contact_kind],
            "invited",
            f"invite:{invites[row.id]}",
            address_key=key,
            cap=None,
            dedupe=f"invited:{invites[row.id]}",
        )
        for row, key in zip(granted, keys, strict=True)
    ]


def invited_again(invite: Invite) -> Owed:
    """The same mail with the code that took the place of the first, once per code."""
    to = invite.entry
    return Owed(
        HANDLER_OF[to.contact_kind],
        "invited",
        f"invite:{invite.pk}",
        address_key=owed_to(0, to.contact_kind, to.canonical, "").address_key,
        dedupe=f"invited:{invite.pk}:{invite.token_version}",
    )


def welcome(member: Any) -> Owed:
    """The mail with a new member's own codes, once."""
    return owed_to(member.id, member.contact_kind, member.canonical, "welcome", cap=None, dedupe=f"welcome:{member.id}")


def complete(reservation: Reservation, contact: Contact) -> Owed:
    """The mail that lets the owner of an address finish what somebody began with it."""
    return Owed(
        HANDLER_OF[contact.kind],
        "complete",
        f"reservation:{reservation.pk}",
        address_key=owed_to(0, contact.kind, contact.canonical, "").address_key,
        cap=STRANGER_CAP,
        dedupe=f"complete:{reservation.pk}",
    )


def lapsed(entry_ids: Sequence[int]) -> list[Owed]:
    """The news that an invite ran out and the person waits again."""
    people = Entry.objects.filter(pk__in=entry_ids, status="waiting")
    return [owed_to(one.pk, one.contact_kind, one.canonical, "lapsed", cap=None) for one in people]


def reissued(code_id: int, holder: Entry) -> Owed:
    """The new code of somebody whose old one was passed on without them; once for each code."""
    owed = owed_to(holder.pk, holder.contact_kind, holder.canonical, "reissued", dedupe=f"reissued:{code_id}")
    return replace(owed, subject=f"code:{code_id}")


@writer("reissued")
def write_reissued(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """The new code and its link, to who had the old one: a member, or who was invited. Nothing once it is void or used up."""
    wanted = {delivery.pk: int(delivery.subject.partition(":")[2]) for delivery in deliveries}
    codes = Code.objects.filter(pk__in=set(wanted.values())).select_related("owner__launch", "invite__entry__launch")
    alive = {code.pk: code for code in codes if queries.state_of(code, timezone.now()) == "active"}
    return {pk: _reissued_letter(alive[code_id]) for pk, code_id in wanted.items() if code_id in alive}


def _reissued_letter(code: Code) -> Letter:
    invite, text = getattr(code, "invite", None), queries.text_of(code)
    link = tokens.signup_url(invite) if invite else tokens.share_url(text)
    holder = invite.entry if invite else code.owner
    assert holder
    return letter_to(
        holder, link=link, code=text, expires_at=code.expires_at, uses=code.max_uses, is_invite=bool(invite)
    )


@writer("invited")
def write_invited(deliveries: Sequence[Delivery]) -> Mapping[int, Letter | Later]:
    """The code and the link, while the offer stands. While its batch is paused: later, and looked at again then."""
    wanted = {delivery.pk: int(delivery.subject.partition(":")[2]) for delivery in deliveries}
    open_now = Invite.objects.filter(status__in=["issued", "sent", "bounced"], entry__status="invited")
    found = open_now.select_related("entry__launch", "code", "batch").in_bulk(set(wanted.values()))
    return {pk: _invited_letter(found[invite_id]) for pk, invite_id in wanted.items() if invite_id in found}


def _invited_letter(invite: Invite) -> Letter | Later:
    if invite.batch and invite.batch.status == Batch.Status.PAUSED:
        return Later(timezone.now() + PAUSED_FOR)
    code = queries.text_of(invite.code)
    return letter_to(invite.entry, link=tokens.signup_url(invite), code=code, expires_at=invite.code.expires_at)


@writer("welcome")
def write_welcome(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """The member's own codes."""
    members = {pk: entry for pk, entry in entries_of(deliveries).items() if entry.status == "registered"}
    return {
        pk: letter_to(entry, codes=queries.codes_of(entry), share_url=referral_link(entry))
        for pk, entry in members.items()
    }


@writer("lapsed")
def write_lapsed(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """They wait again."""
    return {
        pk: letter_to(entry) for pk, entry in entries_of(deliveries).items() if entry.status in ("waiting", "approved")
    }


@writer("complete")
def write_complete(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """The link that completes a kept use, while it is kept."""
    wanted = {delivery.pk: int(delivery.subject.partition(":")[2]) for delivery in deliveries}
    found = Reservation.objects.filter(status="open").select_related("entry__launch").in_bulk(set(wanted.values()))
    return {
        pk: letter_to(found[number].person, link=tokens.completion_url(found[number]))
        for pk, number in wanted.items()
        if number in found
    }
