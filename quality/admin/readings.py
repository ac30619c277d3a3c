"""The console's pages of quality: what was found out and decided, to look at, and to act on by verbs with a reason."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from outbox.console import LatelySeen, ReadOnly
from quality.measures import METRICS, Metric
from quality.models import Activity, Reading
from quality.plots import Plot, plot
from quality.queries import readings as queries
from waitlist.models import Launch
from waitlist.shown import ShowsPeople

PLOTTED = timedelta(days=30)
PLOT_STEP = timedelta(hours=6)  # one point: 120 of them are as fine as a screen shows


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric on the page: what it says now, over how many, and its line."""

    name: str
    reason: str
    now: str
    sample: int
    top: str
    plot: Plot


def said(metric: Metric, value: float | None) -> str:
    """The value as people read it."""
    if value is None:
        return gettext("unknown")
    words = {"share": f"{value:.1%}", "score": f"{value:.2f}", "per 100": f"{value:g}"}
    return words.get(metric.unit) or gettext("%(n)s s") % {"n": f"{value:g}"}


def panels(launch: Launch, now: datetime) -> list[Panel]:
    """Every metric that was measured lately: the trust score, what else the product reported, then the rest."""
    since, points = now - PLOTTED, dict[str, list[Any]]()
    for row in queries.history(launch, since, now, PLOT_STEP):
        points.setdefault(row.metric, []).append(row)
    found = []
    for metric in sorted(METRICS.values(), key=lambda one: (one.name != "trust_score", not one.from_events)):
        if rows := points.get(metric.name):
            line = plot([(row.at, row.value) for row in rows], since, now, gap=2 * PLOT_STEP)
            top = f"{line.top:.0%}" if metric.unit == "share" else f"{line.top:g}"
            last = rows[-1]
            found.append(Panel(metric.title, gettext(metric.reason), said(metric, last.value), last.sample, top, line))
    return found


@admin.register(Reading)
class ReadingAdmin(ReadOnly):
    """What the metrics said, over time: as lines above, as rows below."""

    list_display = ("at", "launch", "metric", "value", "sample", "newest_at")
    list_filter = ("launch", ("metric", LatelySeen))
    list_select_related = ("launch",)
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)

    class Media:
        css = {"all": ("plots.css",)}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the lines of one launch above it."""
        asked, now = request.GET.get("launch__id__exact", ""), timezone.now()
        every = Launch.objects.order_by("pk")
        launch = (every.filter(pk=asked) if asked.isdecimal() and len(asked) < 19 else every).first()
        shown: dict[str, Any] = {"launch": launch, "since": now - PLOTTED, "until": now}
        if launch is not None:
            shown |= {"panels": panels(launch, now), "standing": queries.standing(launch, now)}
        return super().changelist_view(request, (extra_context or {}) | shown)


@admin.register(Activity)
class ActivityAdmin(ShowsPeople, ReadOnly):
    """What the product reported of members. Searched by the number of an entry."""

    people: ClassVar[dict[str, Any]] = {"entry": _("person")}

    nothing = _(
        "Your product has reported nothing yet. It does so with "
        "POST /api/quality/events and a key of the scope events:write; docs/gates.md shows how."
    )

    list_display = ("at", "kind", "entry", "feature", "event_id", "received_at")
    list_filter = ("launch", "kind")
    list_select_related = ("entry",)
    raw_id_fields = ("entry",)
    search_fields = ("=entry__id", "=event_id")
    search_help_text = _("The number of an entry, or your own id of an event, in full.")
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)
