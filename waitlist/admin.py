"""The console's pages of entries (launches: launch_admin.py): state is read-only, every change a verb with a reason."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from outbox import registry
from outbox.console import LatelySeen, ReadOnly, may
from outbox.exports import Exported
from outbox.reasons import with_reason
from waitlist import queries
from waitlist.actions import deciding, reviewing
from waitlist.launch_admin import LaunchAdmin
from waitlist.models import Day, Entry, SourceLink
from waitlist.resources import EntryResource
from waitlist.shown import NEEDS, ShowsPeople, contact_for

# What each verb announces, and what takes it back. Nothing takes an approval back: whom it let in is in.
OPPOSITES = {
    "hold": ("entry.held", "release"),
    "release": ("entry.released", "hold"),
    "reject": ("entry.removed", "appeal"),
    "block": ("entry.removed", "appeal"),
    "suspend": ("entry.suspended", "restore"),
    "restore": ("entry.restored", "suspend"),
}

registry.words |= dict(Entry.Status.choices) | {
    "held": _("held"),
    "launch_closed": _("their launch takes nobody in at the moment"),
    "defer_out_of_range": _("the time lies too far away"),
}

__all__ = ["EntryAdmin", "LaunchAdmin"]


def address(user: Any) -> Callable[[Entry], str]:
    """The column of the address, for the page of one request."""

    @admin.display(description=_("contact"), ordering="contact" if may(user, NEEDS) else None)
    def shown(entry: Entry) -> str:
        return contact_for(user, entry)

    return shown


def on_people(title: Any, verb: Any) -> Any:
    """An action on the list of people, with the permission that bears the verb's name."""
    kind, opposite = OPPOSITES.get(verb.__name__, ("", ""))
    return with_reason(
        title,
        verb,
        f"waitlist.{verb.__name__}_entry",
        states=queries.states_of,
        opposite=f"waitlist.{opposite}_entry" if opposite else "",
        still_so=partial(queries.still_so, kind=kind) if kind else None,
    )


# The yes of the review queue, which takes the brake off as well.
registry.works["waitlist.let_in_entry"] = registry.Work(
    _("Approve and let go"),
    reviewing.let_in,
    queries.states_of,
    needs=("waitlist.approve_entry", "waitlist.release_entry"),
)


@admin.register(Entry)
class EntryAdmin(ShowsPeople, Exported):
    """The list of people. Each has a page that shows several apps: config/person."""

    spelt = (*ShowsPeople.spelt, "user", "host_user_id")  # a log-in is known by its address, and so may the host's be
    resource = EntryResource
    export_needs = "waitlist.export_entry"
    import_kind = "entries"
    export_columns_need: ClassVar[dict[str, str]] = {"contact": NEEDS}
    list_display = ("contact", "name", "status", "held_at", "priority", "place", "source", "created_at")
    list_filter: ClassVar[tuple[Any, ...]] = (
        "launch",
        "status",
        ("held_at", admin.EmptyFieldListFilter),
        ("persona", LatelySeen),
        ("source", LatelySeen),
        "created_at",
    )
    search_fields = ("=canonical", "=referral_code", "=id")
    list_select_related = ()
    ordering = ("-created_at",)  # by an index that every filter of time walks too
    actions: tuple[Any, ...] = (
        on_people(_("Approve"), deciding.approve),
        on_people(_("Hold"), deciding.hold),
        on_people(_("Release from hold"), deciding.release),
        on_people(_("Reject"), deciding.reject),
        on_people(_("Block"), deciding.block),
        on_people(_("Put back into the queue"), deciding.appeal),
        on_people(_("Suspend access"), deciding.suspend),
        on_people(_("Restore access"), deciding.restore),
    )

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The address as the caller may see it."""
        return (address(request.user), *(name for name in super().get_list_display(request) if name != "contact"))


@admin.register(Day)
class DayAdmin(ReadOnly):
    """How many were let in on each local date."""

    list_display = ("launch", "date", "granted")
    list_filter = ("launch",)
    ordering = ("-date",)


@admin.register(SourceLink)
class SourceLinkAdmin(ReadOnly):
    """Links that vouch for a source; made with `manage.py source_link`."""

    list_display = ("source", "launch", "used", "cap", "expires_at")
