"""How an address is shown to staff: in full to who has the permission, else just so far that people can be told apart."""

from typing import Any

from outbox.console import may
from waitlist.models import Entry

NEEDS = "waitlist.contact_entry"


def contact_for(user: Any, entry: Entry) -> str:
    """The address or number as `user` may see it."""
    return entry.contact if may(user, NEEDS) else masked(entry.contact)


def masked(contact: str) -> str:
    """The first letters of an address and its domain ("ad…@ex…"), the last two digits of a number ("…42")."""
    name, at, domain = contact.rpartition("@")
    return f"{name[:2]}…@{domain[:2]}…" if at else f"…{contact[-2:]}"
