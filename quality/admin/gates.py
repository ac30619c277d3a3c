"""What the gates decide, in plain words; switching them on and off, and opening one for a time, each with a reason."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from outbox.console import Page, ReadOnly, may
from outbox.errors import Refused
from outbox.reasons import ReasonForm
from outbox.states import StaleState
from quality import gates, replay
from quality.actions import gating
from quality.measures import METRICS, titled
from quality.models import Decision, Gate, Override
from quality.queries import gating as queries
from waitlist.admin import LaunchAdmin
from waitlist.models import Launch

STRIP_WIDTH = 720  # one unit an hour of 30 days


@admin.display(description=_("what guards the pace"))
def guard(launch: Launch) -> str:
    """In words, beside the quota: the gates, or that there is none."""
    return queries.guard_in_words(launch, timezone.now())


LaunchAdmin.list_display = (*LaunchAdmin.list_display, guard)
LaunchAdmin.stands = (guard,)


SIDES = {"lower": _("lower is better"), "higher": _("higher is better")}
SHARES = _("A share is written as a number from 0 to 1: 0.05 is 5 %.")


def metric_choices() -> list[tuple[str, str]]:
    """The metrics that are measured here; asked when the form is made, for every app brings its own."""
    return [(name, f"{one.title} ({SIDES[one.better]})") for name, one in sorted(METRICS.items())]


class GateForm(forms.ModelForm):
    """What an owner sets; whether the gate is on is a matter of its own page."""

    metric = forms.ChoiceField(
        choices=metric_choices,
        widget=UnfoldAdminSelectWidget,
        help_text=_("What each of them says stands under Readings, with its line."),
    )

    class Meta:
        model = Gate
        fields = ("launch", "metric", "closes_at", "opens_at", "stops", "min_sample", "max_age_hours")
        help_texts: ClassVar[dict[str, Any]] = {
            "closes_at": format_lazy("{} {}", _("At this value or worse it closes."), SHARES),
            "opens_at": format_lazy("{} {}", _("At this value or better it opens again."), SHARES),
        }

    def clean(self) -> dict[str, Any] | None:
        """The verb's own check, said beside the form."""
        cleaned = super().clean() or {}
        metric = cleaned.get("metric") or self.instance.metric
        if {"closes_at", "opens_at"} <= cleaned.keys():
            try:
                gating.check_thresholds(metric, cleaned["closes_at"], cleaned["opens_at"])
            except Refused as refused:
                raise forms.ValidationError(refused.detail) from refused
        return cleaned


class OverrideForm(ReasonForm):
    """Why, and for how long."""

    hours = forms.TypedChoiceField(
        coerce=int,
        label=_("For how long"),
        choices=[(1, _("1 hour")), (24, _("1 day")), (72, _("3 days")), (168, _("7 days"))],
        widget=UnfoldAdminSelectWidget,
    )


Act = Callable[[Gate, dict[str, Any], str, datetime], object]


def switch_on(gate: Gate, said: dict[str, Any], by: str, now: datetime) -> object:
    """From now on it guards the launch."""
    return gating.switch_on(gate, said["reason"], by=by, now=now)


def switch_off(gate: Gate, said: dict[str, Any], by: str, now: datetime) -> object:
    """It guards nothing any more."""
    return gating.switch_off(gate, said["reason"], by=by, now=now)


def override(gate: Gate, said: dict[str, Any], by: str, now: datetime) -> object:
    """Open until then, whatever it decides."""
    return gating.override(gate, now + timedelta(hours=said["hours"]), said["reason"], by=by, now=now)


def end_override(gate: Gate, said: dict[str, Any], by: str, now: datetime) -> object:
    """What it decides counts again."""
    return gating.end_override(gate, said["reason"], by=by, now=now)


ACTS: dict[str, tuple[Any, type[ReasonForm], Act]] = {
    "switch_on": (_("Switch this gate on"), ReasonForm, switch_on),
    "override": (_("Open it for a time"), OverrideForm, override),
    "end_override": (_("End the override"), ReasonForm, end_override),
    "switch_off": (_("Switch this gate off"), ReasonForm, switch_off),
}
NEEDS = {
    "switch_on": "quality.switch_gate",
    "switch_off": "quality.switch_gate",
    "override": "quality.override_gate",
    "end_override": "quality.override_gate",
}


def acts_of(gate: Gate, look: queries.Look | None) -> list[str]:
    """What can be done with the gate as it stands, the safest first."""
    if not gate.is_on:
        return ["switch_on"]
    return ["end_override" if look and look.verdict.why == "overridden" else "override", "switch_off"]


@admin.register(Gate)
class GateAdmin(Page):
    """What stops letting people in while a metric is bad. Each gate has a page with what it decides and would have decided."""

    nothing = _(
        "There is no gate yet. Add one: it stays off, and its page shows what it would have decided "
        "over the last 30 days before you switch it on."
    )

    form = GateForm
    list_display = ("named", "launch", "stands", "stops", "closes", "opens")
    list_display_links = ("closes", "opens")
    list_filter = ("launch", "is_on")
    ordering = ("launch", "metric")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("quality.change_gate")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Gate | None = None) -> tuple[str, ...]:
        """A gate is known by its launch and metric; another metric is another gate."""
        return ("launch", "metric") if obj else ()

    def save_model(self, request: HttpRequest, obj: Gate, form: Any, change: bool) -> None:
        """By the verb, so that the trail has it, and a gate that is on decides at once."""
        settings = {name: getattr(obj, name) for name in gating.SETTINGS}
        by = f"staff:{request.user.pk}"
        obj.pk = gating.set_gate(obj.launch, obj.metric, by=by, now=timezone.now(), **settings).pk

    @admin.display(description=_("metric"), ordering="metric")
    def named(self, gate: Gate) -> str:
        """As people read it."""
        return titled(gate.metric)

    @admin.display(description=_("how it stands"))
    def stands(self, gate: Gate) -> str:
        """Open or closed, since when and why, with the way to its page."""
        page = reverse("admin:quality_gate_board", args=[gate.pk])
        return format_html('<a href="{}">{}</a>', page, standing_in_words(gate, timezone.now()))

    @admin.display(description=_("closes at"))
    def closes(self, gate: Gate) -> str:
        """As people read it."""
        return gates.number(gate.metric, gate.closes_at)

    @admin.display(description=_("opens at"))
    def opens(self, gate: Gate) -> str:
        """As people read it."""
        return gates.number(gate.metric, gate.opens_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Above the list: what guards each launch."""
        now = timezone.now()
        guards = [(launch, queries.guard_in_words(launch, now)) for launch in Launch.objects.order_by("pk")]
        return super().changelist_view(request, {"guards": guards, **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        """The gate's page beside the form."""
        board = path("<int:pk>/board/", self.admin_site.admin_view(self.board), name="quality_gate_board")
        return [board, *super().get_urls()]

    def board(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How the gate stands, what it would have decided over the last 30 days, and what can be done, each with a reason."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        gate = get_object_or_404(Gate.objects.select_related("launch"), pk=pk)
        asked = request.POST.get("act") if request.method == "POST" else None
        if asked is not None and (asked not in ACTS or not may(request.user, NEEDS[asked])):
            raise PermissionDenied
        given = ACTS[asked][1](request.POST) if asked else None
        if asked and given and given.is_valid():
            self.act(request, gate, asked, given.cleaned_data)
            return HttpResponseRedirect(request.path)
        return TemplateResponse(request, "admin/quality/gate/board.html", self.drawn(request, gate, asked, given))

    def act(self, request: HttpRequest, gate: Gate, asked: str, said: dict[str, Any]) -> None:
        """Runs the verb and says how it went."""
        title, _form, verb = ACTS[asked]
        try:
            verb(gate, said, f"staff:{request.user.pk}", timezone.now())
        except (Refused, StaleState) as error:
            why = getattr(error, "detail", "") or error
            self.message_user(request, _("Nothing was changed: %(why)s") % {"why": why}, messages.ERROR)
        else:
            self.message_user(request, _("Done: %(what)s.") % {"what": title}, messages.SUCCESS)

    def drawn(self, request: HttpRequest, gate: Gate, asked: str | None, given: Any) -> dict[str, Any]:
        """What the page shows."""
        now = timezone.now()
        look = look_at(gate, now)
        spans = queries.replayed(gate, now)
        days = replay.by_day(spans, gate.launch.time_zone)
        can = [act for act in acts_of(gate, look) if may(request.user, NEEDS[act])]
        forms_shown = [(name, ACTS[name][0], given if name == asked else empty(name)) for name in can]
        return self.admin_site.each_context(request) | {
            "title": titled(gate.metric),
            "opts": self.opts,
            "gate": gate,
            "metric": METRICS.get(gate.metric),
            "stands": standing_in_words(gate, now),
            "days": [day_shown(gate, day) for day in reversed(days)],
            "closed_hours": round(sum(day.closed_hours for day in days)),
            "all_hours": round(sum(day.hours for day in days)),
            "strip": strip(spans),
            "width": STRIP_WIDTH,
            "acts": forms_shown,
            "overrides": Override.objects.filter(gate=gate).order_by("-pk")[:10],
        }


def empty(name: str) -> ReasonForm:
    """The form of an act, not filled in. Of several on one page none takes the keyboard by itself."""
    form = ACTS[name][1](auto_id=f"{name}_%s")
    form.fields["reason"].widget.attrs.pop("autofocus", None)
    return form


def look_at(gate: Gate, now: datetime) -> queries.Look | None:
    """How a gate that is on stands; None for one that is off."""
    return next((look for look in queries.gates_of(gate.launch_id, now) if look.gate.pk == gate.pk), None)


def standing_in_words(gate: Gate, now: datetime) -> str:
    """Off, or open or closed since when, and why."""
    look = look_at(gate, now)
    if look is None:
        return str(_("off: it guards nothing"))
    began = queries.since_of(look)
    words = {"since": f"{began:%Y-%m-%d %H:%M} UTC" if began else "–", "why": queries.in_words(look)}
    if look.verdict.is_open:
        return str(_("open since %(since)s: %(why)s")) % words
    return str(_("closed since %(since)s: %(why)s")) % words


def day_shown(gate: Gate, day: replay.ReplayedDay) -> dict[str, Any]:
    """A row of the replay's table."""
    read = dict.fromkeys((gates.number(gate.metric, day.low), gates.number(gate.metric, day.high)))
    return {
        "date": day.date,
        "closed": round(day.closed_hours, 1),
        "hours": round(day.hours, 1),
        "read": " – ".join(read),
        "whys": [gates.WHYS[why] for why in day.whys],
    }


def strip(spans: list[replay.Span]) -> list[dict[str, Any]]:
    """The replay as a strip: where each stretch begins, how wide it is, and whether the gate would have been closed."""
    begin, end = spans[0].began, spans[-1].ended
    scale = STRIP_WIDTH / ((end - begin).total_seconds() or 1)
    return [
        {
            "x": f"{(one.began - begin).total_seconds() * scale:.2f}",
            "width": f"{(one.ended - one.began).total_seconds() * scale:.2f}",
            "closed": not one.verdict.is_open,
            "title": f"{one.began:%Y-%m-%d %H:%M} UTC: {gates.WHYS[one.verdict.why]}",
        }
        for one in alike(spans)
    ]


def alike(spans: list[replay.Span]) -> list[replay.Span]:
    """Neighbours with one verdict as one: a month of readings is thousands of stretches and a few decisions."""
    joined: list[replay.Span] = []
    for one in spans:
        if joined and joined[-1].verdict == one.verdict:
            joined[-1] = replay.Span(joined[-1].began, one.ended, one.verdict, one.value)
        else:
            joined.append(one)
    return joined


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    """What each gate decided and why."""

    nothing = _("Nothing was decided yet: a gate decides every five minutes once it is on.")

    list_display = ("at", "gate", "is_open", "because", "read", "sample", "newest_at")
    list_filter = ("is_open", "why", "gate__metric")
    list_select_related = ("gate",)
    ordering = ("-pk",)
    show_full_result_count = False

    @admin.display(description=_("why"), ordering="why")
    def because(self, decision: Decision) -> Any:
        """The word of the row as people say it."""
        return gates.WHYS.get(decision.why, decision.why)

    @admin.display(description=_("read"), ordering="value")
    def read(self, decision: Decision) -> str:
        """The value as people read it."""
        return gates.number(decision.gate.metric, decision.value)


@admin.register(Override)
class OverrideAdmin(ReadOnly):
    """Who opened which gate, why and until when."""

    nothing = _("Nobody has opened a gate by hand. It is done on the gate's own page, with a reason and an end.")

    list_display = ("gate", "until", "by", "reason", "ended_at", "created_at")
    list_select_related = ("gate",)
    ordering = ("-pk",)
