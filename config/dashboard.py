"""The console's first page: what is going on at a launch, what needs somebody, and the daily quota to set in place.

What only counting tells comes from the tallies, a few rows that are read and never counted at a million people; what is
known exactly at any moment (who waits, what today's quota granted, gates, what is owed) is read as it stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from config import figures
from config.figures import Figure, Links, grouped, listed
from config.limits import LIMITS
from outbox import queries as outbox
from outbox.console import may
from outbox.states import StaleState
from quality.actions.tallying import count_cheap
from quality.models import Alert, Tally
from quality.plots import Plot, plot
from quality.queries import gating, readings
from quality.queries.gating import Look
from quality.tallying import TALLIES
from waitlist.actions.allotting import set_quota
from waitlist.models import Launch
from waitlist.queries import granted_on, local_date, quota_set, total_waiting

PLOTTED, PLOT_STEP = timedelta(days=30), timedelta(hours=6)
UNDOABLE = timedelta(minutes=15)  # how long a change of the quota is offered to be undone
LATE_SECONDS = 120.0  # from which the outbox needs somebody, as its watch says
TUNES = "waitlist.change_launch"


class QuotaForm(forms.Form):
    """How many may be let in a day, and what it was when the page was read."""

    quota = forms.IntegerField(
        min_value=0, max_value=1_000_000, label=gettext_lazy("A day"), widget=UnfoldAdminIntegerFieldWidget()
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)


@dataclass(frozen=True, slots=True)
class Live:
    """What is read as it stands at this moment."""

    waiting: int
    granted: int
    looks: list[Look]
    standing: dict[str, Any]
    trust: list[Any]
    lag: float
    dead_letters: int
    failed_jobs: int
    alerts: int


def live(launch: Launch, now: datetime) -> Live:
    """Reads it; each a probe of an index."""
    failed = outbox.failed()
    return Live(
        waiting=total_waiting(launch),
        granted=granted_on(launch, local_date(launch, now)),
        looks=gating.gates_of(launch.pk, now),
        standing=readings.standing(launch, now),
        trust=readings.line(launch, "trust_score", now - PLOTTED, now, PLOT_STEP),
        lag=outbox.oldest_owed_seconds(),
        dead_letters=failed.dead_letters,
        failed_jobs=failed.failed_jobs,
        alerts=Alert.objects.filter(ended_at__isnull=True).count(),
    )


def needs(links: Links, people: Mapping[str, Any], seen: Live) -> Iterator[Figure]:
    """What somebody should see to, the most urgent first; the label is the whole sentence."""
    n = seen.alerts
    if n:
        said = ngettext("%(n)s alert is open", "%(n)s alerts are open", n)
        yield Figure(said % {"n": grouped(n)}, grouped(n), listed("quality_alert", state="open"), "bad")
    for look in seen.looks:
        if not look.verdict.is_open:
            board = reverse("admin:quality_gate_board", args=[look.gate.pk])
            yield Figure(_("The gate on %(metric)s is closed") % {"metric": look.gate.metric}, "", board, "bad")
    if seen.lag > LATE_SECONDS:
        late = listed("outbox_delivery", status__exact="owed")
        said = _("What is owed waits for %(n)s minutes") % {"n": grouped(seen.lag // 60)}
        yield Figure(said, grouped(seen.lag // 60), late, "bad")
    yield from chores(links, people, seen)


def chores(links: Links, people: Mapping[str, Any], seen: Live) -> Iterator[Figure]:
    """What is not urgent, but stays undone until somebody does it."""
    held = figures.held_count(people)
    if held:
        said = ngettext("%(n)s person is held for review", "%(n)s people are held for review", held)
        yield Figure(said % {"n": grouped(held)}, grouped(held), links.review("held"), "warn")
    waits = people["states"].get("waiting", 0) if links.launch.approval == Launch.Approval.MANUAL else 0
    if waits:
        said = ngettext("%(n)s person waits for approval", "%(n)s people wait for approval", waits)
        yield Figure(said % {"n": grouped(waits)}, grouped(waits), links.review("approval"), "warn")
    if n := seen.dead_letters:
        said = ngettext("%(n)s delivery was given up", "%(n)s deliveries were given up", n)
        yield Figure(said % {"n": grouped(n)}, grouped(n), listed("outbox_delivery", status__exact="given_up"), "warn")
    if n := seen.failed_jobs:
        said = ngettext("%(n)s job failed", "%(n)s jobs failed", n)
        yield Figure(said % {"n": grouped(n)}, grouped(n), listed("outbox_job", status__exact="failed"), "warn")
    if not links.launch.enabled:
        page = reverse("admin:waitlist_launch_change", args=[links.launch.pk])
        yield Figure(_("The launch is switched off: nobody can join"), "", page, "warn")


def trust(seen: Live, now: datetime) -> dict[str, Any]:
    """The trust score with its line, and the gates in words."""
    said, score = seen.standing, seen.standing["trust_score"]
    line: Plot = plot([(row.at, row.value) for row in seen.trust], now - PLOTTED, now, gap=2 * PLOT_STEP)
    boards = [(reverse("admin:quality_gate_board", args=[look.gate.pk]), gating.in_words(look)) for look in seen.looks]
    return {
        "score": "–" if score is None else f"{score:.2f}",
        "health": said["health_status"],
        "paused": said["invites_paused"],
        "plot": line,
        "rows": seen.trust[::-4],  # one a day, the newest first
        "since": now - PLOTTED,
        "until": now,
        "gates": boards,
    }


def outgoing(seen: Live, mails: Mapping[str, Any]) -> list[Figure]:
    """What leaves, and what does not arrive."""
    return [
        Figure(
            _("Oldest that is owed"),
            _("%(n)s s") % {"n": grouped(round(seen.lag))},
            listed("outbox_delivery", status__exact="owed"),
            _("How long the mail or webhook that is due longest has waited."),
        ),
        Figure(
            _("Dead letters"),
            grouped(seen.dead_letters),
            listed("outbox_delivery", status__exact="given_up"),
            _("Given up after many tries; they can be delivered again."),
        ),
        Figure(
            _("Addresses that bounce"),
            grouped(mails["bounced"]),
            listed("outbox_suppression", reason__exact="bounced"),
            _("They get no mail until somebody lets it go to them again."),
        ),
    ]


def numbers(launch: Launch, tallies: Mapping[str, Tally], seen: Live, now: datetime) -> dict[str, Any]:
    """Every part of the page, ready to be drawn."""
    links = Links(launch)
    counted = {name: tallies[name].counts for name in TALLIES}
    ats = {name: tallies[name].at for name in TALLIES}
    people = counted["people"]
    lately = (ats["people"] - figures.DAY).isoformat()
    today = links.between("invited_at", local_date(launch, now), local_date(launch, now) + figures.DAY)
    return {
        "needs": list(needs(links, people, seen)),
        "waiting": Figure(
            _("Waiting"), grouped(seen.waiting), links.people(status__in="waiting,approved", held_at__isempty=1)
        ),
        "granted": Figure(_("Admitted today"), grouped(seen.granted), links.people(**today)),
        "granted_share": min(100, round(100 * seen.granted / launch.daily_quota)) if launch.daily_quota else 0,
        "registered": Figure(
            _("Registered in 24 hours"), grouped(people["registered_lately"]), links.people(registered_at__gt=lately)
        ),
        "states": figures.states(links, people),
        "joined": people["funnel"][0],
        "signups": figures.by_day(_("Sign-ups"), "waitlist_entry", "created_at", links, people["days"]),
        "stages": figures.stage_names(),
        "funnel": figures.funnel(links, people),
        "sources": figures.by_source(links, people),
        "more_sources": people["more_sources"],
        "weeks": figures.by_week(links, people),
        "growth": figures.growth(links, counted, ats["people"]),
        "soundness": figures.soundness(links, counted, ats["people"]),
        "codes": figures.codes(links, counted["codes"]),
        "refusals": figures.by_day(
            _("Refused at the doors"), "quality_refusal", "minute", links, counted["refusals"]["days"], shared=True
        ),
        "attempts": figures.by_day(_("Refused codes"), "invites_attempt", "at", links, counted["attempts"]["days"]),
        "tried": figures.tried(counted["attempts"], ats["attempts"], links),
        "limits": figures.limits(LIMITS, map(tuple, counted["refusals"]["rules"]), ats["refusals"]),
        "outgoing": outgoing(seen, counted["mails"]),
        "trust": trust(seen, now),
        "as_of": min(ats.values()),
    }


def board(request: HttpRequest) -> HttpResponse:
    """The first page, of the launch that `?launch=` names, else of the first."""
    launches, now = list(Launch.objects.order_by("pk")), timezone.now()
    asked = request.GET.get("launch", "")
    launch = next((one for one in launches if one.slug == asked), launches[0] if launches else None)
    shown: dict[str, Any] = {"title": _("What is going on"), "launches": launches, "launch": launch}
    if launch is not None and may(request.user, "waitlist.view_entry"):
        shown |= numbers(launch, count_cheap(launch, now), live(launch, now), now)
        shown["join_url"] = request.build_absolute_uri(reverse("join"))
        if may(request.user, TUNES):
            shown["quota_form"] = QuotaForm(initial={"quota": launch.daily_quota, "seen": launch.daily_quota})
            shown["undo"] = undo_of(launch, now, f"staff:{request.user.pk}")
    return TemplateResponse(request, "admin/index.html", admin.site.each_context(request) | shown)


def undo_of(launch: Launch, now: datetime, me: str) -> dict[str, Any] | None:
    """The last change of the quota, while it can be undone with one press: who made it, and what it was."""
    event = quota_set(launch, now - UNDOABLE)
    return (
        {
            "by": _("you") if event.by == me else event.by,
            "at": event.at,
            "before": event.data["changes"]["daily_quota"][0],
        }
        if event
        else None
    )


@require_POST
def quota(request: HttpRequest, launch_id: int) -> HttpResponse:
    """Sets the daily quota, unless somebody else did since the page was read."""
    if not may(request.user, TUNES):
        raise PermissionDenied
    launch, form = get_object_or_404(Launch, pk=launch_id), QuotaForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: the quota is a whole number from 0 to 1,000,000."))
    else:
        said = form.cleaned_data
        try:
            set_quota(launch.pk, said["quota"], said["seen"], by=f"staff:{request.user.pk}")
        except StaleState:
            messages.warning(
                request, _("Nothing was changed: somebody else set the quota meanwhile. Look at it again.")
            )
        else:
            messages.success(request, _("Up to %(n)s people are let in a day now.") % {"n": grouped(said["quota"])})
    return HttpResponseRedirect(f"{reverse('admin:index')}?launch={launch.slug}")
