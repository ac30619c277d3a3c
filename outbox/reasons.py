"""Actions of the console that ask for a reason first: it stands in the trail beside the name of who did it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from outbox.errors import Refused
from outbox.states import StaleState

MOST_AT_ONCE = 1_000
Run = Callable[[Any, HttpRequest, Any, list[int], str], None]


class ReasonForm(forms.Form):
    """Why: it stands in the trail beside the name of who did it."""

    reason = forms.CharField(
        max_length=300, label=_("Reason"), widget=forms.TextInput(attrs={"autofocus": True, "size": 60})
    )


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


def with_reason(title: Promise, verb: Any, run: Run = run_verb) -> Any:
    """An action of the list that asks for a reason first, then runs the verb on the chosen rows and says what came of it."""

    def act(self: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        form = ReasonForm(request.POST if "apply" in request.POST else None)
        ids = list(chosen.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(ids) > MOST_AT_ONCE:
            self.message_user(request, _("At most 1,000 at once; narrow the list first."), messages.ERROR)
            return None
        if form.is_valid():
            run(self, request, verb, ids, form.cleaned_data["reason"])
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
