"""What a file may do to somebody who stands somewhere: forwards, never backwards, and only what people decide. Pure."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from waitlist.models import Entry

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
