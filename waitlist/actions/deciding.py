"""What a moderator, or the person themselves, decides about an entry: yes, no, later, or not now."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import StaleState, move, sources, verb
from waitlist import signals
from waitlist.actions.joining import NEW_PLACE
from waitlist.models import Entry, Launch


@verb
def leave(entry: Entry, *, by: str, reason: str = "left") -> None:
    """The person goes, by their own wish."""
    _remove([entry.pk], "left", reason, by=by, only_one=True)


@verb
def reject(ids: Sequence[int], reason: str, *, by: str) -> int:
    """A moderator says no; how many entries it was said to."""
    return _remove(ids, "rejected", reason, by=by)


@verb
def block(ids: Sequence[int], reason: str, *, by: str) -> int:
    """A moderator says no, for abuse; how many entries it was said to."""
    return _remove(ids, "blocked", reason, by=by)


def _remove(ids: Sequence[int], to: str, reason: str, *, by: str, only_one: bool = False) -> int:
    moved = _moved(ids, to)
    if only_one and not moved:
        raise StaleState(f"This entry cannot become {to} from where it stands.")
    said = [Said(f"entry:{pk}", {"status": to, "reason": reason}) for pk in moved]
    signals.entry_removed.announce(said, by=by)
    return len(moved)


def _moved(ids: Sequence[int], to: str, **changes: Any) -> list[int]:
    """Moves who may be moved, in the order of their ids, and tells whom: locked first, so the list is exact."""
    able = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, status__in=sources(Entry, to)).order_by("pk")
    locked = list(able.values_list("pk", flat=True))
    move(Entry.objects.filter(pk__in=locked), to=to, **changes)
    return locked


def lock_launches_of(ids: Sequence[int]) -> None:
    """Locks the launches of these people, and none of themselves: that is done after, in the order of their ids."""
    launches = Launch.objects.select_for_update(no_key=True, of=("self",)).filter(entry__in=ids)
    list(launches.order_by("pk").values_list("pk"))


@verb
def approve(ids: Sequence[int], reason: str, *, by: str) -> int:
    """A moderator says yes; where only approved people are invited, this makes them eligible. How many."""
    # Where approval invites at once the day's quota follows: the launch is locked before the entries, as everywhere.
    lock_launches_of(ids)
    moved = _moved(ids, "approved")
    signals.entry_approved.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in moved], by=by)
    return len(moved)


@verb
def appeal(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Puts rejected and blocked people back: into the queue, or, who never confirmed, to before it; how many."""
    able = (
        Entry.objects.filter(pk__in=ids, status__in=["rejected", "blocked"])
        .select_for_update(no_key=True)
        .order_by("pk")
    )
    locked = list(able.values_list("pk", flat=True))
    back = Entry.objects.filter(pk__in=locked)
    move(back.filter(confirmed_at__isnull=True, launch__confirm_contact=True), to="pending")
    move(back.filter(status__in=["rejected", "blocked"]), to="waiting", place=Coalesce(F("place"), NEW_PLACE))
    signals.entry_appealed.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in locked], by=by)
    return len(locked)


@verb
def hold(ids: Sequence[int], reason: str, *, by: str) -> int:
    """The brake: these people are passed over until released; how many it was put on. A person's hold takes over a rule's."""
    able = Q(held_at__isnull=True) | (~Q(held_by__startswith="staff:") if by.startswith("staff:") else Q())
    free = Entry.objects.select_for_update(no_key=True).filter(able, pk__in=ids).order_by("pk")
    held = list(free.values_list("pk", flat=True))
    Entry.objects.filter(pk__in=held).update(held_at=Now(), held_by=by, held_reason=reason)
    signals.entry_held.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in held], by=by)
    return len(held)


@verb
def release(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Takes the brake off; how many were held."""
    held = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, held_at__isnull=False).order_by("pk")
    freed = list(held.values_list("pk", flat=True))
    Entry.objects.filter(pk__in=freed).update(held_at=None, held_by="", held_reason="")
    signals.entry_released.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in freed], by=by)
    return len(freed)


@verb
def suspend(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Takes registered people's access away for now; how many."""
    moved = _moved(ids, "suspended")
    signals.entry_suspended.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in moved], by=by)
    return len(moved)


@verb
def restore(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Gives suspended people's access back; how many."""
    suspended = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, status="suspended").order_by("pk")
    moved = list(suspended.values_list("pk", flat=True))
    move(Entry.objects.filter(pk__in=moved), to="registered")
    signals.entry_restored.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in moved], by=by)
    return len(moved)


@verb
def defer(entry: Entry, until: datetime, *, by: str) -> None:
    """The person asks to be passed over until then, keeping their place."""
    if not timezone.now() < until < timezone.now() + timedelta(days=365):
        raise Refused("defer_out_of_range")
    waiting = Entry.objects.filter(pk=entry.pk, status__in=["pending", "waiting", "approved"])
    if not waiting.update(deferred_until=until):
        raise StaleState("Only somebody who waits can ask to be passed over.")
    signals.entry_deferred.announce([Said(f"entry:{entry.pk}", {"until": until.isoformat()})], by=by)
