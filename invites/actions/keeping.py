"""Keeps a use of a code for a contact while somebody else's sign-up is under way: keep, commit, give back.

Whoever asks learns nothing of the contact: on the list, in already or unknown, the answer is the same, and nobody is put
on the list for it. Who they are is asked when the use is committed, by a product with a key.
"""

from datetime import timedelta
from uuid import uuid4

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from invites import policy, queries, signals
from invites.actions import redeeming, reserving
from invites.actions.redeeming import Ask, Redeemed
from invites.models import Code, Reservation
from invites.policy import NOT_ACCEPTED
from outbox.callers import Origin
from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import StaleState, move, verb
from waitlist.channels import Contact
from waitlist.models import Launch

KEPT_FOR = timedelta(minutes=15)


def keep(launch: Launch, ask: Ask, *, by: str) -> Reservation:
    """Keeps one use for the contact; asked again while it is open, the same one. Raises Refused as redeeming does.

    Not one transaction: what was refused is rolled back, and the trace of the refusal is written after it.
    """
    try:
        return _keep(launch, ask, by=by)
    except Refused as refused:
        redeeming.note_attempt(launch, ask, refused.why)
        raise


def _keep(launch: Launch, ask: Ask, *, by: str) -> Reservation:
    if not launch.enabled:
        raise Refused("launch_closed")
    found = redeeming.look(launch, ask)
    if refusal := policy.refusal(found):
        raise Refused(NOT_ACCEPTED, why=refusal)
    return _kept(found.id, ask, by=by)


@verb
def _kept(code_id: int, ask: Ask, *, by: str) -> Reservation:
    contact = ask.contact
    asked = Reservation.objects.filter(
        code_id=code_id, contact_kind=contact.kind, canonical=contact.canonical, status="open"
    )
    if move(asked.filter(expires_at__lte=Now()), to="released"):  # ran out, and is not swept up yet
        Code.objects.filter(pk=code_id).update(reserved=F("reserved") - 1)
    found = asked.first()
    if found is not None:
        return found
    _lock(code_id)  # of two calls at once for one contact the second finds what the first made
    return asked.first() or _made(code_id, ask, by=by)


def _lock(code_id: int) -> None:
    Code.objects.select_for_update(no_key=True).get(pk=code_id)


def _made(code_id: int, ask: Ask, *, by: str) -> Reservation:
    contact = ask.contact
    if not reserving.open_uses(code_id).update(reserved=F("reserved") + 1):
        raise Refused(NOT_ACCEPTED, why="code_exhausted")
    made = Reservation.objects.create(
        code_id=code_id,
        hold_id=uuid4(),
        contact_kind=contact.kind,
        contact=contact.as_typed,
        canonical=contact.canonical,
        expires_at=timezone.now() + KEPT_FOR,
    )
    data = {"reservation": made.pk, "place": queries.place_of(ask.origin.network)}
    signals.use_kept.announce([Said(f"code:{code_id}", data)], by=by)
    return made


def commit(kept: Reservation, *, host_user_id: str, origin: Origin, by: str) -> Redeemed:
    """The contact comes in with the use that is kept for them: a redemption, judged like any other. Raises Refused.

    Who is in already spends nothing, and whom the rules hold or turn away has no use kept by this name any more.
    """
    if kept.status == Reservation.Status.RELEASED and kept.entry is None:
        raise Refused(NOT_ACCEPTED, why="reservation_lapsed")
    ask = Ask(contact_of(kept), kept_code=kept.code_id, host_user_id=host_user_id, origin=origin, proven=True)
    redeemed = redeeming.redeem(kept.code.launch, ask, by=by)
    if redeemed.already or redeemed.caught:
        _give_back(kept, redeemed.entry_id, by=by)
    return redeemed


def contact_of(kept: Reservation) -> Contact:
    """For whom it is kept, or was: as they were named, or as a person on the list is; nobody, once it is long over."""
    if kept.entry and not kept.canonical:
        return reserving.contact_of(kept.entry)
    return Contact(kept.contact_kind, kept.contact, kept.canonical)


def give_back(kept: Reservation, *, by: str) -> None:
    """The use is free again, once. Raises StaleState when it was spent."""
    if not _give_back(kept, 0, by=by) and Reservation.objects.filter(pk=kept.pk, status="committed").exists():
        raise StaleState("This use was spent; there is nothing to give back.")


@verb
def _give_back(kept: Reservation, entry_id: int, *, by: str) -> bool:
    """Frees the use unless it was spent, freed, or made over to a person on the list; whose it was is kept by the entry's id."""
    still = Reservation.objects.filter(pk=kept.pk, entry=None)
    if not move(still, to="released", entry=entry_id or None):
        return False
    Code.objects.filter(pk=kept.code_id).update(reserved=F("reserved") - 1)
    signals.use_given_back.announce([Said(f"code:{kept.code_id}", {"reservation": kept.pk})], by=by)
    return True
