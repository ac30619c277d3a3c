"""Who may use a code, beyond what the code itself says. Pure."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from waitlist.models import Launch

NOT_ACCEPTED = "invite_not_accepted"  # the one word for every reason; why in truth stands in the trail

# Entries that no code lets in; the caller reads the same answer as for a bad code.
TURNED_AWAY = frozenset({"rejected", "blocked", "suspended"})
RULES = "quality"  # who holds whom the rules suspect


def why_out(status: str | None, *, held: bool) -> str | None:
    """Why nobody who stands so may come in, or None."""
    if status in TURNED_AWAY:
        return f"entry_{status}"
    return "entry_held" if held and status != "registered" else None


def turned_away(found: Any) -> str | None:
    """Why the person behind the contact may not come in, or None."""
    return why_out(found.entry_status, held=found.entry_held)


def is_in_review(found: Any) -> bool:
    """Whether only the rules keep this person out, until a moderator has looked: meanwhile they read what everybody reads."""
    return turned_away(found) == "entry_held" and found.held_by == RULES


def refusal(found: Any) -> str | None:
    """Why the code lets nobody in, or not this person; None when it does, and for who is in review."""
    if found.id is None:
        return "code_unknown"
    return str(found.refusal) if found.refusal else None if is_in_review(found) else turned_away(found)


def is_answered_alike(found: Any, *, proven: bool) -> bool:
    """Whether somebody who is in already reads what they read when they came in; nothing is spent then.

    A code that lets nobody in any more must not tell a stranger who is in: then only the retried call is answered, which
    comes with the same code from where it was used.
    """
    if not found.id or found.entry_status != "registered":
        return False
    return proven or not found.refusal or bool(found.redemption_id and found.from_here)


def must_prove_mailbox(found: Any, *, proven: bool) -> bool:
    """A contact on the list, and a code that anybody may hold: the mailbox must agree before a stranger's place is spent.

    A code bound to this very address was only ever sent there, so holding it is the proof.
    """
    return found.entry_id is not None and not proven and not found.bound


def is_release_day(release_days: list[int], iso_weekday: int) -> bool:
    """Whether batches go out on that weekday; no days named means every day."""
    return not release_days or iso_weekday in release_days


def is_release_time(launch: Launch, now: datetime) -> bool:
    """Whether the launch's daily batch is due: on a release day, from its local hour on, however late the scheduler looks.

    A launch that was made after the hour begins with the next day.
    """
    local = now.astimezone(ZoneInfo(launch.time_zone))
    hour = local.replace(hour=launch.release_hour, minute=0, second=0, microsecond=0)
    return is_release_day(launch.release_days, local.isoweekday()) and launch.created_at <= hour <= local
