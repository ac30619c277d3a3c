"""Who may be invited: the named predicate over a person and the launch's settings, and the same for the database. Pure.

A moderator's yes always counts. Without it people are invited where approval is open, they have the points that the launch
asks for, and, where only vouched channels count, a friend or a source that somebody stands for brought them.
"""

from dataclasses import dataclass
from typing import Protocol

from django.db.models import Q


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
