"""What somebody decided first, as the one who came second reads it."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actors import named

# What each event that moves a person says of it; `%(who)s` did it.
NEWS: dict[str, Promise] = {
    "entry.held": gettext_lazy("%(who)s held them"),
    "entry.released": gettext_lazy("%(who)s let them go"),
    "entry.approved": gettext_lazy("%(who)s approved them"),
    "entry.appealed": gettext_lazy("%(who)s put them back"),
    "entry.suspended": gettext_lazy("%(who)s suspended their access"),
    "entry.restored": gettext_lazy("%(who)s gave their access back"),
    "entry.invited": gettext_lazy("%(who)s invited them"),
    "entry.registered": gettext_lazy("they came in"),
    "entry.confirmed": gettext_lazy("they confirmed their address"),
    "entry.returned": gettext_lazy("their invite lapsed"),
    "entry.joined": gettext_lazy("they joined again"),
    "rejected": gettext_lazy("%(who)s rejected them"),
    "blocked": gettext_lazy("%(who)s blocked them"),
    "left": gettext_lazy("they left"),
}


def told(moved: Mapping[int, Any]) -> dict[int, str]:
    """What somebody decided about these people first: who, what, when and why (rows of waitlist.queries.last_decided)."""
    names = named(row.by for row in moved.values()) if moved else {}
    return {pk: _sentence(row, names[row.by]) for pk, row in moved.items()}


def _sentence(row: Any, who: str) -> str:
    what = str(NEWS.get(row.status or row.kind, row.kind)) % {"who": who}
    at = date_format(localtime(row.at), "H:i")
    said = _("%(what)s at %(at)s UTC") % {"what": what, "at": at}
    return f"{said} ({row.reason})" if row.reason else said
