"""The console's pages of launches and entries: state is read-only, every change a verb with a reason."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from outbox import registry
from outbox.console import LatelySeen, Page, ReadOnly, may
from outbox.exports import Exported
from outbox.reasons import with_reason
from waitlist import queries
from waitlist.actions import deciding, reviewing, tuning
from waitlist.models import Day, Entry, Launch, PointsWeight, SourceLink
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
registry.works["waitlist.let_in_entry"] = registry.Work(_("Approve and let go"), reviewing.let_in, queries.states_of)


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


class WeightInline(TabularInline):
    """The points of the rules, where the launch differs from the defaults, and where its table B differs from A."""

    model = PointsWeight
    fields = ("arm", "rule", "key", "points")
    ordering = ("arm", "rule", "key")
    extra = 0
    verbose_name = _("points of a rule")
    verbose_name_plural = _(
        "points of the rules: rows of table A say where this launch differs from the defaults, rows of table B where B "
        "differs from A (it scores the trial share of people; without rows it scores as A does)"
    )


@admin.register(Launch)
class LaunchAdmin(Page):
    """What owners tune. Every change is a fact."""

    actions: tuple[Any, ...] = ()

    list_display: tuple[Any, ...] = ("name", "slug", "enabled", "mode", "approval", "daily_quota", "time_zone")
    readonly_fields: ClassVar[tuple[Any, ...]] = ("created_at",)
    inlines: ClassVar[tuple[Any, ...]] = (WeightInline,)

    def save_model(self, request: HttpRequest, obj: Launch, form: Any, change: bool) -> None:
        by = f"staff:{request.user.pk}"
        if change:
            tuning.tune(obj, {name: form.cleaned_data[name] for name in form.changed_data}, by=by)
        else:
            made = tuning.make_launch(by=by, **form.cleaned_data)
            obj.pk = made.pk

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is not PointsWeight:
            super().save_formset(request, form, formset, change)
            return
        by = f"staff:{request.user.pk}"
        weights = formset.save(commit=False)
        renamed = [weight.pk for weight, fields in formset.changed_objects if set(fields) - {"points"}]
        for weight in [*formset.deleted_objects, *PointsWeight.objects.filter(pk__in=renamed)]:
            tuning.unweigh(weight, by=by)
        for weight in weights:
            tuning.weigh(weight.launch, weight.rule, weight.key, weight.points, by=by, arm=weight.arm)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
