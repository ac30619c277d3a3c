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
SPELT = ("contact", "canonical")  # the columns that spell an address: no search or filter may ask them letter by letter


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
    """A list with columns that name people. A page is shared by all requests, so who looks is asked anew for each."""

    people: ClassVar[Mapping[str, Any]] = {}  # the foreign key, to the column's title

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The columns; those that name people as the caller may see them."""
        listed = super().get_list_display(request)  # type: ignore[misc]
        return tuple(column(request.user, one, self.people[one]) if one in self.people else one for one in listed)
