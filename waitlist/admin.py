"""The console's pages of launches and entries: state is read-only, every change a verb with a reason."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from import_export.admin import ExportMixin

from outbox.errors import Refused
from outbox.spreadsheets import SafeCSV
from outbox.states import StaleState
from waitlist import actions, queries
from waitlist.models import Day, Entry, Launch, Points, PointsWeight, SourceLink
from waitlist.resources import EntryResource

MOST_AT_ONCE = 1_000


class ReadOnly(admin.ModelAdmin):
    """Rows to look at: made and changed by verbs alone."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReasonForm(forms.Form):
    """Why: it stands in the trail beside the name of who did it."""

    reason = forms.CharField(
        max_length=300, label=_("Reason"), widget=forms.TextInput(attrs={"autofocus": True, "size": 60})
    )


def with_reason(title: Promise, verb: Any) -> Any:
    """An action of the list that asks for a reason first, then runs the verb on the chosen rows."""

    def act(self: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        form = ReasonForm(request.POST if "apply" in request.POST else None)
        ids = list(chosen.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(ids) > MOST_AT_ONCE:
            self.message_user(request, _("At most 1,000 at once; narrow the list first."), messages.ERROR)
            return None
        if form.is_valid():
            run_verb(self, request, verb, ids, form.cleaned_data["reason"])
            return None
        context = self.admin_site.each_context(request) | {
            "title": title,
            "form": form,
            "ids": ids,
            "action": request.POST["action"],
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/reason.html", context)

    act.short_description = title  # type: ignore[attr-defined]
    act.__name__ = verb.__name__
    act.allowed_permissions = ("act",)  # type: ignore[attr-defined]
    return act


def run_verb(page: Any, request: HttpRequest, verb: Any, ids: list[int], reason: str) -> None:
    """Runs the verb and says how many changed and how many could not."""
    try:
        changed = verb(ids, reason, by=f"staff:{request.user.pk}")
    except (Refused, StaleState) as error:
        page.message_user(
            request, _("Nothing was changed: %(why)s") % {"why": getattr(error, "detail", "") or error}, messages.ERROR
        )
        return
    text = ngettext("%(n)d changed.", "%(n)d changed.", changed) % {"n": changed}
    rest = len(ids) - changed
    if rest:
        text += " " + ngettext(
            "%(n)d stood where this cannot be done.", "%(n)d stood where this cannot be done.", rest
        ) % {"n": rest}
    page.message_user(request, text, messages.SUCCESS if changed else messages.WARNING)


class PointsInline(admin.TabularInline):
    """Why the person stands where they stand."""

    model = Points
    fields = readonly_fields = ("points", "reason", "rule", "at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Entry)
class EntryAdmin(ExportMixin, ReadOnly):
    """People on the list."""

    resource_classes = (EntryResource,)
    formats = (SafeCSV,)
    list_display = ("contact", "name", "status", "held_at", "priority", "place", "source", "created_at")
    list_filter = ("launch", "status", ("held_at", admin.EmptyFieldListFilter), "persona", "source", "created_at")
    search_fields = ("=canonical", "=referral_code", "=id", "contact")
    show_full_result_count = False
    list_per_page = 50
    list_select_related = ()
    inlines: ClassVar[tuple[Any, ...]] = (PointsInline,)
    actions: tuple[Any, ...] = (
        with_reason(_("Approve"), actions.approve),
        with_reason(_("Hold"), actions.hold),
        with_reason(_("Release from hold"), actions.release),
        with_reason(_("Reject"), actions.reject),
        with_reason(_("Block"), actions.block),
        with_reason(_("Put back into the queue"), actions.appeal),
        with_reason(_("Suspend access"), actions.suspend),
        with_reason(_("Restore access"), actions.restore),
    )
    readonly_fields: ClassVar[tuple[Any, ...]] = ("position",)

    @admin.display(description=_("position now"))
    def position(self, entry: Entry) -> int | None:
        """The exact position at this moment."""
        return queries.position_of(entry)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Moderators and owners act."""
        return request.user.has_perm("waitlist.change_entry")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """An export holds personal data: a permission of its own."""
        return request.user.has_perm("waitlist.export_entry")

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: QuerySet[Entry], **kwargs: Any) -> Any:
        """The file; the trail keeps who took it and how many people it holds."""
        actions.note_export(queryset.count(), by=f"staff:{request.user.pk}")
        return super().get_export_data(file_format, request, queryset, **kwargs)


class WeightInline(admin.TabularInline):
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
class LaunchAdmin(admin.ModelAdmin):
    """What owners tune. Every change is a fact."""

    actions: tuple[Any, ...] = ()

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may tune a launch may let people in."""
        return request.user.has_perm("waitlist.change_launch")

    list_display = ("name", "slug", "enabled", "mode", "approval", "daily_quota", "time_zone")
    readonly_fields: ClassVar[tuple[Any, ...]] = ("created_at",)
    inlines: ClassVar[tuple[Any, ...]] = (WeightInline,)

    def save_model(self, request: HttpRequest, obj: Launch, form: Any, change: bool) -> None:
        by = f"staff:{request.user.pk}"
        if change:
            actions.tune(obj, {name: form.cleaned_data[name] for name in form.changed_data}, by=by)
        else:
            made = actions.make_launch(by=by, **form.cleaned_data)
            obj.pk = made.pk

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is not PointsWeight:
            super().save_formset(request, form, formset, change)
            return
        by = f"staff:{request.user.pk}"
        weights = formset.save(commit=False)
        renamed = [weight.pk for weight, fields in formset.changed_objects if set(fields) - {"points"}]
        for weight in [*formset.deleted_objects, *PointsWeight.objects.filter(pk__in=renamed)]:
            actions.unweigh(weight, by=by)
        for weight in weights:
            actions.weigh(weight.launch, weight.rule, weight.key, weight.points, by=by, arm=weight.arm)

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
