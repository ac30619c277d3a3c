"""The verbs of reservations: keep a use of a code for a person, mail what completes it, give it back when its time ran out."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from invites import messages, signals
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


@verb
def reserve(code_id: int, entry_id: int, contact: Contact, *, by: str) -> None:
    """Keeps one use for a person on the list and writes to their mailbox; the mailed link completes it."""
    made = keep_use(code_id, entry_id, RESERVED_FOR, by=by)
    owe([messages.complete(made, contact)])


@verb
def keep_use(code_id: int, entry_id: int, lasting: timedelta, *, by: str) -> Reservation:
    """Keeps one use for somebody on the list; the one that is kept for them already, if there is one."""
    Entry.objects.select_for_update(no_key=True).get(pk=entry_id)  # entries before codes, everywhere
    made = Reservation.objects.filter(code_id=code_id, entry_id=entry_id, status="open").first()
    if made is not None:
        return made
    open_uses = Code.objects.filter(pk=code_id, uses__lt=F("max_uses") - F("reserved"))
    if not open_uses.update(reserved=F("reserved") + 1):
        raise Refused(NOT_ACCEPTED, why="code_exhausted")
    made = Reservation.objects.create(code_id=code_id, entry_id=entry_id, expires_at=timezone.now() + lasting)
    signals.use_reserved.announce([Said(f"entry:{entry_id}", {"code": code_id, "reservation": made.pk})], by=by)
    return made


@verb
def remind_released(entry_ids: Sequence[int]) -> int:
    """A moderator let these people go: whose use of a code was kept meanwhile gets the mail that completes it. How many."""
    kept = Reservation.objects.filter(entry__in=entry_ids, status="open", expires_at__gt=Now()).select_related("entry")
    rows = list(kept.order_by("pk"))
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(expires_at=timezone.now() + COMPLETED_WITHIN)
    return owe([messages.complete(row, contact_of(row.entry)) for row in rows])


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
