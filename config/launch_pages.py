"""The console's pages that turn several settings at once: tighten for a time, and the steps towards open registration."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actors import named
from config.launch_forms import STEPS, TightenForm
from invites.models import Code
from outbox.console import may
from outbox.errors import Refused
from outbox.reasons import ReasonForm
from outbox.states import StaleState
from quality.queries import gating
from quality.queries.readings import standing
from waitlist import launch_words, previews, queries
from waitlist.actions import turning
from waitlist.models import Launch, Trace, Turn

TIGHTEN, WIDEN = "waitlist.tighten_launch", "waitlist.widen_launch"
NAMES: dict[str, Promise] = {
    Turn.Kind.QUOTA: gettext_lazy("More places a day"),
    Turn.Kind.LIMITS: gettext_lazy("Wider limits"),
    Turn.Kind.OPEN: gettext_lazy("No invites: open to everybody"),
}
ABOUT: dict[str, Promise] = {
    Turn.Kind.QUOTA: gettext_lazy("People come in faster, still in order and within the gates."),
    Turn.Kind.LIMITS: gettext_lazy(
        "Whole companies and events come at once; the doors let more through from one place."
    ),
    Turn.Kind.OPEN: gettext_lazy("Whoever comes signs up at once. The list stays, and is needed no more."),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that speaks for the next step, against it, or leaves it open."""

    word: str  # yes, no or unknown
    sentence: str


def tighten(request: HttpRequest, launch_id: int) -> HttpResponse:
    """Tightened for a time: the form, then what it would do, then done; or what is tightened, and ending it."""
    launch = launch_for(request, launch_id, TIGHTEN)
    turn = queries.turns_of(launch).filter(kind=Turn.Kind.TIGHTEN).first()
    if turn:
        return taken_back(request, launch, turn, "admin/launch/tighten.html", _("Tightened for a time"))
    form = TightenForm(launch, request.POST or None)
    if request.method == "POST" and form.is_valid():
        until = timezone.now() + timedelta(days=form.cleaned_data["days"])
        if "sure" not in request.POST:
            sentences = [*of_codes(form.settings, launch), until_in_words(form.cleaned_data["days"])]
            return foreseen(request, launch, form.settings, sentences)
        return turned(request, launch, Turn.Kind.TIGHTEN, form, until=until)
    context = {"title": _("Tighten for a time"), "form": form, "seen": queries.newest_change(launch)}
    return page(request, launch, "admin/launch/tighten.html", context)


def widen(request: HttpRequest, launch_id: int) -> HttpResponse:
    """The three steps: how far the launch is, what speaks for and against the next one, taking it and taking it back."""
    launch = launch_for(request, launch_id, WIDEN)
    step, back = request.POST.get("step", ""), request.POST.get("back", "")
    turn = queries.turns_of(launch).filter(kind=back).first() if back in STEPS else None
    if turn:
        return taken_back(request, launch, turn, "admin/launch/back.html", str(NAMES[turn.kind]))
    form = STEPS[step](launch, request.POST) if step in STEPS and step == next_step(launch) else None
    if form is not None and form.is_valid():
        if "sure" not in request.POST:
            return foreseen(
                request, launch, form.settings, [*of_step(step, launch), *(one.sentence for one in against(launch))]
            )
        return turned(request, launch, step, form)
    context = {
        "title": _("Towards open registration"),
        "steps": steps(launch, form),
        "fors": fors(launch),
        "seen": queries.newest_change(launch),
    }
    return page(request, launch, "admin/launch/widen.html", context)


def launch_for(request: HttpRequest, launch_id: int, needs: str) -> Launch:
    """The launch, for who may do this to it."""
    if not may(request.user, needs):
        raise PermissionDenied
    return get_object_or_404(Launch, pk=launch_id)


def page(request: HttpRequest, launch: Launch, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page of the console about this launch."""
    return TemplateResponse(request, template, admin.site.each_context(request) | {"launch": launch} | context)


def foreseen(request: HttpRequest, launch: Launch, settings: dict[str, Any], more: list[str]) -> HttpResponse:
    """What it would do, before it is done; the button sends the same form again."""
    after = copy(launch)
    for name, value in settings.items():
        setattr(after, name, value)
    plan = previews.Plan(launch, after)
    turns = [
        f"{launch_words.setting(name)}: {launch_words.value(getattr(launch, name))} → {launch_words.value(value)}"
        for name, value in settings.items()
    ]
    context = {
        "title": _("Before it is done"),
        "plan": plan,
        "sentences": [*turns, *previews.sentences(plan), *more],
        "sent": [(name, value) for name, value in request.POST.items() if name != "csrfmiddlewaretoken"],
        "action": request.path,
        "save": _("Do it"),
    }
    return page(request, launch, "admin/launch/preview.html", context)


def turned(request: HttpRequest, launch: Launch, kind: str, form: Any, until: Any = None) -> HttpResponse:
    """Does it, and says so."""
    seen = request.POST.get("seen", "")
    try:
        turning.turn(
            launch,
            kind,
            form.settings,
            form.cleaned_data["reason"],
            by=f"staff:{request.user.pk}",
            until=until,
            seen=int(seen) if seen.isdecimal() else None,
        )
        messages.success(request, _("Done. It can be taken back here."))
    except (Refused, StaleState) as error:
        messages.error(request, _("Nothing was changed: %(why)s") % {"why": getattr(error, "detail", "") or error})
    return HttpResponseRedirect(request.path)


def taken_back(request: HttpRequest, launch: Launch, turn: Turn, template: str, title: str) -> HttpResponse:
    """What was turned, and the form that takes it back."""
    form = ReasonForm(request.POST if "apply" in request.POST else None)
    if request.method == "POST" and form.is_valid():
        try:
            turn = turning.take_back(turn.pk, form.cleaned_data["reason"], by=f"staff:{request.user.pk}")
            messages.success(request, _("It is as it was before."))
            if turn.left:
                names = ", ".join(launch_words.setting(name) for name in turn.left)
                messages.warning(request, _("Left as an owner set it meanwhile: %(names)s") % {"names": names})
        except StaleState as error:
            messages.error(request, _("Nothing was changed: %(why)s") % {"why": error})
        return HttpResponseRedirect(request.path)
    rows = [
        (
            launch_words.setting(name),
            launch_words.value(turn.before[name]),
            launch_words.value(getattr(launch, name)),
            name in turn.left,
        )
        for name in turn.after
    ]
    who = named([turn.by])[turn.by]
    return page(request, launch, template, {"title": title, "turn": turn, "rows": rows, "form": form, "who": who})


def until_in_words(days: int) -> str:
    """When it is over by itself."""
    return ngettext(
        "After %(n)d day it is by itself as it is now, but for what an owner changes meanwhile.",
        "After %(n)d days it is by itself as it is now, but for what an owner changes meanwhile.",
        days,
    ) % {"n": days}


def of_codes(settings: dict[str, Any], launch: Launch) -> Iterator[str]:
    """What becomes of codes when new ones are longer."""
    if "code_format" in settings:
        good = Code.objects.filter(launch=launch, status="active", expires_at__gt=timezone.now()).count()
        yield ngettext(
            "New codes have 16 characters; %(n)d code that is out stays as it is.",
            "New codes have 16 characters; %(n)d codes that are out stay as they are.",
            good,
        ) % {"n": good}


def of_step(step: str, launch: Launch) -> Iterator[str]:
    """What a step means for codes, gates and load."""
    joined = Trace.objects.filter(launch=launch, act=Trace.Act.JOIN, at__gte=timezone.now() - timedelta(days=7)).count()
    load = {"a_day": round(joined / 7, 1), "quota": launch.daily_quota}
    if step == Turn.Kind.LIMITS:
        yield _("All launches share the doors. The counts begin anew, as they do with every change of a limit.")
    if step == Turn.Kind.OPEN:
        yield _("Codes keep working, and invitations that are out too; nobody needs one any more.")
        yield _(
            "A closed gate that stops everything stops open sign-up too; one that stops invites stops nothing then."
        )
        yield (
            _(
                "Who joined: %(a_day)s people a day in the last week. They would come in at once, where now at most %(quota)d a "
                "day are invited."
            )
            % load
        )


def next_step(launch: Launch) -> str | None:
    """The first step that is not taken yet."""
    return next((kind for kind in STEPS if not is_taken(launch, kind)), None)


def is_taken(launch: Launch, kind: str) -> bool:
    """Whether the launch is past this step, by the button or by hand; an open launch is past all of them."""
    if launch.mode == Launch.Mode.OPEN or queries.turns_of(launch).filter(kind=kind).exists():
        return True
    return kind != Turn.Kind.OPEN and launch.limit_percent > 100


def steps(launch: Launch, sent: Any) -> list[dict[str, Any]]:
    """The three steps as the page shows them."""
    turns, upcoming = {turn.kind: turn for turn in queries.turns_of(launch)}, next_step(launch)
    return [
        {
            "kind": kind,
            "name": NAMES[kind],
            "about": ABOUT[kind],
            "turn": turns.get(kind),
            "taken": is_taken(launch, kind),
            "form": (sent or STEPS[kind](launch)) if kind == upcoming else None,
        }
        for kind in STEPS
    ]


def fors(launch: Launch) -> list[Said]:
    """What speaks for and against the next step, as last measured."""
    now = timezone.now()
    gates, health = gating.standing(launch.pk, now), standing(launch, now)
    word = "unknown" if not gates.guarded else "yes" if gates.invites_open else "no"
    trust = {"healthy": "yes", "unhealthy": "no"}.get(health["health_status"], "unknown")
    said = [Said(word, gating.guard_in_words(launch, now)), Said(trust, trust_in_words(health))]
    alerts = gating.open_alerts(launch.pk)
    quiet = [] if alerts else [Said("yes", _("No alert is open."))]
    return [*said, *quiet, *(Said("no", _("Alert: %(detail)s") % {"detail": one.detail}) for one in alerts)]


def against(launch: Launch) -> list[Said]:
    """Of it, what speaks against."""
    return [one for one in fors(launch) if one.word == "no"]


def trust_in_words(health: dict[str, Any]) -> str:
    """The trust score in a sentence."""
    score = health["trust_score"]
    if score is None or health["health_status"] == "unknown":
        return _("The trust score is not known: too few new members, or nothing is reported of them.")
    numbers = {"score": f"{score:.2f}", "sample": health["sample"]}
    if health["health_status"] == "healthy":
        return _("The trust score is %(score)s of 1, from %(sample)d members: healthy.") % numbers
    return _("The trust score is %(score)s of 1, from %(sample)d members: not healthy.") % numbers
