"""The console's pages of blocked domains and networks: block one for a time, reject what it left pending, unblock it."""

import ipaddress
from collections import Counter
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.actors import named
from outbox import registry
from outbox.actions import start_job
from outbox.callers import network
from outbox.console import may
from outbox.errors import Refused
from outbox.reasons import MOST, ReasonForm, reason_field
from outbox.states import StaleState
from quality.actions import barring
from quality.bars import DEFAULT_DAYS, MOST_DAYS, Target, target_of
from quality.models import Bar
from quality.queries import review as reads
from waitlist.models import Entry
from waitlist.shown import contact_for

SHOWN = 50
REJECT = "waitlist.reject_entry"


def of_our_house() -> frozenset[str]:
    """The domains that are ours: of the site and of the mails it sends."""
    mail = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return frozenset({mail, urlsplit(settings.PUBLIC_BASE_URL).hostname or ""} - {""})


class BarForm(forms.Form):
    """What to block, for how long, and why."""

    place = forms.CharField(
        max_length=253,
        label=gettext_lazy("Domain or network"),
        help_text=gettext_lazy(
            "Such as example.com, 203.0.113.0/24 or 2001:db8:1:2::/64. An address is widened to its network."
        ),
        widget=UnfoldAdminTextInputWidget(attrs={"size": 40, "autocapitalize": "none", "spellcheck": "false"}),
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        initial=DEFAULT_DAYS,
        label=gettext_lazy("Days"),
        help_text=gettext_lazy("It ends by itself then; at most 365."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = reason_field()

    def __init__(self, *args: Any, asker: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asker = asker

    def clean_place(self) -> Target:
        """The target; what must not be blocked by a slip is said beside the field."""
        try:
            target = target_of(self.cleaned_data["place"], ours=of_our_house())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if self.asker and target.network and ipaddress.ip_address(self.asker) in ipaddress.ip_network(target.network):
            raise forms.ValidationError(_("You are in this network yourself: your own people would be held."))
        return target


def places(request: HttpRequest) -> HttpResponse:
    """What is blocked, and the form that blocks."""
    if not may(request.user, "quality.view_bar"):
        raise PermissionDenied
    can = may(request.user, "quality.make_bar")
    suggested = suggestions(request.GET.get("near", "")) if can else {}
    first = suggested.get(request.GET.get("of", "")) or next(iter(suggested.values()), "")
    form = BarForm(request.POST or None, initial={"place": first, "days": DEFAULT_DAYS}, asker=network(request) or "")
    if request.method == "POST" and not can:
        raise PermissionDenied
    if request.method == "POST" and form.is_valid() and (made := make(request, form)):
        return HttpResponseRedirect(reverse("bar", args=[made.pk]))
    standing = list(Bar.objects.filter(ended_at__isnull=True, until__gt=timezone.now()).order_by("-pk")[:SHOWN])
    past = list(Bar.objects.exclude(pk__in=[one.pk for one in standing]).order_by("-pk")[:SHOWN])
    names = named(one.by for one in [*standing, *past])
    context = admin.site.each_context(request) | {
        "title": _("Blocked places"),
        "form": form if can else None,
        "suggested": [(name, text) for name, text in suggested.items()],
        "near": request.GET.get("near", ""),
        "standing": [(one, names[one.by]) for one in standing],
        "past": [(one, names[one.by]) for one in past],
    }
    return TemplateResponse(request, "admin/bars.html", context)


def suggestions(near: str) -> dict[str, str]:
    """The domain and the network of one person, where they can be blocked."""
    found = reads.neighbours([int(near)]).get(int(near)) if near.isdecimal() and len(near) < 19 else None
    texts = {"domain": found.network_domain, "network": str(found.network or "")} if found else {}
    return {name: str(target) for name, text in texts.items() if text and (target := blockable(text))}


def blockable(text: str) -> Target | None:
    """The target, or None where it must not be blocked."""
    try:
        return target_of(text, ours=of_our_house())
    except ValueError:
        return None


def make(request: HttpRequest, form: BarForm) -> Bar | None:
    """Blocks it; where it is blocked already the form says so."""
    said = form.cleaned_data
    try:
        made = barring.make_bar(said["place"], said["reason"], days=said["days"], by=f"staff:{request.user.pk}")
    except (Refused, StaleState) as error:
        form.add_error("place", getattr(error, "detail", "") or str(error))
        return None
    messages.success(request, _("%(place)s is blocked. New people from there are held.") % {"place": made})
    return made


def place(request: HttpRequest, bar_id: int) -> HttpResponse:
    """One block: whom it left pending, with one job that rejects them, and how to unblock it."""
    if not may(request.user, "quality.view_bar"):
        raise PermissionDenied
    bar = get_object_or_404(Bar, pk=bar_id)
    if request.method == "POST":
        return HttpResponseRedirect(act(request, bar))
    left = reads.left_by(bar, MOST)
    people = Entry.objects.filter(pk__in=list(left)[:SHOWN]).order_by("pk")
    counts = Counter(left.values())
    stands = bar.ended_at is None and bar.until > timezone.now()
    context = admin.site.each_context(request) | {
        "title": str(bar),
        "bar": bar,
        "who": named([bar.by])[bar.by],
        "stands": stands,
        "left": len(left),
        "counts": [(registry.in_words(status), n) for status, n in sorted(counts.items())],
        "people": [(one, contact_for(request.user, one)) for one in people],
        "rest": len(left) - min(len(left), SHOWN),
        "form": ReasonForm(initial={"reason": bar.reason}, auto_id="reject_%s"),
        "may_reject": may(request.user, REJECT) and left,
        "ending": ReasonForm(auto_id="end_%s"),
        "may_end": may(request.user, "quality.end_bar") and stands,
        "held": f"{reverse('review')}?rule={'barred_domain' if bar.domain else 'barred_network'}",
    }
    return TemplateResponse(request, "admin/bar.html", context)


def act(request: HttpRequest, bar: Bar) -> str:
    """Rejects whom it left pending, or unblocks it; where that leads."""
    asked, form, here = request.POST.get("act", ""), ReasonForm(request.POST), reverse("bar", args=[bar.pk])
    needs = {"reject": REJECT, "end": "quality.end_bar"}.get(asked)
    if needs is None or not may(request.user, needs):
        raise PermissionDenied
    if not form.is_valid():
        messages.error(request, _("Say why: the reason stands in the trail."))
        return here
    reason, by = form.cleaned_data["reason"], f"staff:{request.user.pk}"
    if asked == "end":
        ended = barring.end_bar([bar.pk], reason, by=by)
        said = _("%(place)s is unblocked.") % {"place": bar}
        messages.add_message(
            request,
            *((messages.SUCCESS, said) if ended else (messages.WARNING, _("Somebody was faster: it had ended."))),
        )
        return here
    ids = list(reads.left_by(bar, MOST))
    if not ids:
        messages.warning(request, _("Nobody is left to reject."))
        return here
    return reverse("admin:outbox_job_change", args=[start_job(REJECT, ids, reason, by=by, back=here).pk])
