"""How an address is shown to staff: in full to who has the permission, else just so far that people can be told apart."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

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


def column(user: Any, name: str, title: Any) -> Callable[[Any], str | None]:
    """A column for the list of one request: who `name` is, as far as `user` may see, and the way to their page."""

    @admin.display(
        description=title, ordering=f"{name}__contact" if may(user, NEEDS) else f"{name}_id", empty_value="–"
    )
    def shown(row: Any) -> str | None:
        entry = getattr(row, name)
        if entry is None:
            return None
        page = reverse("admin:waitlist_entry_change", args=[entry.pk])
        return format_html('<a href="{}">{}</a>', page, contact_for(user, entry))

    return shown


class ShowsPeople:
    """A page with people on it. It is shared by all requests, so who looks is asked anew for each."""

    people: ClassVar[Mapping[str, Any]] = {}  # of the list: the foreign key, to the column's title
    spelt: ClassVar[tuple[str, ...]] = (
        "contact",
        "canonical",
    )  # the columns that spell an address, where there are such

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The columns; those that name people as the caller may see them."""
        listed = super().get_list_display(request)  # type: ignore[misc]
        return tuple(column(request.user, one, self.people[one]) if one in self.people else one for one in listed)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Whoever sees no address in full does not see the columns that spell one."""
        named = super().get_fields(request, obj)  # type: ignore[misc]
        return [name for name in named if name not in self.spelt or may(request.user, NEEDS)]

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """A part of an address finds people for who may see addresses: others could ask for it letter by letter."""
        found = super().get_search_fields(request)  # type: ignore[misc]
        return tuple(name for name in found if name.startswith("=") or may(request.user, NEEDS))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """The same for what is typed into the address of the list."""
        if lookup.partition("__")[0] in self.spelt and not may(request.user, NEEDS):
            return False
        return bool(super().lookup_allowed(lookup, value, request))  # type: ignore[misc]
