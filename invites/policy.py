"""Who may use a code, beyond what the code itself says. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invites.codes import fold
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


# Chosen words: public by nature, and still not what anybody would try first.
SHORTEST_VANITY, FEWEST_DIFFERENT = 6, 4
TRIED_FIRST = frozenset(
    fold(word)
    for word in (
        *("welcome", "invite", "invited", "invitation", "beta", "launch", "access", "early", "earlyaccess", "friend"),
        *("friends", "password", "secret", "letmein", "qwerty", "abcdef", "admin", "testing", "promo", "vipaccess"),
    )
)
BARE_FIRST = frozenset(word.rstrip("0123456789") for word in TRIED_FIRST)


def vanity_refusal(folded: str) -> Promise | None:
    """Why that word may not be a code, or None. A year or a number at its end makes it no harder to guess."""
    if len(folded) < SHORTEST_VANITY:
        return _("A chosen word has at least six letters A to Z and digits.")
    if folded.isdigit() or len(set(folded)) < FEWEST_DIFFERENT:
        return _("Digits alone, or the same few letters again and again, are what strangers try first.")
    if folded.rstrip("0123456789") in BARE_FIRST or folded in TRIED_FIRST:
        return _("This is what strangers try first. Choose a word that belongs to you.")
    return None


TAKEN_WITHIN = timedelta(minutes=15)


def may_take(by: str, made_by: str, ready_at: datetime | None, taken_at: datetime | None, now: datetime) -> bool:
    """Whether they may take the codes away: who made them, once, within a quarter of an hour of the last one."""
    return by == made_by and taken_at is None and ready_at is not None and now < ready_at + TAKEN_WITHIN


FEWEST = 5  # people; a smaller number could be somebody


def veiled(numbers: Sequence[int]) -> tuple[list[int | None], int | None]:
    """The numbers and their sum as a partner may see them: None where fewer than five people would be told of.

    What is hidden cannot be had by taking the others from the sum: the hidden ones make five or more together, and are two
    or more, or else the sum is hidden as well.
    """
    hidden = {at for at, number in enumerate(numbers) if 0 < number < FEWEST}
    shown = sorted((number, at) for at, number in enumerate(numbers) if number >= FEWEST)
    while hidden and shown and (len(hidden) < 2 or sum(numbers[at] for at in hidden) < FEWEST):
        hidden.add(shown.pop(0)[1])
    kept = [None if at in hidden else number for at, number in enumerate(numbers)]
    safe = not hidden or (len(hidden) > 1 and sum(numbers[at] for at in hidden) >= FEWEST)
    return kept, sum(numbers) if safe else None


def share_of(sums: Mapping[str, int], part: str, whole: str) -> float | None:
    """The part of the whole, or None of nobody."""
    return sums[part] / sums[whole] if sums[whole] else None
