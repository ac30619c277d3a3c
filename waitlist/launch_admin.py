"""The launch's page of the console: what owners tune, previewed where it moves people, with its history and a way back."""

from collections.abc import Callable
from copy import copy
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox import registry
from outbox.actions import start_job
from outbox.console import Page, may
from outbox.models import Event, Job
from outbox.states import StaleState
from waitlist import launch_words, previews, queries
from waitlist.actions import rescoring, tuning
from waitlist.launch_form import SECTIONS, LaunchForm
from waitlist.models import Entry, Launch
from waitlist.shown import contact_for

SURE = "sure"
CHUNK = 50_000  # people of one job: it reads its whole list again with every step
CHANGES_SHOWN = 10

registry.works["waitlist.rescore_entry"] = registry.Work(
    gettext_lazy("Score those who wait anew"), rescoring.rescore, queries.states_of
)
registry.works["waitlist.unscore_entry"] = registry.Work(
    gettext_lazy("Give back the points from before"), rescoring.unscore, queries.states_of
)


@admin.register(Launch)
class LaunchAdmin(Page):
    """What owners tune. Every change is a fact."""

    actions: tuple[Any, ...] = ()
    form = LaunchForm
    change_form_template = "admin/launch/change.html"

    list_display: tuple[Any, ...] = ("name", "slug", "enabled", "mode", "approval", "daily_quota", "time_zone")
    inlines: ClassVar[tuple[Any, ...]] = ()  # the apps above add theirs
    stands: ClassVar[tuple[Callable[[Launch], str], ...]] = ()  # sentences of the apps above, at the top of the page

    def get_fieldsets(self, request: HttpRequest, obj: Launch | None = None) -> Any:
        """The groups of the form."""
        return [(title, {"fields": names, "description": why}) for title, why, names in SECTIONS]

    def get_urls(self) -> list[Any]:
        """The pages beside the form."""
        beside = {"preview": self.preview, "put-back": self.put_back, "scores-back": self.scores_back}
        own = [
            path(
                f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"waitlist_launch_{name.replace('-', '_')}"
            )
            for name, view in beside.items()
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list; where there is one launch it leads straight to it, and any question about the list stays with the list."""
        if request.method == "GET" and not request.GET and self.has_view_permission(request):
            only = list(Launch.objects.values_list("pk", flat=True)[:2])
            if len(only) == 1:
                return HttpResponseRedirect(reverse("admin:waitlist_launch_change", args=only))
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form. What moves people is shown before it is saved, and what somebody else changed meanwhile before it is lost."""
        launch = Launch.objects.filter(pk=int(object_id)).first() if object_id and object_id.isdecimal() else None
        if launch is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        if request.method == "POST" and self.has_change_permission(request, launch):
            form = LaunchForm(request.POST, instance=copy(launch))
            if meanwhile := form.meanwhile():
                return self.conflict(request, launch, form, meanwhile)
            if SURE not in request.POST and form.is_valid():
                plan = plan_of(launch, form)
                if previews.moves_people(plan):
                    return self.foreseen(request, plan)
        context = self.beside(request, launch) | (extra_context or {})
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except StaleState:
            form = LaunchForm(request.POST, instance=Launch.objects.get(pk=launch.pk))
            return self.conflict(request, launch, form, form.meanwhile())

    def conflict(self, request: HttpRequest, launch: Launch, form: LaunchForm, meanwhile: list[Event]) -> HttpResponse:
        """The page once more: theirs where they changed something, what was typed elsewhere; nothing is saved."""
        request.POST = form.over_theirs(meanwhile)  # type: ignore[assignment]
        messages.error(request, _("Nothing was saved: somebody else changed this launch meanwhile."))
        for one in launch_words.shown(meanwhile):
            messages.warning(request, f"{one['who']}: {'; '.join(one['lines'])}")
        messages.info(request, _("Their settings stand below, with what you typed elsewhere. Look again, then save."))
        return self.again(request, launch)

    def again(self, request: HttpRequest, launch: Launch) -> HttpResponse:
        """The form with what was sent, unsaved."""
        request.method = "GET"
        context = self.beside(request, launch) | {"typed": request.POST}
        return super().changeform_view(request, str(launch.pk), "", context)

    def beside(self, request: HttpRequest, launch: Launch) -> dict[str, Any]:
        """What stands around the form: the history, and what is turned."""
        changes = list(queries.changes_of(launch)[: CHANGES_SHOWN + 1])
        return {
            "history": launch_words.shown(changes[:CHANGES_SHOWN]),
            "more_history": len(changes) > CHANGES_SHOWN,
            "seen": changes[0].pk if changes else 0,
            "turns": queries.turns_of(launch),
            "launch": launch,
            "stands": [sentence(launch) for sentence in self.stands],
            "show_save_and_add_another": False,
            "show_save_and_continue": False,  # one launch has no list to go back to: both buttons would do the same
            "was_scored_anew": Job.objects.filter(name="waitlist.rescore_entry", back=page_of(launch)).exists(),
            "others": Launch.objects.exclude(pk=launch.pk).exists(),
        }

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Shows what was typed where nothing was saved yet."""
        typed, launch = context.get("typed"), context.get("original")
        if typed is not None and launch is not None:
            shown = context["adminform"]
            shown.form = type(shown.form)(typed, instance=copy(launch))
        return super().render_change_form(request, context, *args, **kwargs)

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the form that was sent would do; nothing is saved."""
        launch = get_object_or_404(Launch, pk=pk)
        if not self.has_change_permission(request, launch):
            raise PermissionDenied
        form = LaunchForm(request.POST, instance=copy(launch))
        if request.method != "POST" or not form.is_valid():
            return HttpResponseRedirect(reverse("admin:waitlist_launch_change", args=[pk]))
        return self.foreseen(request, plan_of(launch, form))

    def foreseen(self, request: HttpRequest, plan: previews.Plan) -> HttpResponse:
        """The page that says what would happen, with the first hundred people who would stand elsewhere."""
        moved = plan.moved[: previews.SHOWN] if plan.rescores else []
        people = Entry.objects.in_bulk([one.entry_id for one in moved])
        left_out = {"csrfmiddlewaretoken", SURE}
        context = self.admin_site.each_context(request) | {
            "title": _("Before it is saved"),
            "launch": plan.launch,
            "plan": plan,
            "sentences": previews.sentences(plan),
            "moved": [
                (one, contact_for(request.user, people[one.entry_id])) for one in moved if one.entry_id in people
            ],
            "sent": [
                (name, value) for name, values in request.POST.lists() if name not in left_out for value in values
            ],
            "action": reverse("admin:waitlist_launch_change", args=[plan.launch.pk]),
        }
        return TemplateResponse(request, "admin/launch/preview.html", context)

    def put_back(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Puts one change back, as a change like any other."""
        launch = get_object_or_404(Launch, pk=pk)
        if not self.has_change_permission(request, launch):
            raise PermissionDenied
        change, seen = request.POST.get("change", ""), request.POST.get("seen", "")
        if request.method == "POST" and change.isdecimal() and seen.isdecimal():
            reason = request.POST.get("reason", "").replace("\0", "").strip() or _("put back")
            try:
                tuning.put_back(launch, int(change), reason[:300], by=f"staff:{request.user.pk}", seen=int(seen))
                messages.success(request, _("It is as it was before that change."))
            except (StaleState, ValidationError) as error:
                why = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
                messages.error(request, _("Nothing was put back: %(why)s") % {"why": why})
        return HttpResponseRedirect(reverse("admin:waitlist_launch_change", args=[pk]))

    def scores_back(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Gives those who wait the points from before they were scored anew, by a job."""
        launch = get_object_or_404(Launch, pk=pk)
        if not may(request.user, "waitlist.unscore_entry"):
            raise PermissionDenied
        if request.method == "POST":
            begin(request, launch, "waitlist.unscore_entry", _("scored anew, and taken back"))
        return HttpResponseRedirect(reverse("admin:outbox_job_changelist"))

    def save_model(self, request: HttpRequest, obj: Launch, form: Any, change: bool) -> None:
        """By the verb, so that the trail has it."""
        by, said = f"staff:{request.user.pk}", form.cleaned_data
        if not change:
            own = {name: said[name] for name in form.Meta.fields if name in said}
            obj.pk = tuning.make_launch(by=by, **own).pk
            return
        seen = said.get("seen")
        tuning.tune(obj, form.changes, weights=form.new_weights, reason=said["reason"], by=by, seen=seen)
        if said["rescores"]:
            begin(request, obj, "waitlist.rescore_entry", said["reason"] or _("new points"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def plan_of(launch: Launch, form: LaunchForm) -> previews.Plan:
    """What the form would make of the launch."""
    after = copy(launch)
    for name, value in form.changes.items():
        setattr(after, name, value)
    return previews.Plan(launch, after, form.new_weights, rescores=form.cleaned_data["rescores"])


def page_of(launch: Launch) -> str:
    """Where it is tuned."""
    return reverse("admin:waitlist_launch_change", args=[launch.pk])


def begin(request: HttpRequest, launch: Launch, work: str, reason: str) -> None:
    """Has workers do it to everybody who waits, some at a time."""
    if not may(request.user, work):
        raise PermissionDenied
    waits = Entry.objects.filter(launch=launch, status__in=["pending", "waiting", "approved"]).order_by("pk")
    ids = list(waits.values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        start_job(work, ids[start : start + CHUNK], reason, by=f"staff:{request.user.pk}", back=page_of(launch))
    if ids:
        messages.info(request, _("Those who wait get their points in the background; Jobs shows how far it is."))
