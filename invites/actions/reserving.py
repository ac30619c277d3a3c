"""The verbs of reservations: keep a use of a code for a person on the list, mail what completes it, take it, sweep it up."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from invites import messages, queries, signals
from invites.models import Code, Reservation
from invites.policy import NOT_ACCEPTED
from outbox.actions import owe
from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import move, verb
from waitlist.channels import Contact
from waitlist.models import Entry

RESERVED_FOR = timedelta(hours=1)
REVIEWED_FOR = timedelta(days=14)  # so long a use is kept for who waits for a moderator's look
COMPLETED_WITHIN = timedelta(days=3)  # so long the mail works that a moderator's release sends
FORGOTTEN = {"contact_kind": "", "contact": "", "canonical": ""}
FORGOTTEN_AFTER = timedelta(days=1)  # so long a retried call finds the answer it had


@verb
def reserve(code_id: int, entry_id: int, contact: Contact, *, network: str | None, by: str) -> None:
    """Keeps one use for a person on the list and writes to their mailbox; the mailed link completes it."""
    made = keep_use(code_id, entry_id, RESERVED_FOR, network=network, by=by)
    owe([messages.complete(made, contact)])


@verb
def keep_use(code_id: int, entry_id: int, lasting: timedelta, *, network: str | None, by: str) -> Reservation:
    """Keeps one use for somebody on the list; the one that is kept for them already, if there is one."""
    entry = Entry.objects.select_for_update(no_key=True).get(pk=entry_id)  # entries before codes, everywhere
    made = Reservation.objects.filter(code_id=code_id, entry_id=entry_id, status="open").first()
    if made is not None:
        return made
    ends = timezone.now() + lasting
    if open_uses(code_id).update(reserved=F("reserved") + 1):
        made = Reservation.objects.create(code_id=code_id, entry_id=entry_id, expires_at=ends)
    else:
        made = _made_over(code_id, entry, ends)
    data = {"code": code_id, "reservation": made.pk, "place": queries.place_of(network)}
    signals.use_reserved.announce([Said(f"entry:{entry_id}", data)], by=by)
    return made


def open_uses(code_id: int) -> QuerySet[Code]:
    """The code, if it has a use that is neither spent nor kept."""
    return Code.objects.filter(pk=code_id, uses__lt=F("max_uses") - F("reserved"))


def _made_over(code_id: int, entry: Entry, ends: datetime) -> Reservation:
    """The last use may be kept for this very contact (invites/actions/keeping.py): then it is theirs as a person of the list."""
    kept = queries.kept_for(code_id, contact_of(entry)).filter(entry=None)
    if not Reservation.objects.filter(pk__in=kept, status="open").update(entry=entry, expires_at=ends, **FORGOTTEN):
        raise Refused(NOT_ACCEPTED, why="code_exhausted")
    return Reservation.objects.get(code_id=code_id, entry=entry, status="open")


@verb
def take_kept(code_id: int, contact: Contact, entry_id: int) -> int:
    """What is kept of a code for a contact is theirs to spend, in this transaction; how many uses."""
    kept = queries.kept_for(code_id, contact).values_list("pk", flat=True)
    taken = move(Reservation.objects.filter(pk__in=list(kept)), to="committed", entry=entry_id)
    Code.objects.filter(pk=code_id).update(reserved=F("reserved") - taken)
    return taken


@verb
def remind_released(entry_ids: Sequence[int]) -> int:
    """A moderator let these people go: whose use of a code was kept meanwhile gets the mail that completes it. How many."""
    kept = Reservation.objects.filter(entry__in=entry_ids, status="open", expires_at__gt=Now()).select_related("entry")
    rows = list(kept.order_by("pk"))
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(expires_at=timezone.now() + COMPLETED_WITHIN)
    return owe([messages.complete(row, contact_of(row.person)) for row in rows])


def contact_of(entry: Entry) -> Contact:
    """How this person is reached."""
    return Contact(entry.contact_kind, entry.contact, entry.canonical)


@verb
def sweep_reservations(*, by: str) -> int:
    """Gives back the uses whose time ran out; how many."""
    late = Reservation.objects.select_for_update(skip_locked=True).filter(status="open", expires_at__lte=Now())
    rows = list(late.order_by("code_id").values_list("pk", "code_id"))
    move(Reservation.objects.filter(pk__in=[pk for pk, _code in rows]), to="released")
    for _pk, code_id in rows:
        Code.objects.filter(pk=code_id).update(reserved=F("reserved") - 1)
    return len(rows)


@verb
def forget_contacts() -> int:
    """Takes the addresses out of what ran out a day ago: nobody may have been put on a list for it. How many."""
    over = Reservation.objects.exclude(canonical="").exclude(status="open")
    return over.filter(expires_at__lte=timezone.now() - FORGOTTEN_AFTER).update(**FORGOTTEN)
