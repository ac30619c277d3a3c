"""The outbox in Django's admin: all of it is read-only; a dead letter is replayed and a suppression lifted by its verb. An
endpoint is made, disabled, enabled and given a new secret; the secret is shown once."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox import actions, queries, reach, registry
from outbox.console import LatelySeen, ReadOnly, may
from outbox.errors import Refused
from outbox.facts import catalogue
from outbox.models import Delivery, Endpoint, Event, Job, Suppression
from outbox.reasons import ReasonForm, with_reason
from outbox.states import StaleState


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ["at", "kind", "subject", "by", "data"]
    list_display_links = ["at"]
    search_fields = ["subject__exact", "kind__exact", "by__exact"]
    search_help_text = "entry:12, code.redeemed or staff:5, in full"
    ordering = ["-id"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ["created_at", "name", "subject", "status", "attempts", "due_at", "last_error"]
    list_filter = ["status", ("handler", LatelySeen), ("name", LatelySeen)]
    exclude = ["sealed", "address_key"]
    search_fields = ["subject__exact", "message_id__exact"]
    search_help_text = "entry:12 or a Message-ID, in full"
    ordering = ["-id"]
    actions = [with_reason(gettext_lazy("Deliver again what was given up"), actions.replay, "outbox.replay_delivery")]


@admin.register(Job)
class JobAdmin(ReadOnly):
    """Work on many rows: how far each job is, what came of it, and the buttons that stop it or let it go on."""

    nothing = gettext_lazy(
        "Nothing was changed in bulk yet. Choose more than a hundred rows of a list and an action: it becomes a job."
    )

    list_display = ["created_at", "what", "status", "progress", "by", "reason"]
    list_filter = ["status"]
    exclude = ["ids"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """The rows without their long lists of ids."""
        return super().get_queryset(request).defer("ids")

    @admin.display(description=gettext_lazy("what"))
    def what(self, job: Job) -> str:
        """In plain words."""
        return str(registry.works[job.name].title) if job.name in registry.works else job.name

    @admin.display(description=gettext_lazy("how far"))
    def progress(self, job: Job) -> str:
        """Rows looked at, of all."""
        return f"{job.done} / {job.total}"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """How far it is, with a bar that moves by itself, and what can be done."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        number = unquote(object_id)
        job = get_object_or_404(Job.objects.defer("ids"), pk=number if number.isdecimal() else 0)
        if request.method == "POST":
            return HttpResponseRedirect(self.act(request, job) or request.path)
        reasons = sorted((registry.in_words(why), n) for why, n in job.unchanged.items())
        about = {"job": job, "what": self.what(job), "reasons": reasons, "undoes": self.undoes(request, job)}
        about["may_work"] = self.may_work(request, job)
        about |= {"percent": 100 * job.done // job.total if job.total else 100, "form": ReasonForm()}
        if request.headers.get("HX-Request"):
            part = TemplateResponse(request, "admin/parts/job.html", about)
            if job.status != Job.Status.RUNNING:
                part["HX-Refresh"] = "true"  # what can be done now is another
            return part
        shown = {**self.admin_site.each_context(request), **about, "title": about["what"], "opts": self.opts}
        return TemplateResponse(request, "admin/job.html", shown)

    def may_work(self, request: HttpRequest, job: Job) -> bool:
        """Whether they could have started it: to let a job go on is to do what it does."""
        return all(may(request.user, needs) for needs in registry.needed_for(job.name))

    def undoes(self, request: HttpRequest, job: Job) -> registry.Work | None:
        """What takes an ended job back, where there is such a thing and they may do it."""
        work = registry.works.get(job.name)
        ended = job.status != Job.Status.RUNNING and job.changed
        return (
            registry.works[work.opposite]
            if work and work.opposite and ended and may(request.user, work.opposite)
            else None
        )

    def act(self, request: HttpRequest, job: Job) -> str:
        """Stops it, lets it go on or takes it back, for a reason; where that leads, "" for back to here."""
        asked, form = request.POST.get("act", ""), ReasonForm(request.POST)
        verbs = {"stop": actions.stop_job, "resume": actions.resume_job}
        if asked == "undo" and self.undoes(request, job):
            return self.undo(request, job, form)
        if asked not in verbs or not may(request.user, f"outbox.{asked}_job"):
            raise PermissionDenied
        if asked == "resume" and not self.may_work(request, job):
            raise PermissionDenied
        if not form.is_valid():
            self.message_user(request, _("Say why: the reason stands in the trail."), messages.ERROR)
            return ""
        try:
            verbs[asked](job.pk, form.cleaned_data["reason"], by=f"staff:{request.user.pk}")
        except StaleState:
            self.message_user(request, _("Somebody was faster, or the job has ended."), messages.WARNING)
        return ""

    def undo(self, request: HttpRequest, job: Job, form: ReasonForm) -> str:
        """Starts the opposite on the rows that this job changed and nobody has since."""
        work = registry.works[job.name]
        ids = work.still_so(job) if work.still_so and form.is_valid() else []
        if not ids:
            said = (
                _("Nothing is left to take back.") if form.is_valid() else _("Say why: the reason stands in the trail.")
            )
            self.message_user(request, said, messages.WARNING)
            return ""
        by = f"staff:{request.user.pk}"
        made = actions.start_job(work.opposite, ids, form.cleaned_data["reason"], by=by, back=job.back)
        return reverse("admin:outbox_job_change", args=[made.pk])


@admin.register(Suppression)
class SuppressionAdmin(ReadOnly):
    list_display = ["id", "reason", "at"]
    list_filter = ["reason"]
    exclude = ["address_key"]
    ordering = ["-id"]
    actions = [
        with_reason(gettext_lazy("Let mail go to these addresses again"), actions.lift, "outbox.lift_suppression")
    ]


def public_events() -> list[tuple[str, str]]:
    """What may be listened to, with when it happens."""
    return [(name, f"{name}: {_(fact.when)}") for name, fact in sorted(catalogue.items()) if fact.public]


class EndpointForm(forms.ModelForm):
    """Where to, which events, and whether with names and addresses."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=reach.LONGEST_URL,
        widget=forms.URLInput(attrs={"size": 60, "placeholder": "https://example.com/hooks"}),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=public_events,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen means all of them, later ones too."),
    )

    class Meta:
        model = Endpoint
        fields = ["url", "events", "full_contact"]

    def clean_url(self) -> str:
        """Where no webhook may go is said beside the field."""
        url = str(self.cleaned_data["url"])
        try:
            reach.addresses_of(reach.place_of(url))
        except Refused as error:
            raise forms.ValidationError(error.detail) from error
        return url


def rotate(page: Any, request: HttpRequest, verb: Any, ids: list[int], reason: str) -> None:
    """Gives each a new secret and shows it, this once."""
    for pk in ids:
        show_secret(request, pk, verb(pk, reason, by=f"staff:{request.user.pk}"))


def show_secret(request: HttpRequest, pk: int, secret: str) -> None:
    said = _("Copy the secret of endpoint %(pk)d now, it is not shown again: %(secret)s")
    messages.warning(request, said % {"pk": pk, "secret": secret})


@admin.register(Endpoint)
class EndpointAdmin(ReadOnly):
    """Programs that hear of public events. A made one is not altered: disable it and make another."""

    nothing = _(
        "No other program hears what happens here. Add an endpoint to tell one; docs/webhooks.md says what arrives."
    )

    form = EndpointForm
    list_display = ["id", "url", "heard", "status", "disabled_reason", "full_contact", "by", "created_at"]
    list_filter = ["status"]
    shown = [
        "url",
        "heard",
        "full_contact",
        "status",
        "disabled_reason",
        "by",
        "created_at",
        "old_secret_until",
        "latest",
    ]
    readonly_fields = ["heard", "latest"]
    ordering = ["-id"]
    actions = [
        with_reason(gettext_lazy("Disable"), actions.disable_endpoints, "outbox.disable_endpoint"),
        with_reason(gettext_lazy("Enable"), actions.enable_endpoints, "outbox.enable_endpoint"),
        with_reason(gettext_lazy("Make a new secret"), actions.rotate_secret, "outbox.rotate_endpoint", rotate),
    ]

    class Media:
        css = {"all": ("plots.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Owners make endpoints: whoever was given the right."""
        return request.user.has_perm("outbox.add_endpoint")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """What is asked of a new one; all but the secrets of a made one."""
        return self.shown if obj else ["url", "events", "full_contact"]

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        """Makes it by its verb and shows the secret, this once."""
        by = f"staff:{request.user.pk}"
        made, secret = actions.make_endpoint(obj.url, obj.events, full_contact=obj.full_contact, by=by)
        obj.pk = made.pk
        show_secret(request, made.pk, secret)

    @admin.display(description=gettext_lazy("events"))
    def heard(self, endpoint: Endpoint) -> str:
        """Which events go there."""
        return ", ".join(endpoint.events) or _("all")

    @admin.display(description=gettext_lazy("last deliveries"))
    def latest(self, endpoint: Endpoint) -> SafeString:
        """How the last ones went."""
        rows = [
            (f"{one.created_at:%Y-%m-%d %H:%M:%S}", one.name, one.subject, one.status, one.attempts, one.last_error)
            for one in queries.latest_webhooks(endpoint.pk)
        ]
        lines = format_html_join(
            "", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows
        )
        return format_html("<table>{}</table>", lines) if rows else format_html("{}", _("none yet"))
