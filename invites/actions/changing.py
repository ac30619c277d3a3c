"""Changes codes that were made: revoke, pause, resume, extend, and tell when their time ran out."""

from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from invites import signals
from invites.actions.inviting import CHUNK
from invites.actions.making import LONGEST_DAYS
from invites.models import Code
from outbox.facts import Said
from outbox.states import move, verb


@verb
def revoke(chosen: Q, reason: str, *, by: str) -> int:
    """Makes these codes useless for ever, at once; how many worked until now."""
    return _change_codes(chosen, "revoked", signals.code_revoked, reason, by=by)


@verb
def pause(chosen: Q, reason: str, *, by: str) -> int:
    """Switches these codes off for now; how many."""
    return _change_codes(chosen, "paused", signals.code_paused, reason, by=by)


@verb
def resume(chosen: Q, reason: str, *, by: str) -> int:
    """Switches paused codes on again; how many."""
    return _change_codes(chosen, "active", signals.code_resumed, reason, by=by)


def _change_codes(chosen: Q, to: str, fact: Any, reason: str, *, by: str) -> int:
    able = [str(start) for start, targets in Code.MOVES.items() if to in targets]
    locked = Code.objects.select_for_update(no_key=True).filter(chosen, status__in=able).order_by("pk")
    ids = list(locked.values_list("pk", flat=True))
    move(Code.objects.filter(pk__in=ids), to=to)
    fact.announce([Said(f"code:{pk}", {"reason": reason}) for pk in ids], by=by)
    return len(ids)


@verb
def extend(chosen: Q, days: int, reason: str, *, by: str) -> int:
    """Gives these codes more days, never past a year from when they were made; how many. It shortens none."""
    more, longest = timedelta(days=max(days, 0)), timedelta(days=LONGEST_DAYS)
    alive = Code.objects.select_for_update(no_key=True).filter(chosen).exclude(status="revoked").order_by("pk")
    ids = list(alive.filter(expires_at__lte=F("created_at") + longest - more).values_list("pk", flat=True))
    Code.objects.filter(pk__in=ids).update(expires_at=F("expires_at") + more, expiry_told=False)
    signals.code_extended.announce([Said(f"code:{pk}", {"days": days, "reason": reason}) for pk in ids], by=by)
    return len(ids)


@verb
def tell_expired(*, by: str = "system", limit: int = CHUNK) -> int:
    """Writes code.expired once for each code that ran out of time; how many."""
    late = Code.objects.select_for_update(skip_locked=True, no_key=True).filter(
        expiry_told=False, expires_at__lte=Now()
    )
    ids = list(late.order_by("pk").values_list("pk", flat=True)[:limit])
    Code.objects.filter(pk__in=ids).update(expiry_told=True)
    signals.code_expired.announce([Said(f"code:{pk}") for pk in ids], by=by)
    return len(ids)
