"""Codes made together, in the console: the form that makes them, the one time they are taken away, and sheets to print."""

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from invites import policy, queries, sheets
from invites.actions import making, revealing
from invites.admin.forms import WHATS, GenerateForm
from invites.models import CodeRun
from outbox.console import ReadOnly, may
from outbox.errors import Refused
from outbox.reasons import ReasonForm
from waitlist.queries import launch_named
from waitlist.tokens import url

ON_SCREEN = 50  # codes that are read off the page rather than taken as a file
FILES = {"csv": ("text/csv; charset=utf-8", sheets.csv_lines), "txt": ("text/plain; charset=utf-8", sheets.text_lines)}


def actor(request: HttpRequest) -> str:
    """Whoever sits before the console, as the trail names them."""
    return f"staff:{request.user.pk}"


def must(request: HttpRequest, needs: str) -> None:
    """Stops whoever has not the permission."""
    if not may(request.user, needs):
        raise PermissionDenied


class Generate(View):
    """The form that makes codes: one, a batch or a campaign."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """For who may make codes."""
        must(request, making.MAKING)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form, empty."""
        return self.page(request, self.form(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Makes them, and leads to where they are taken away. The same form sent twice makes them once."""
        form = self.form(request)
        if form.is_valid():
            try:
                return redirect("admin:invites_coderun_change", made(form, by=actor(request)).pk)
            except Refused as refused:
                form.refuse(refused)
        return self.page(request, form)

    def form(self, request: HttpRequest) -> GenerateForm:
        asked, launch = request.GET.get("what", ""), launch_named(None)
        if launch is None:
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        return GenerateForm(asked if asked in WHATS else "batch", launch, sent, initial={"batch_id": uuid4().hex})

    def page(self, request: HttpRequest, form: GenerateForm) -> HttpResponse:
        context = admin.site.each_context(request) | {"title": _("Make codes"), "form": form, "whats": WHATS.items()}
        return TemplateResponse(request, "admin/invites/generate.html", context)


def reason_form(**more: Any) -> ReasonForm:
    """A reason that is asked beside other things, and so does not take the cursor."""
    form = ReasonForm(**more)
    del form.fields["reason"].widget.attrs["autofocus"]
    return form


def made(form: GenerateForm, *, by: str) -> CodeRun:
    """The run: at once, or under way where they are many."""
    launch, spec = form.cleaned_data["launch"], form.spec()
    if spec.count > making.AT_ONCE:
        return making.generate_later(launch, spec, spec.campaign or spec.channel or spec.kind, by=by)
    return making.generate(launch, spec, by=by)[0]


class Take(View):
    """Hands the codes to who made them, this once: as a file, or on the page while they are few."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """The codes, or why not."""
        must(request, making.MAKING)
        run, how = run_of(run_id), request.POST.get("how", "")
        few = how == "screen" and asked_for(run) <= ON_SCREEN
        if not few and how not in FILES:
            raise PermissionDenied
        try:
            revealing.take(run, how, by=actor(request))
        except Refused as refused:
            messages.error(request, refused.detail)
            return redirect("admin:invites_coderun_change", run_id)
        if few:
            return run_page(request, run_of(run_id), texts=list(queries.run_texts(run_id)))
        kind, lines = FILES[how]
        name = f"codes-{run.asked.get('campaign') or 'run'}-{run.pk}.{how}"
        return StreamingHttpResponse(
            lines(run), content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )


class Print(View):
    """A sheet of cards with QR codes. Who made the codes prints them while they may be taken; later, who may see whole codes."""

    http_method_names = ["post"]
    limit = "reveal"

    def post(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """The sheet; the trail keeps who printed which."""
        run, form = run_of(run_id), ReasonForm(request.POST)
        if not may_print(request, run):
            raise PermissionDenied
        if not form.is_valid():
            messages.error(request, _("Say why: the reason stands in the trail."))
            return redirect("admin:invites_coderun_change", run_id)
        asked = request.POST.get("sheet", "")
        sheet = int(asked) if asked.isdecimal() and len(asked) < 9 else 1
        first = (max(sheet, 1) - 1) * sheets.SHEET
        pages = sheets.pages(run, first)
        count = sum(len(page) for page in pages)
        revealing.note_printing(run, first, count, form.cleaned_data["reason"], by=actor(request))
        about = {"run": run, "pages": pages, "count": count, "launch": run.launch, "sign_up": sign_up_address()}
        return TemplateResponse(request, "admin/invites/sheet.html", about)


def sign_up_address() -> str:
    """Where a code is typed, without the https that nobody types."""
    return url("/signup").partition("://")[2]


def run_of(run_id: Any) -> CodeRun:
    """The run, with what its page needs; 404 where there is none."""
    return get_object_or_404(CodeRun.objects.select_related("launch", "job").defer("job__ids"), pk=run_id)


def asked_for(run: CodeRun) -> int:
    """How many codes were asked for; 0 of a run that was brought in, which nobody asked to make."""
    return int(run.asked.get("count", 0))


def may_print(request: HttpRequest, run: CodeRun) -> bool:
    """Whether they may see its codes on paper."""
    if may(request.user, "invites.reveal_code"):
        return True
    now = timezone.now()
    return may(request.user, making.MAKING) and policy.may_take(
        actor(request), run.by, queries.ready_at(run), None, now
    )


def run_page(request: HttpRequest, run: CodeRun, texts: list[str] | None = None) -> HttpResponse:
    """How the run stands, and what can be done with its codes."""
    ready = queries.ready_at(run)
    able = may(request.user, making.MAKING)
    count = queries.run_codes(run.pk).count()
    states = queries.run_codes(run.pk).order_by().values("status").annotate(n=Count("pk")).order_by("status")
    about = {
        "title": _("Codes made together"),
        "run": run,
        "asked": run.asked,
        "job": run.job,
        "count": count,
        "states": list(states),
        "texts": texts,
        "ready": ready,
        "mine": run.by == actor(request),
        "takes": able and policy.may_take(actor(request), run.by, ready, run.taken_at, timezone.now()),
        "ends": ready + policy.TAKEN_WITHIN if ready else None,
        "prints": bool(count and (ready or not run.job) and may_print(request, run)),
        "sheets": range(1, -(-count // sheets.SHEET) + 1),
        "few": asked_for(run) <= ON_SCREEN,
        "list": f"{reverse('admin:invites_code_changelist')}?run={run.pk}",
        "form": reason_form(initial={"reason": _("for an event")}),
    }
    if run.job and run.job.total:
        about |= {"percent": 100 * run.job.done // run.job.total}
    return TemplateResponse(request, "admin/invites/run.html", admin.site.each_context(request) | about)


@admin.register(CodeRun)
class CodeRunAdmin(ReadOnly):
    """Codes made together."""

    nothing = gettext_lazy("No codes were made together yet. Make some: one, a batch, or a campaign.")

    list_display = ("created_at", "campaign", "count", "launch", "by", "ready_at", "taken_at")
    list_select_related = ("launch",)
    search_fields = ("=batch_id",)
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("campaign"))
    def campaign(self, run: CodeRun) -> str:
        """Of which campaign they are."""
        return run.asked.get("campaign") or "–"

    @admin.display(description=gettext_lazy("how many"))
    def count(self, run: CodeRun) -> int:
        """How many were asked for."""
        return asked_for(run)

    def get_urls(self) -> list[URLPattern]:
        """With the two ways to take the codes out of the house."""
        page = self.admin_site.admin_view
        own = [
            path("<int:run_id>/take/", page(Take.as_view()), name="invites_coderun_take"),
            path("<int:run_id>/print/", page(Print.as_view()), name="invites_coderun_print"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The run's own page."""
        if not self.has_view_permission(request) or request.method != "GET":
            raise PermissionDenied
        if not object_id.isdecimal():
            return HttpResponseRedirect(reverse("admin:invites_coderun_changelist"))
        return run_page(request, run_of(unquote(object_id)))
