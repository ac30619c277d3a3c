"""The console's pages of entries (launches: launch_admin.py): state is read-only, every change a verb with a reason."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin
from unfold.contrib.import_export.forms import SelectableFieldsExportForm

from outbox.console import ReadOnly, Shown
from outbox.reasons import with_reason
from outbox.spreadsheets import SafeCSV
from waitlist import queries
from waitlist.actions import deciding, keeping
from waitlist.launch_admin import LaunchAdmin
from waitlist.models import Day, Entry, Points, SourceLink
from waitlist.resources import EntryResource

__all__ = ["EntryAdmin", "LaunchAdmin"]


class PointsInline(Shown):
    """Why the person stands where they stand."""

    model = Points
    fields = readonly_fields = ("points", "reason", "rule", "at")
    show_change_link = False


def on_people(title: Any, verb: Any) -> Any:
    """An action on the list of people, with the permission that bears the verb's name."""
    return with_reason(title, verb, f"waitlist.{verb.__name__}_entry", states=queries.states_of)


@admin.register(Entry)
class EntryAdmin(ExportMixin, ReadOnly):
    """People on the list."""

    resource_classes = (EntryResource,)
    formats = (SafeCSV,)
    export_form_class = SelectableFieldsExportForm
    list_display = ("contact", "name", "status", "held_at", "priority", "place", "source", "created_at")
    list_filter = ("launch", "status", ("held_at", admin.EmptyFieldListFilter), "persona", "source", "created_at")
    search_fields = ("=canonical", "=referral_code", "=id", "contact")
    list_select_related = ()
    inlines: ClassVar[tuple[Any, ...]] = (PointsInline,)  # the apps above add theirs
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
    readonly_fields: ClassVar[tuple[Any, ...]] = ("position", "acts")

    @admin.display(description=_("position now"))
    def position(self, entry: Entry) -> int | None:
        """The exact position at this moment."""
        return queries.position_of(entry)

    @admin.display(description=_("what can be done"))
    def acts(self, entry: Entry) -> str:
        """The way back to the list with this one person in it: there are the actions."""
        page = f"{reverse('admin:waitlist_entry_changelist')}?{urlencode({'q': entry.pk})}"
        return format_html(
            '<a href="{}">{}</a>', page, _("Hold, release, reject and the rest, each with a reason: in the list")
        )

    def has_export_permission(self, request: HttpRequest) -> bool:
        """An export holds personal data: a permission of its own."""
        return request.user.has_perm("waitlist.export_entry")

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: QuerySet[Entry], **kwargs: Any) -> Any:
        """The file; the trail keeps who took it and how many people it holds."""
        keeping.note_export(queryset.count(), by=f"staff:{request.user.pk}")
        return super().get_export_data(file_format, request, queryset, **kwargs)


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
