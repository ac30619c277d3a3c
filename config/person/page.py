"""The views: the page, its buttons, erasing in two steps, and the file with all that is kept."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Min
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from config.person import acts, codes, state, takeout, timeline
from config.person.acts import ACTS, Act, Reason
from outbox.console import may
from outbox.errors import Refused
from outbox.states import StaleState
from quality.models import Activity
from referrals import queries as referrals
from referrals.admin import quality_of_friends
from waitlist.actions import erasing, keeping
from waitlist.models import Entry
from waitlist.queries import entry_with, points_of
from waitlist.shown import contact_for

OWN_CODES = 20  # of theirs that are named, the newest


class CodeForm(forms.Form):
    """The code as they say it."""

    code = forms.CharField(
        label=gettext_lazy("The code, as they have it"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


def entry_for(request: HttpRequest, pk: int) -> Entry:
    """The person, for who may look at people."""
    if not may(request.user, "waitlist.view_entry"):
        raise PermissionDenied
    return get_object_or_404(Entry.objects.select_related("launch", "user", "referred_by"), pk=pk)


def back_to(entry: Entry) -> HttpResponseRedirect:
    """To the person's page."""
    return HttpResponseRedirect(reverse("admin:waitlist_entry_change", args=[entry.pk]))


def person(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; a POST presses one of its buttons."""
    entry = entry_for(request, pk)
    if request.method != "POST":
        return shown(request, entry)
    if "code" in request.POST and may(request.user, "invites.view_code"):
        form = CodeForm(request.POST)
        answer = codes.explained(entry, form.cleaned_data["code"]) if form.is_valid() else None
        return shown(request, entry, code_form=form, answer=answer)
    act = act_named(request, entry)
    asked = act.form(request.POST, prefix=act.name)
    if not asked.is_valid():
        return shown(request, entry, pressed=act, asked=asked)
    try:
        messages.success(request, act.run(entry, asked.cleaned_data, f"staff:{request.user.pk}"))
    except (Refused, StaleState) as error:
        messages.error(request, _("Nothing was changed: %(why)s") % {"why": getattr(error, "detail", "") or error})
        if getattr(error, "reason", "") == "address_taken":
            tell_holder(request, entry, asked.cleaned_data["address"])
    return back_to(entry)


def act_named(request: HttpRequest, entry: Entry) -> Act:
    """The button that was pressed, if they may."""
    name = request.POST.get("act", "")
    barred = state.known_of(entry).barred if name == "lift" else None
    act = acts.lifting(barred.pk) if barred else ACTS.get(name)
    if act is None or not may(request.user, act.needs):
        raise PermissionDenied
    return act


def tell_holder(request: HttpRequest, entry: Entry, contact: Any) -> None:
    """Who has the address that was wanted."""
    holder = entry_with(entry.launch, contact)
    if holder:
        path = reverse("admin:waitlist_entry_change", args=[holder.pk])
        said = _("It is entry %(n)s.") % {"n": holder.pk}
        messages.info(
            request, format_html('{} <a class="underline" href="{}">{}</a>', said, path, _("Open their page"))
        )


def shown(request: HttpRequest, entry: Entry, **more: Any) -> HttpResponse:
    """Everything on one page."""
    known = state.known_of(entry)
    lines, older = timeline.page_of(entry, before_of(request))
    context = admin.site.each_context(request) | facts_of(request, entry, known) | more
    context |= {"lines": lines, "older": older, "first_page": "before" not in request.GET}
    complaints, decisions = acts.COMPLAINTS, acts.DECISIONS
    lifts = [acts.lifting(known.barred.pk)] if known.barred else []
    context |= {
        "complaints": [formed(act, more) for act in acts.offered([*lifts, *complaints], request.user, entry)],
        "decisions": [formed(act, more) for act in acts.offered(decisions, request.user, entry)],
        "code_form": more.get("code_form") or CodeForm(),
        "may_check_codes": may(request.user, "invites.view_code") and entry.status != Entry.Status.ERASED,
        "may_take_out": may(request.user, "waitlist.takeout_entry"),
        "may_erase": may(request.user, "waitlist.erase_entry") and entry.status != Entry.Status.ERASED,
    }
    answer = more.get("answer")
    context["helps"] = next(
        (one for one in (*context["complaints"], *context["decisions"]) if answer and one["act"].name == answer.act),
        None,
    )
    return TemplateResponse(request, "admin/person.html", context)


def formed(act: Act, more: dict[str, Any]) -> dict[str, Any]:
    """A button with its form; open, with what is wrong, where it was pressed."""
    pressed = more.get("pressed") is not None and more["pressed"].name == act.name
    return {"act": act, "form": more["asked"] if pressed else act.form(prefix=act.name), "open": pressed}


def before_of(request: HttpRequest) -> datetime | None:
    """From which moment on back the timeline is read."""
    try:
        return parse_datetime(request.GET.get("before", ""))
    except ValueError:
        return None


def facts_of(request: HttpRequest, entry: Entry, known: state.Known) -> dict[str, Any]:
    """Who they are and what stands about them."""
    first, *asides = state.explained(known)
    seen = Activity.objects.filter(entry=entry).aggregate(first=Min("at"), last=Max("at"))
    contact = contact_for(request.user, entry) or _("erased")
    return {
        "title": entry.name or contact,
        "entry": entry,
        "contact": contact,
        "first": first,
        "asides": asides,
        "known": known,
        "let_in_by": known.redemption.code if known.redemption and entry.invited_by.startswith("code:") else None,
        "own_codes": entry.codes.order_by("-pk")[:OWN_CODES],
        "invited_by": known.names[entry.invited_by],
        "points": points_of(entry),
        "friends": referrals.referred_counts(entry),
        "quality": quality_of_friends(entry),
        "log_in": entry.user,
        "seen": seen,
        "may_see": request.user.has_perm("waitlist.contact_entry"),
    }


class EraseForm(Reason):
    """Typed by hand, so that nobody is erased by a slip."""

    typed = forms.CharField(label="", max_length=40, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))
    field_order = ("typed", "reason")

    def __init__(self, *args: Any, entry: Entry, **more: Any) -> None:
        super().__init__(*args, **more)
        self.wanted = f"erase {entry.pk}"
        self.fields["typed"].label = _("Type “%(words)s” to go on") % {"words": self.wanted}

    def clean_typed(self) -> str:
        """Exactly the words."""
        typed = str(self.cleaned_data["typed"])
        if typed.strip().lower() != self.wanted:
            raise forms.ValidationError(_("Type “%(words)s”, or leave this page.") % {"words": self.wanted})
        return typed


def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """What will be gone, then, once the words are typed, the end of it."""
    entry = entry_for(request, pk)
    if not may(request.user, "waitlist.erase_entry"):
        raise PermissionDenied
    form = EraseForm(request.POST or None, entry=entry)
    if request.method == "POST" and form.is_valid():
        gone = erasing.erase([entry.pk], form.cleaned_data["reason"], by=f"staff:{request.user.pk}")
        said = _("Erased. Nothing that names this person is left.") if gone else _("This person was erased before.")
        messages.success(request, said)
        return back_to(entry)
    counted = [(name, len(rows)) for name, rows in takeout.tables_of(entry) if rows]
    context = {
        "title": _("Erase this person"),
        "entry": entry,
        "contact": contact_for(request.user, entry),
        "form": form,
    }
    return TemplateResponse(
        request, "admin/erase.html", admin.site.each_context(request) | context | {"counted": counted}
    )


@require_POST
def take_out(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The file, for the person; the trail keeps who took it."""
    entry = entry_for(request, pk)
    if not may(request.user, "waitlist.takeout_entry"):
        raise PermissionDenied
    found = takeout.taken(entry)
    rows = sum(len(part) for part in found.values() if isinstance(part, list))
    keeping.note_takeout(entry.pk, rows, by=f"staff:{request.user.pk}")
    answer = StreamingHttpResponse(takeout.written(found), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="person-{entry.pk}.json"'
    return answer
