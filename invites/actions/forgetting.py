"""What invites forget of somebody who is erased. Numbers of uses stay."""

from collections.abc import Sequence

from django.db.models import F, Q

from invites.actions import changing, inviting
from invites.actions.reserving import FORGOTTEN
from invites.models import Attempt, Code, ContainmentPart, Invite, Redemption, Reservation
from outbox.actions import forget_deliveries
from outbox.keys import address_keys
from outbox.states import move, verb
from waitlist.models import Entry


@verb
def forget(people: Sequence[Entry], *, by: str) -> None:
    """Ends the codes they hold and could give away, and takes addresses, networks and devices out of what they did."""
    ids = [one.pk for one in people]
    keys = [key for one in people for key in address_keys(one.contact_kind, one.canonical)]
    inviting.revoke_invites_of(ids, by=by)
    bound = Q(pk__in=list(Code.objects.filter(~Q(kind="waitlist"), bound_key__in=keys).values_list("pk", flat=True)))
    changing.revoke(bound | Q(owner__in=ids, uses=0), "its owner was erased", by=by)
    Code.objects.filter(bound | Q(invite__entry__in=ids)).update(bound_key=None)
    Redemption.objects.filter(entry__in=ids).update(network=None, user_agent="")
    Attempt.objects.filter(address_key__in=keys).update(address_key=None, network=None, user_agent="", device="")
    kept = _forget_reservations(people)
    subjects = [f"invite:{pk}" for pk in Invite.objects.filter(entry__in=ids).values_list("pk", flat=True)]
    # After a leak they were written to about the new code, which may have followed other codes since.
    fresh = ContainmentPart.objects.filter(entry__in=ids, fresh__isnull=False).values_list("fresh", flat=True)
    forget_deliveries([*subjects, *(f"reservation:{pk}" for pk in kept), *(f"code:{pk}" for pk in fresh)])


def _forget_reservations(people: Sequence[Entry]) -> list[int]:
    theirs = Q(entry__in=[one.pk for one in people])
    for one in people:
        theirs |= Q(contact_kind=one.contact_kind, canonical=one.canonical)
    rows = list(Reservation.objects.select_for_update().filter(theirs).order_by("code_id"))
    still = [row for row in rows if row.status == Reservation.Status.OPEN]
    move(Reservation.objects.filter(pk__in=[row.pk for row in still]), to="released")
    for row in still:
        Code.objects.filter(pk=row.code_id).update(reserved=F("reserved") - 1)
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(**FORGOTTEN)
    return [row.pk for row in rows]
