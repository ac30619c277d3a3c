"""How somebody proves their mailbox, and asks to be written to again."""

import secrets
from dataclasses import replace
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from outbox.actions import DAILY_CAP, lift_wish, owe
from outbox.callers import NOWHERE, Origin
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_keys
from outbox.states import move, verb
from waitlist import messages, queries, signals, tokens
from waitlist.actions.joining import CONFIRM_CODE_HOURS, NEW_PLACE, NEW_ROUND, trace
from waitlist.channels import Contact
from waitlist.models import Entry, Launch, Trace

CONFIRM_TRIES = 5


@verb
def confirm(entry_id: int, *, by: str, origin: Origin = NOWHERE) -> bool:
    """The person proved their mailbox: pending becomes waiting, with a place. False when they had before."""
    changes = {"place": Coalesce(F("place"), NEW_PLACE), "confirmed_at": Now()}
    if not move(Entry.objects.filter(pk=entry_id, status="pending"), to="waiting", **changes):
        return False
    row = Entry.objects.values_list("launch_id", "contact_kind", "canonical", named=True).get(pk=entry_id)
    trace(row.launch_id, entry_id, Trace.Act.CONFIRM, origin)
    lift_wish(address_keys(row.contact_kind, row.canonical), by=by)  # else their invitation would never reach them
    signals.entry_confirmed.announce([Said(f"entry:{entry_id}", {"launch": row.launch_id})], by=by)
    return True


def confirm_by_code(launch: Launch, contact: Contact, code: str, *, by: str, origin: Origin = NOWHERE) -> Entry:
    """Confirms with the 6 digits from the mail. Few tries a round, counted in the database; the mailed link still works.

    Not one transaction on purpose: a wrong try must be counted although the verb refuses.
    """
    entry = queries.entry_with(launch, contact)
    counted = count_try(launch, entry, by=by)
    if entry is None or not counted or not secrets.compare_digest(_code_now(entry), code.strip().encode()):
        raise Refused("code_wrong")
    confirm(entry.pk, by=by, origin=origin)
    forgive_tries(entry.pk)
    entry.refresh_from_db()
    return entry


def _code_now(entry: Entry) -> bytes:
    return tokens.confirm_code(entry.pk, entry.confirm_round).encode()


@verb
def count_try(launch: Launch, entry: Entry | None, *, by: str) -> bool:
    """Counts one try of the 6 digits; False when none is left in this round, or the round is too old, or nobody is there.

    An address that nobody has costs the same work, so that the time says nothing.
    """
    signals.digits_tried.announce([Said(about(launch, entry))], by=by)
    recent = timezone.now() - timedelta(hours=CONFIRM_CODE_HOURS)
    named = Entry.objects.filter(pk=entry.pk if entry else 0)
    open_round = named.filter(confirm_tries__lt=CONFIRM_TRIES, confirm_sent_at__gt=recent)
    return bool(open_round.update(confirm_tries=F("confirm_tries") + 1))


@verb
def forgive_tries(entry_id: int) -> None:
    """The right code was given: wrong tries before it count no more. It stays right, so that a retried call is answered alike."""
    Entry.objects.filter(pk=entry_id).update(confirm_tries=0)


@verb
def resend(launch: Launch, contact: Contact, *, by: str) -> None:
    """Writes to the mailbox again, whatever stands there; the caller learns nothing, not even by the time it takes.

    Who is pending gets a new round of digits, but only with a message that names them: else a stranger who asks often
    would take the digits away that were mailed last, and buy new tries at them.
    """
    entry = queries.entry_with(launch, contact)
    pending = entry is not None and entry.status == Entry.Status.PENDING
    owed = messages.answer_to_join(entry.pk, contact, pending, entry.confirm_round + 1) if entry else None
    written = owe([owed or messages.answer_to_nobody(contact)])
    Entry.objects.filter(pk=entry.pk if entry and written else 0, status="pending").update(**NEW_ROUND)
    signals.entry_resent.announce([Said(about(launch, entry))], by=by)


@verb
def confirm_again(entry_id: int) -> int:
    """Has a new confirmation with new digits written to who is pending; 0 where the address had enough messages today."""
    entry = Entry.objects.get(pk=entry_id)
    contact = Contact(entry.contact_kind, entry.contact, entry.canonical)
    owed = replace(messages.answer_to_join(entry_id, contact, True, entry.confirm_round + 1), cap=DAILY_CAP)
    written = owe([owed])
    Entry.objects.filter(pk=entry_id if written else 0, status="pending").update(**NEW_ROUND)
    return written


def about(launch: Launch, entry: Entry | None) -> str:
    """Whom the trail names: the launch, where nobody has the address that a stranger typed."""
    return f"entry:{entry.pk}" if entry else f"launch:{launch.pk}"
