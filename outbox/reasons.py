"""Actions of the console that ask for a reason first: it stands in the trail beside the name of who did it.

What is chosen is done at once while it is few; more is a job, which a worker does chunk by chunk and which can be stopped.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.widgets import UnfoldAdminTextInputWidget

from outbox import registry
from outbox.actions import start_job, work_on
from outbox.errors import Refused
from outbox.states import StaleState

AT_ONCE = 100  # rows; more is a job
MOST = 100_000
LONGEST_REASON = 300
Run = Callable[[Any, HttpRequest, Any, list[int], str], None]


def reason_field(**attrs: Any) -> forms.CharField:
    """The field for the reason, in whatever form asks for one."""
    return forms.CharField(max_length=LONGEST_REASON, label=_("Reason"), widget=UnfoldAdminTextInputWidget(attrs=attrs))


class ReasonForm(forms.Form):
    """Why: it stands in the trail beside the name of who did it."""

    reason = reason_field(autofocus=True, size=60)


def run_verb(page: Any, request: HttpRequest, work: registry.Work, ids: list[int], reason: str) -> None:
    """Runs the verb and says how many changed, how many could not, and where those stood."""
    by = f"staff:{request.user.pk}"
    try:
        changed, unchanged = work_on(work, ids, reason, by=by, alone=len(ids) > 1)
    except (Refused, StaleState) as error:
        page.message_user(request, _("Nothing was changed: %(why)s") % {"why": said_by(error)}, messages.ERROR)
        return
    page.message_user(request, told(changed, unchanged), messages.SUCCESS if changed else messages.WARNING)


def run_apart(page: Any, request: HttpRequest, verb: Any, ids: list[int], reason: str) -> None:
    """The same for a verb that commits chunk by chunk: inside one transaction it could not be stopped on its way."""
    try:
        changed = verb(ids, reason, by=f"staff:{request.user.pk}")
    except (Refused, StaleState) as error:
        page.message_user(request, _("Nothing was changed: %(why)s") % {"why": said_by(error)}, messages.ERROR)
        return
    rest = {"stale": len(ids) - changed} if changed < len(ids) else {}
    page.message_user(request, told(changed, rest), messages.SUCCESS if changed else messages.WARNING)


def said_by(error: Exception) -> str:
    """Why a verb said no, in words."""
    return getattr(error, "detail", "") or registry.in_words(getattr(error, "reason", "stale"))


def told(changed: int, unchanged: Mapping[str, int]) -> str:
    """What came of it, in a sentence or two."""
    text = ngettext("%(n)d changed.", "%(n)d changed.", changed) % {"n": changed}
    rest = sum(unchanged.values())
    if not rest:
        return text
    stood = ngettext("%(n)d stood where this cannot be done.", "%(n)d stood where this cannot be done.", rest)
    whys = ", ".join(f"{registry.in_words(why)}: {n}" for why, n in sorted(unchanged.items()))
    return f"{text} {stood % {'n': rest}} ({whys})"


def with_reason(
    title: Promise,
    verb: Any,
    needs: str,
    run: Run | None = None,
    states: registry.States | None = None,
    opposite: str = "",
    still_so: registry.StillSo | None = None,
) -> Any:
    """An action of the list that asks for a reason, then runs the verb on the chosen rows and says what came of it.

    `needs` is its permission, by which the trail and the workers know it too. `states` tells of ids where they stand, so that
    a job can say why some could not be changed; `opposite` names the work that takes it back, for rows that are `still_so`.
    """
    work = registry.works[needs] = registry.Work(title, verb, states, opposite, still_so)

    def act(self: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        form = ReasonForm(request.POST if "apply" in request.POST else None)
        ids = list(chosen.values_list("pk", flat=True)[: MOST + 1])
        if len(ids) > MOST:
            self.message_user(request, _("At most 100,000 at once; narrow the list first."), messages.ERROR)
            return None
        if form.is_valid() and len(ids) > AT_ONCE and run is None:
            return started(request, needs, ids, form.cleaned_data["reason"])
        if form.is_valid() and run is None:
            run_verb(self, request, work, ids, form.cleaned_data["reason"])
            return None
        if form.is_valid() and run:
            run(self, request, verb, ids[:AT_ONCE], form.cleaned_data["reason"])
            return None
        return asked(self, request, form, title, ids)

    act.short_description = title  # type: ignore[attr-defined]
    act.__name__ = verb.__name__
    act.needs = needs  # type: ignore[attr-defined]
    return act


def started(request: HttpRequest, name: str, ids: list[int], reason: str) -> HttpResponse:
    """Leaves it to a worker, and leads to the page that tells how far it is."""
    job = start_job(name, ids, reason, by=f"staff:{request.user.pk}", back=request.path)
    return HttpResponseRedirect(reverse("admin:outbox_job_change", args=[job.pk]))


def asked(page: Any, request: HttpRequest, form: ReasonForm, title: Promise, ids: list[int]) -> HttpResponse:
    """The page that asks for the reason. Where all pages of a list were chosen it sends that again, not every id."""
    across = request.POST.get("select_across") == "1"
    context = page.admin_site.each_context(request) | {
        "title": title,
        "form": form,
        "count": len(ids),
        "ids": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)[:1] if across else ids,
        "across": across,
        "action": request.POST["action"],
        "checkbox": helpers.ACTION_CHECKBOX_NAME,
        "opts": page.model._meta,
    }
    return TemplateResponse(request, "admin/reason.html", context)
