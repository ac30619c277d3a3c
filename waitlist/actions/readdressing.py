"""Gives a person another address."""

from typing import Any

from django.db import IntegrityError
from django.db.models import F
from django.utils.translation import gettext as _

from outbox.actions import owe
from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import move, verb
from waitlist import messages, queries, signals
from waitlist.actions.joining import NEW_ROUND
from waitlist.channels import Contact
from waitlist.models import Entry

GONE = ("rejected", "blocked", "left", "erased")


def readdress(entry_id: int, contact: Contact, reason: str, *, vouched: bool, by: str) -> None:
    """The person is reached there from now on. Raises Refused when somebody on the list has the address.

    Their private links die, place, points, friends and codes stay. Who waits confirms the new address first, unless staff
    vouch for it; an invite goes out anew, and using it proves the mailbox.
    """
    try:
        _readdress(entry_id, contact, reason, vouched=vouched, by=by)
    except IntegrityError as error:  # somebody joined with it in this very moment
        raise _taken() from error


def _taken() -> Refused:
    return Refused("address_taken", _("Somebody on this list has that address already."))


@verb
def _readdress(entry_id: int, contact: Contact, reason: str, *, vouched: bool, by: str) -> None:
    entry = Entry.objects.select_related("launch").select_for_update(no_key=True, of=("self",)).get(pk=entry_id)
    if entry.status in GONE:
        raise Refused("not_here", _("Who is not on the list any more has no address to change."))
    old = Contact(entry.contact_kind, entry.contact, entry.canonical)
    if old == contact:
        raise Refused("address_same", _("That is the address they have."))
    holder = queries.entry_with(entry.launch, contact)
    if holder and holder.pk != entry.pk:
        raise _taken()
    told = entry.status != Entry.Status.PENDING and old.canonical != contact.canonical
    must_confirm = entry.status == Entry.Status.PENDING or (entry.status == Entry.Status.WAITING and not vouched)
    _write_down(entry, contact, must_confirm=must_confirm)
    said = {"launch": entry.launch_id, "confirm": must_confirm, "old_told": told, "reason": reason}
    signals.entry_readdressed.announce([Said(f"entry:{entry.pk}", said, extra=(old, contact))], by=by)
    owe(_owed(entry, old, contact, told=told, must_confirm=must_confirm))


def _write_down(entry: Entry, contact: Contact, *, must_confirm: bool) -> None:
    changes: dict[str, Any] = {
        "contact_kind": contact.kind,
        "contact": contact.as_typed,
        "canonical": contact.canonical,
    }
    changes |= {"link_version": F("link_version") + 1, **NEW_ROUND}
    row = Entry.objects.filter(pk=entry.pk)
    row.update(**changes)
    if must_confirm:
        move(row.filter(status="waiting"), to="pending")


def _owed(entry: Entry, old: Contact, new: Contact, *, told: bool, must_confirm: bool) -> list[Any]:
    """The old mailbox is told that the address was changed, not to what, where it was ever proven: if staff were talked into
    it, its owner can say so. One that nobody proved may be a stranger's, who learns nothing."""
    owed = [messages.moved_from(entry, old)] if told else []
    if must_confirm:
        owed.append(messages.answer_to_join(entry.pk, new, True, entry.confirm_round + 1))
    elif entry.status in ("waiting", "approved"):
        owed.append(messages.owed_to(entry.pk, new.kind, new.canonical, "already"))
    return owed
