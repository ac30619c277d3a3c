"""Writes to somebody again. An invite that is sent again has a new code: the one before it is dead, the deadline stays."""

from typing import Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from invites import messages, queries, signals
from invites.actions import making
from invites.models import Attempt, Code, Invite
from outbox.actions import DAILY_CAP, owe
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_key, address_keys
from outbox.models import Delivery
from outbox.policy import reaches
from outbox.queries import suppressed_for
from outbox.states import move, verb
from waitlist.actions import confirming
from waitlist.channels import Contact
from waitlist.messages import owed_to
from waitlist.models import Entry

WRITTEN = {
    "pending": "confirm",
    "waiting": "already",
    "approved": "already",
    "invited": "invited",
    "registered": "welcome",
}


@verb
def resend(entry_id: int, reason: str, *, by: str) -> str:
    """Writes the message that fits where the person stands; its name. Raises Refused, and then nothing has changed.

    The entry is locked first, as redeeming does: of two at once the second sees what the first did.
    """
    entry = _locked(entry_id)
    name = WRITTEN.get(entry.status)
    if name is None:
        raise Refused("nothing_to_send", _("To who stands so there is nothing to send."))
    _check_reached(entry, name)
    about: dict[str, Any] = {"message": name, "reason": reason}
    if name == "invited":
        about |= _anew(_open_invite(entry), by=by)
    written = _owe_again(entry, name)
    if not written:
        said = _("This address was sent %(n)d messages within a day already. Try again tomorrow.")
        raise Refused("mail_cap", said % {"n": DAILY_CAP})
    signals.message_resent.announce([Said(f"entry:{entry_id}", about)], by=by)
    return name


def _locked(entry_id: int) -> Entry:
    return Entry.objects.select_related("launch").select_for_update(no_key=True, of=("self",)).get(pk=entry_id)


def _check_reached(entry: Entry, name: str) -> None:
    barred = suppressed_for(address_keys(entry.contact_kind, entry.canonical))
    if barred and not all(reaches(name, why) for why in barred.values()):
        raise Refused(
            "address_suppressed", _("This address gets no mail: it bounced, or its owner wants none. Lift that first.")
        )
    subjects = [f"entry:{entry.pk}", *(f"invite:{pk}" for pk in entry.invites.values_list("pk", flat=True))]
    if Delivery.objects.filter(subject__in=subjects, name=name, status="owed").exists():
        raise Refused("still_owed", _("The message has not gone out yet: it goes by itself as soon as it can."))


def _open_invite(entry: Entry) -> Invite:
    offer = queries.open_invite_of(entry)
    if offer is None or queries.state_of(offer.code, timezone.now()) != "active":
        raise Refused("no_open_invite", _("Their invite cannot be used any more, so it is not sent again."))
    return offer


def _anew(offer: Invite, *, by: str) -> dict[str, int]:
    """Gives the invite a new code with the days the old one has left, and ends the old one, its links with it."""
    old, entry = offer.code, offer.entry
    contact = Contact(entry.contact_kind, entry.contact, entry.canonical)
    fresh = making.Spec(
        1, old.expires_at, kind="waitlist", format=entry.launch.code_format, tier=old.tier, bind=contact
    )
    [new] = making.make(entry.launch, fresh, run_id=None, by=by)
    move(Code.objects.filter(pk=old.pk), to="revoked")
    Invite.objects.filter(pk=offer.pk).update(code=new, token_version=F("token_version") + 1)
    said = Said(f"code:{old.pk}", {"reason": "the invite was sent again with a new code", "entry": entry.pk})
    signals.code_revoked.announce([said], by=by)
    return {"invite": offer.pk, "code": new, "old_code": old.pk}


def _owe_again(entry: Entry, name: str) -> int:
    if name == "confirm":
        return confirming.confirm_again(entry.pk)
    if name == "invited":
        offer = Invite.objects.select_related("entry").filter(entry=entry).order_by("-pk")[0]
        return owe([messages.invited_again(offer)])
    return owe([owed_to(entry.pk, entry.contact_kind, entry.canonical, name)])


@verb
def follow_address(entry_id: int, old: Contact, new: Contact, *, by: str) -> None:
    """The person has another address: their open invite goes there with a new code, and codes bound to the old one follow."""
    keys = address_keys(old.kind, old.canonical)
    entry = Entry.objects.select_related("launch").get(pk=entry_id)
    bound = Code.objects.filter(~Q(kind="waitlist"), launch=entry.launch_id, bound_key__in=keys)
    bound.update(bound_key=address_key(new.kind, new.canonical))
    # What they tried before stays theirs, and is forgotten with them.
    tried = Attempt.objects.filter(launch=entry.launch_id, address_key__in=keys)
    tried.update(address_key=address_key(new.kind, new.canonical))
    offer = queries.open_invite_of(entry)
    if offer is None or queries.state_of(offer.code, timezone.now()) != "active":
        return
    _anew(Invite.objects.select_related("code", "entry__launch").get(pk=offer.pk), by=by)
    if not Delivery.objects.filter(subject=f"invite:{offer.pk}", name="invited", status="owed").exists():
        owe([messages.invited_again(Invite.objects.select_related("entry").get(pk=offer.pk))])
