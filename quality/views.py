"""The page of the one short question, and the console's page of the two scoring tables."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache

from outbox.states import StaleState
from quality import question
from quality.actions import answering
from quality.forms import AnswerForm
from quality.models import Answer
from quality.queries import trials as queries
from waitlist.models import Entry, Launch

QUESTION_COOKIE = "vestibule_question"
QUESTION_SECONDS = 24 * 3600


@method_decorator(never_cache, name="dispatch")
class Question(View):
    """Five buttons and room for a sentence. Opening the page, or the link to it, answers nothing."""

    limit = "act"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page; the token of the link is taken out of the address first."""
        if "token" in request.GET:
            return self.arrive(request.GET["token"])
        entry = self.member(request)
        said = Answer.objects.filter(entry=entry).first() if entry else None
        return self.page(request, entry, AnswerForm(initial={"comment": said.comment} if said else {}), said)

    def arrive(self, token: str) -> HttpResponse:
        """Keeps the token in a cookie of this page alone, so that it stands in no address bar and goes to no other site."""
        response = redirect("question")
        if question.asked_by(token):
            response.set_cookie(
                QUESTION_COOKIE,
                token,
                max_age=QUESTION_SECONDS,
                httponly=True,
                samesite="Lax",
                secure=settings.HTTPS,
                path="/question",
            )
        else:
            response.delete_cookie(QUESTION_COOKIE, path="/question", samesite="Lax")
        response["Referrer-Policy"] = "no-referrer"
        return response

    def member(self, request: HttpRequest) -> Entry | None:
        """Who is asked in this browser."""
        return question.asked_by(request.COOKIES.get(QUESTION_COOKIE, ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keeps the answer of whoever pressed a button."""
        entry, form = self.member(request), AnswerForm(request.POST)
        if entry is None or not form.is_valid():
            return self.page(request, entry, form)
        said = form.cleaned_data
        try:
            answering.answer(entry, said["score"], said["comment"], by=f"person:{entry.pk}")
        except StaleState:
            return self.page(request, None, form)
        messages.success(request, _("Thank you. Your answer is kept; press another number to change it."))
        return redirect("question")

    def page(
        self, request: HttpRequest, entry: Entry | None, form: AnswerForm, said: Answer | None = None
    ) -> HttpResponse:
        context: dict[str, Any] = {"entry": entry, "form": form, "said": said, "numbers": range(1, 6)}
        if entry is not None:
            context["launch"] = entry.launch
        return render(request, "quality/question.html", context)


OUTCOME_NAMES = {
    "registered": gettext_lazy("came in"),
    "activated": gettext_lazy("began to use it (activated)"),
    "churned": gettext_lazy("went away again (churned)"),
}
SENTENCES = {
    "empty": gettext_lazy("One of the tables has nobody yet."),
    "open": gettext_lazy("No difference can be told yet: it may as well be chance."),
    "higher": gettext_lazy("B is higher than A by more than chance explains."),
    "lower": gettext_lazy("B is lower than A by more than chance explains."),
}


def trial(request: HttpRequest, launch_id: int) -> HttpResponse:
    """The console's page of the two scoring tables: where they differ, and what became of the people of each."""
    if not request.user.has_perm("waitlist.view_launch"):
        raise PermissionDenied
    launch = get_object_or_404(Launch, pk=launch_id)
    since = queries.split_since(launch)
    found = queries.outcomes(launch, since, timezone.now()) if since else []
    context = admin.site.each_context(request) | {
        "title": _("Two scoring tables: %(launch)s") % {"launch": launch},
        "launch": launch,
        "since": since,
        "rows": [(OUTCOME_NAMES[one.name], one, SENTENCES[one.verdict]) for one in found],
        "differs": launch.weights.filter(arm="b").order_by("rule", "key"),
    }
    return TemplateResponse(request, "admin/trial.html", context)
