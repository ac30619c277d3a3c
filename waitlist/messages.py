"""The messages of the queue: confirm, and already in line. What they say is decided when they are sent, not when owed."""

from collections.abc import Mapping, Sequence
from typing import Any

from outbox.actions import Owed
from outbox.keys import address_key, seal, unseal
from outbox.models import Delivery
from outbox.registry import Letter, describer, writer
from waitlist import queries, tokens
from waitlist.channels import Contact
from waitlist.models import Entry

HANDLER_OF = {"email": "mail", "phone": "sms"}
STRANGER_CAP = 5  # messages a day that anybody who knows an address can make us send it


def owed_to(entry_id: int, kind: str, canonical: str, name: str, **more: Any) -> Owed:
    """A message of that name to the person, counted by their address."""
    key = address_key(kind, canonical)
    return Owed(HANDLER_OF[kind], name, f"entry:{entry_id}", address_key=key, **more)


def answer_to_join(entry_id: int, contact: Contact, fresh: bool, confirm_round: int) -> Owed:
    """What a join owes the mailbox: the way to confirm, or the news that they are in line already."""
    name = "confirm" if fresh else "already"
    dedupe = f"confirm:{entry_id}:{confirm_round}" if fresh else None
    return owed_to(entry_id, contact.kind, contact.canonical, name, cap=STRANGER_CAP, dedupe=dedupe)


def answer_to_nobody(contact: Contact) -> Owed:
    """The same row for an address that nobody has, about which the relay finds nothing to say. It counts for no address:
    a stranger must not use up the messages of somebody who has yet to join."""
    return Owed(HANDLER_OF[contact.kind], "already", "entry:0")


def moved_from(entry: Entry, old: Contact) -> Owed:
    """The news to the old mailbox that the address was changed, in all the old words: the row has the new ones."""
    return owed_to(entry.pk, old.kind, old.canonical, "moved", sealed=seal(f"{old.kind}:{old.as_typed}"))


def letter_to(entry: Entry, **context: Any) -> Letter:
    """A letter to the person, with what every template may use."""
    common = {"entry": entry, "launch": entry.launch, "link": tokens.status_url(entry)}
    return Letter(entry.contact_kind, entry.contact, entry.locale, common | context, canonical=entry.canonical)


def entries_of(deliveries: Sequence[Delivery]) -> dict[int, Entry]:
    """The entry that each delivery is about, by delivery id; an erased one is left out."""
    ids = {delivery.pk: int(delivery.subject.partition(":")[2]) for delivery in deliveries}
    found = Entry.objects.select_related("launch").exclude(status="erased").in_bulk(set(ids.values()))
    return {pk: found[entry_id] for pk, entry_id in ids.items() if entry_id in found}


@writer("confirm")
def confirm(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """The private link and the 6 digits, to who is still pending."""
    found = entries_of(deliveries)
    return {pk: _confirm_letter(entry) for pk, entry in found.items() if entry.status == "pending"}


def _confirm_letter(entry: Entry) -> Letter:
    return letter_to(entry, code=tokens.confirm_code(entry.pk, entry.confirm_round))


@writer("already")
def already(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """Where they stand, to who is on the list; nothing to who was turned away."""
    found = entries_of(deliveries)
    return {
        pk: letter_to(
            entry,
            position=queries.position_of(entry),
            state=entry.status,
            code=tokens.confirm_code(entry.pk, entry.confirm_round) if entry.status == "pending" else None,
        )
        for pk, entry in found.items()
        if entry.status not in ("rejected", "blocked", "left", "suspended")
    }


@writer("moved")
def moved(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """That the address is another one now, to the old one, where its owner can still object."""
    found = entries_of(deliveries)
    sealed = {one.pk: unseal(bytes(one.sealed)).partition(":") for one in deliveries if one.sealed and one.pk in found}
    return {
        pk: Letter(kind, address, found[pk].locale, {"entry": found[pk], "launch": found[pk].launch})
        for pk, (kind, _colon, address) in sealed.items()
    }


@describer("entry")
def describe(ids: Sequence[int]) -> Mapping[int, dict[str, Any]]:
    """Who the person is, for an endpoint that was given the right to know; an erased one is nobody."""
    people = Entry.objects.exclude(status="erased").in_bulk(ids)
    return {pk: {"name": one.name, one.contact_kind: one.contact} for pk, one in people.items()}
