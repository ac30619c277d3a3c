"""The console's pages of campaigns and channels: what became of their codes, by the day; and the pages partners are given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from invites import campaigns, tokens
from invites.actions import partnering
from invites.admin.forms import PartnerForm
from invites.admin.runs import actor, must, reason_form
from invites.models import PartnerLink
from invites.policy import share_of
from outbox.console import may
from outbox.reasons import ReasonForm
from outbox.states import StaleState
from waitlist.models import Launch
from waitlist.queries import launch_named
from waitlist.shown import contact_for

PARTNERS = "invites.partner_code"
A_PAGE, CAME_SHOWN, LONGEST_PLOT = 50, 50, 90
TITLES: dict[campaigns.Axis, Promise] = {"campaign": _("Campaigns"), "channel": _("Channels")}
STEPS: dict[str, Promise] = {
    "issued": _("issued"),
    "opened": _("opened"),
    "redeemed": _("redeemed"),
    "registered": _("registered"),
    "active": _("active"),
}


def routes(page: Callable[..., Any]) -> list[URLPattern]:
    """A list and a page of each."""
    found = []
    for axis in TITLES:
        found += [
            path(f"invites/{axis}s/", page(listed), {"axis": axis}, name=f"invites-{axis}s"),
            path(f"invites/{axis}s/one/", page(one), {"axis": axis}, name=f"invites-{axis}"),
        ]
    return found


def launch_asked(request: HttpRequest) -> Launch:
    """The launch that the address names, else the first."""
    launch = launch_named(request.GET.get("launch") or None)
    if launch is None:
        raise Http404
    return launch


def rates(row: dict[str, Any]) -> dict[str, float | None]:
    """How good they are who came: the share held or turned away, and who stayed a week."""
    held, stayed = share_of(row, "held", "came"), share_of(row, "retained_day7", "due_day7")
    return {"held_share": held, "stayed": stayed, "redeemed_share": share_of(row, "redeemed", "issued")}


def listed(request: HttpRequest, axis: campaigns.Axis) -> HttpResponse:
    """All campaigns, or channels, of a launch, the newest first."""
    must(request, "invites.view_code")
    launch = launch_asked(request)
    page = Paginator(campaigns.of_axis(launch, axis), A_PAGE).get_page(request.GET.get("page"))
    where = reverse(f"invites-{axis}")
    rows = [
        row
        | rates(row)
        | {"name": row[axis], "link": f"{where}?{urlencode({'launch': launch.slug, 'name': row[axis]})}"}
        for row in page
    ]
    about: dict[str, Any] = {
        "title": TITLES[axis],
        "axis": axis,
        "launch": launch,
        "page": page,
        "rows": rows,
        "steps": STEPS,
    }
    about |= {"counted_at": campaigns.counted_at(launch), "launches": Launch.objects.order_by("pk")}
    return TemplateResponse(request, "admin/invites/campaigns.html", admin.site.each_context(request) | about)


def one(request: HttpRequest, axis: campaigns.Axis) -> HttpResponse:
    """One campaign or channel, in all and by day, and who came in by it. On a channel's page partners are given theirs."""
    must(request, "invites.view_code")
    launch, name = launch_asked(request), request.GET.get("name", "")
    days = campaigns.by_day(launch, axis, name)
    if not days:
        raise Http404
    if request.method == "POST":
        return change_partners(request, launch, name, axis, days)
    return page_of_one(request, launch, axis, name, days)


def change_partners(
    request: HttpRequest, launch: Launch, name: str, axis: campaigns.Axis, days: list[dict[str, Any]]
) -> HttpResponse:
    """Gives a partner a page of this channel, and shows its link this once; or takes one back."""
    must(request, PARTNERS)
    if axis != "channel":
        raise PermissionDenied
    if "revoke" in request.POST:
        take_back(request, launch, name)
        return redirect(request.get_full_path())
    form = PartnerForm(request.POST)
    if not form.is_valid():
        return page_of_one(request, launch, axis, name, days, form=form)
    link = partnering.give_page(
        launch, name, form.cleaned_data["partner"], form.cleaned_data["days"], by=actor(request)
    )
    return page_of_one(request, launch, axis, name, days, given=tokens.partner_url(link))


def take_back(request: HttpRequest, launch: Launch, name: str) -> None:
    """Ends the page of one partner, for a reason."""
    form, asked = ReasonForm(request.POST), request.POST["revoke"]
    if not form.is_valid():
        messages.error(request, gettext("Say why: the reason stands in the trail."))
        return
    link = campaigns.pages_of(launch, name).filter(pk=asked if asked.isdecimal() else 0).first()
    if link is None:
        raise Http404
    try:
        partnering.take_page_back(link.pk, form.cleaned_data["reason"], by=actor(request))
    except StaleState:
        messages.warning(request, gettext("It was taken back already."))
    else:
        messages.success(request, gettext("The link leads nowhere from now on."))


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a plot, in hundredths of its width and height."""

    x: float
    width: float
    height: float
    date: date
    count: int

    @property
    def rise(self) -> float:
        """Where its top stands below the upper edge."""
        return round(100 - self.height, 2)


@dataclass(frozen=True, slots=True)
class Bars:
    """A plot of one count by day."""

    title: Promise
    total: int
    top: int
    bars: Sequence[Bar]


def bars_of(days: list[dict[str, Any]], name: str, since: date, until: date) -> Bars:
    """The count of each day between the two, as bars; the highest reaches the top."""
    shown = {row["date"]: row[name] for row in days if since <= row["date"] <= until}
    top, width = max(shown.values(), default=0), 100 / ((until - since).days + 1)
    bars = [
        Bar(round((day - since).days * width, 3), round(width * 0.8, 3), round(100 * count / top, 2), day, count)
        for day, count in shown.items()
        if count
    ]
    return Bars(STEPS[name], sum(shown.values()), top, bars)


def page_of_one(
    request: HttpRequest,
    launch: Launch,
    axis: campaigns.Axis,
    name: str,
    days: list[dict[str, Any]],
    form: PartnerForm | None = None,
    given: str = "",
) -> HttpResponse:
    """The page of one of them."""
    total = campaigns.summed(days)
    until = max(days[-1]["date"], timezone.now().date())
    since = max(days[0]["date"], until - timedelta(days=LONGEST_PLOT - 1))
    since = min(since, until - timedelta(days=13))
    came = [(one, contact_for(request.user, one.entry)) for one in campaigns.came_in(launch, axis, name, CAME_SHOWN)]
    about = {
        "title": name,
        "axis": axis,
        "kind": TITLES[axis],
        "launch": launch,
        "name": name,
        "total": total | rates(total),
        "funnel": [(title, total[step], share_of(total, step, "issued")) for step, title in STEPS.items()],
        "plots": [bars_of(days, step, since, until) for step in ("issued", "opened", "redeemed")],
        "since": since,
        "until": until,
        "days": days[::-1][:LONGEST_PLOT],
        "steps": STEPS,
        "came": came,
        "codes": f"{reverse('admin:invites_code_changelist')}?{urlencode({str(axis): name})}",
        "back": f"{reverse(f'invites-{axis}s')}?{urlencode({'launch': launch.slug})}",
        "counted_at": campaigns.counted_at(launch),
    }
    if axis == "channel" and may(request.user, PARTNERS):
        links = [
            (link, link.status == PartnerLink.Status.ACTIVE and link.expires_at > timezone.now())
            for link in campaigns.pages_of(launch, name)[:CAME_SHOWN]
        ]
        about |= {
            "partners": True,
            "links": links,
            "form": form or PartnerForm(),
            "reason": reason_form(),
            "given": given,
        }
    return TemplateResponse(request, "admin/invites/campaign.html", admin.site.each_context(request) | about)
