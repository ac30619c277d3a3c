"""Who may be invited: the named predicate over a person and the launch's settings, and the same for the database. And what a
file may do to somebody who stands somewhere. Pure.

A moderator's yes always counts. Without it people are invited where approval is open, they have the points that the launch
asks for, and, where only vouched channels count, a friend or a source that somebody stands for brought them. A file moves
people forwards, never backwards, and only to what people decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import Q
from django.utils.translation import gettext_noop

from waitlist.models import Entry


class Asks(Protocol):
    """What a launch asks of who is invited."""

    approval: str
    approve_below: int
    vouched_only: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of a person who waits decides whether they need a moderator's yes."""

    is_approved: bool
    priority: int
    vouched: bool
    referred: bool


def asks_for_a_yes(launch: Asks) -> bool:
    """Whether anybody at all may need a moderator's yes."""
    return launch.approval == "manual" or launch.approve_below > 0 or launch.vouched_only


def needs_a_yes(launch: Asks, person: Waiting) -> bool:
    """Whether they are passed over until a moderator approves them."""
    if person.is_approved:
        return False
    from_afar = launch.vouched_only and not (person.vouched or person.referred)
    return launch.approval == "manual" or person.priority < launch.approve_below or from_afar


def may_be_invited(launch: Asks) -> Q:
    """The same for rows that wait, as the ORM reads it."""
    approved = Q(status="approved")
    if launch.approval == "manual":
        return approved
    free = Q(status="waiting", priority__gte=launch.approve_below)
    return approved | (free & (Q(vouched=True) | Q(referred_by__isnull=False)) if launch.vouched_only else free)


def allowed(launch: Asks) -> str:
    """The same for the statements in hot.py. Made of whole numbers and words of ours, never of anything typed."""
    if launch.approval == "manual":
        return "status = 'approved'"
    free = [f"priority >= {int(launch.approve_below)}"] if launch.approve_below else []
    free += ["(vouched OR referred_by_id IS NOT NULL)"] if launch.vouched_only else []
    waits = "status IN ('waiting', 'approved')"
    return f"{waits} AND (status = 'approved' OR ({' AND '.join(free)}))" if free else waits


BY_FILE = ("approved", "rejected", "blocked")  # what staff decide; the rest people do, or the day's quota
ORDER = ("pending", "waiting", "approved", "invited", "registered")
BACKWARDS = gettext_noop("Stands at “%(status)s” already; a status never goes back to “%(to)s”.")
NOT_BY_FILE = gettext_noop("No file makes somebody “%(to)s”; they stand at “%(status)s”.")
NOT_FROM_HERE = gettext_noop("Stands at “%(status)s”, from where nobody becomes “%(to)s”.")

Answer = tuple[str, str, Mapping[str, Any]]


def why_not(status: str, *, held: bool, to: str) -> Answer:
    """(verdict, sentence, its words): "changed" where a file may do it, "same" where it stands so, else "refused" and why."""
    if to in ("hold", "release"):
        return ("same", "", {}) if held == (to == "hold") else ("changed", "", {})
    if status == to:
        return "same", "", {}
    words = {"status": status, "to": to}
    if to in ORDER and status in ORDER and ORDER.index(to) < ORDER.index(status):
        return "refused", BACKWARDS, words
    if to not in BY_FILE:
        return "refused", NOT_BY_FILE, words
    if to not in Entry.MOVES[Entry.Status(status)]:
        return "refused", NOT_FROM_HERE, words
    return "changed", "", {}
