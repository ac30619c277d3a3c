"""Who did what, as staff read it: "staff:5" is a colleague's address, "quality" the rules."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User

KINDS: dict[str, Promise] = {
    "quality": gettext_lazy("the rules"),
    "public": gettext_lazy("somebody at the public pages"),
    "person": gettext_lazy("the person"),
    "key": gettext_lazy("a program with an API key"),
    "system": gettext_lazy("the system"),
}
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


def named(actors: Iterable[str]) -> dict[str, str]:
    """The name of each actor; one query."""
    asked = set(actors)
    staff = {by.partition(":")[2] for by in asked if by.startswith("staff:")}
    users = {str(one.pk): one for one in User.objects.filter(pk__in=[pk for pk in staff if pk.isdecimal()])}
    return {by: _name(by, users) for by in asked}


def _name(by: str, users: Mapping[str, User]) -> str:
    kind, _colon, pk = by.partition(":")
    if kind == "staff":
        return str(users.get(pk, by))
    return str(KINDS.get(kind, by))


def news(moved: Mapping[int, Any]) -> dict[int, str]:
    """What somebody decided about these people first: who, what, when and why (rows of waitlist.queries.last_decided)."""
    names = named(row.by for row in moved.values()) if moved else {}
    return {pk: _sentence(row, names[row.by]) for pk, row in moved.items()}


def _sentence(row: Any, who: str) -> str:
    what = str(NEWS.get(row.status or row.kind, row.kind)) % {"who": who}
    at = date_format(localtime(row.at), "H:i")
    said = _("%(what)s at %(at)s UTC") % {"what": what, "at": at}
    return f"{said} ({row.reason})" if row.reason else said
