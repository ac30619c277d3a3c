"""The console's page of a leak: paste it, see how far it has travelled, contain it, and take that back within a day.

What is pasted stands in no address and no row: forms carry on what it means, by ids, signed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from invites import leaks, queries
from invites.actions import containing
from invites.actions.containing import CONTAIN, UNDO, UNDONE_WITHIN, Decision
from invites.leaks import Blast, Target
from invites.models import Code, Containment, ContainmentPart
from invites.suspicion import HOUR, Judged, Person, hour_of
from outbox.console import may
from outbox.errors import Refused
from outbox.models import Job
from outbox.reasons import ReasonForm, reason_field
from outbox.states import StaleState
from waitlist.models import Entry
from waitlist.shown import contact_for

SHOWN = 100  # suspicious people with a box; the others are judged by the same rule
SHOWN_CLEAR = 50
SHOWN_CLUSTERS = 8
PAST = 50  # containments in the list
SHOWN_CODES = 100  # on the page; more come as a file
PLOTTED = timedelta(days=14)
WIDTH, HEIGHT = 720.0, 120.0


class PasteForm(forms.Form):
    """What leaked, in any shape."""

    pasted = forms.CharField(
        max_length=2000,
        label=gettext_lazy("What leaked?"),
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "A code in any shape, a link with a code or an invitation in it, a campaign, a channel, the name of a run of "
            "codes, or a code's last four characters. It is looked up and kept nowhere."
        ),
    )


class LookForm(forms.Form):
    """When it leaked, and whom to suspect: changing it looks again and writes nothing."""

    leaked_at = forms.DateTimeField(
        required=False,
        label=gettext_lazy("When it leaked (UTC)"),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "step": "1"}),
    )
    net = forms.ChoiceField(
        choices=Containment.Net.choices,
        initial=Containment.Net.MARKED,
        label=gettext_lazy("Whom to suspect of those who came after it"),
        widget=UnfoldAdminRadioSelectWidget,
    )


class ContainForm(LookForm):
    """The same, with what is done and why."""

    members = forms.ChoiceField(
        choices=Containment.Members.choices,
        initial=Containment.Members.HOLD,
        label=gettext_lazy("Suspicious people who are in already"),
        widget=UnfoldAdminRadioSelectWidget,
    )
    reissue = forms.BooleanField(
        required=False,
        initial=True,
        label=gettext_lazy("Give the unaffected a new code and write to them"),
        widget=UnfoldBooleanWidget,
    )
    reason = reason_field(size=60)


# What is said in words


def marks_in_words(marks: Iterable[Sequence[Any]]) -> list[str]:
    """Why somebody counts as suspicious, a sentence for each mark."""
    return [mark_in_words(str(word), int(n)) for word, n in marks]


def mark_in_words(word: str, n: int) -> str:
    """One of them."""
    match word:
        case "rush":
            return ngettext(
                "Came in the rush: %(n)d use in that hour.", "Came in the rush: %(n)d uses in that hour.", n
            ) % {"n": n}
        case "network":
            return ngettext("Shares the network with %(n)d other.", "Shares the network with %(n)d others.", n) % {
                "n": n
            }
        case "device":
            return ngettext("Shares the browser with %(n)d other.", "Shares the browser with %(n)d others.", n) % {
                "n": n
            }
        case "stem":
            return ngettext(
                "%(n)d other has the same address but for a number.",
                "%(n)d others have the same address but for a number.",
                n,
            ) % {"n": n}
        case "domain":
            return ngettext("%(n)d other came from this domain.", "%(n)d others came from this domain.", n) % {"n": n}
        case "brought":
            return _("Brought by person %(n)d, who is suspicious.") % {"n": n}
        case "after":
            return _("Came after the leak.")
    return _("You ticked the box.")


CLEARED = {
    "before": gettext_lazy("came before the leak"),
    "bound": gettext_lazy("used a code made for this address"),
    "own": gettext_lazy("came outside the rush, from a network and a browser of their own"),
    "friend": gettext_lazy("brought by somebody unaffected"),
    "spared": gettext_lazy("you took the tick away"),
}
CLUSTERS = {
    "network": gettext_lazy("one network"),
    "device": gettext_lazy("one browser"),
    "stem": gettext_lazy("one name with numbers"),
    "domain": gettext_lazy("one domain"),
}
KINDS = {
    "code": gettext_lazy("code"),
    "run": gettext_lazy("run of codes"),
    "campaign": gettext_lazy("campaign"),
    "channel": gettext_lazy("channel"),
}
DONE = {
    ("leaked", "paused"): gettext_lazy("leaked codes switched off"),
    ("leaked", "left"): gettext_lazy("leaked codes that were off already"),
    ("branch", "paused"): gettext_lazy("unused codes of suspicious people switched off"),
    ("person", "held"): gettext_lazy("suspicious people held"),
    ("person", "suspended"): gettext_lazy("suspicious members suspended"),
    ("person", "left"): gettext_lazy("suspicious people who were out or held already"),
    ("kept", "given_back"): gettext_lazy("kept uses given back"),
    ("kept", "left"): gettext_lazy("kept uses that were over already"),
    ("fresh", "reissued"): gettext_lazy("new codes for the unaffected"),
    ("fresh", "left"): gettext_lazy("codes whose holder needs no new one"),
    ("person", ""): gettext_lazy("suspicious people still to be put out"),
    ("kept", ""): gettext_lazy("kept uses still to be given back"),
    ("fresh", ""): gettext_lazy("new codes still to be made"),
}


# What is shown


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of the plot: unaffected uses below, suspicious ones on top of them."""

    x: float
    width: float
    clear: float
    suspicious: float
    said: str

    @property
    def clear_y(self) -> float:
        """Where the lower part begins."""
        return HEIGHT - self.clear

    @property
    def suspicious_y(self) -> float:
        """Where the upper part begins."""
        return HEIGHT - self.clear - self.suspicious


def plot_of(blast: Blast, judged: Judged, leaked_at: datetime | None) -> dict[str, Any]:
    """The uses per hour, the newest two weeks of them, and where the leak began."""
    used = [one for one in blast.people if one.code_id]
    if not used:
        return {}
    last = hour_of(max(one.at for one in used))
    first = max(hour_of(min(one.at for one in used)), last - PLOTTED) - HOUR
    hours = int((last - first) / HOUR) + 2
    counts = [[0, 0] for _n in range(hours)]
    for one in used:
        if one.at >= first:
            counts[int((hour_of(one.at) - first) / HOUR)][one.id in judged.suspicious] += 1
    top, step = max(map(sum, counts)), WIDTH / hours
    leak = None if leaked_at is None else round((leaked_at - first) / HOUR * step, 1)
    return {
        "bars": [_bar(first + n * HOUR, n * step, step, both, top) for n, both in enumerate(counts) if any(both)],
        "top": top,
        "since": first,
        "until": last + HOUR,
        "leak": leak if leak is not None and 0 <= leak <= WIDTH else None,
    }


def _bar(hour: datetime, x: float, step: float, both: Sequence[int], top: int) -> Bar:
    said = _("%(hour)s: %(clear)d unaffected, %(bad)d suspicious") % {
        "hour": f"{hour:%Y-%m-%d %H:00}",
        "clear": both[0],
        "bad": both[1],
    }
    clear, suspicious = (round(n / top * HEIGHT, 1) for n in both)
    return Bar(round(x, 2), round(max(step * 0.86, 1), 2), clear, suspicious, said)


@dataclass(frozen=True, slots=True)
class Row:
    """A person as the tables show them."""

    person: Person
    contact: str
    why: list[str]
    depth: int

    @property
    def key(self) -> str:
        """The id as a form sends it, whatever the reader's language does with numbers."""
        return str(self.person.id)


def rows_of(user: Any, people: Sequence[Person], why: Mapping[int, list[str]], depth: Mapping[int, int]) -> list[Row]:
    """These people with their addresses as the reader may see them; one query."""
    found = Entry.objects.in_bulk([one.id for one in people])
    return [
        Row(one, contact_for(user, found[one.id]), why[one.id], depth.get(one.id, 1))
        for one in people
        if one.id in found
    ]


def _suspects(user: Any, blast: Blast, judged: Judged) -> list[Row]:
    """The most marked first, so that those in doubt stand where they are seen last and the clear cases at the top."""
    people = [one for one in blast.people if one.id in judged.suspicious]
    people.sort(key=lambda one: (judged.depth.get(one.id, 1), -len(judged.suspicious[one.id]), one.at))
    shown = people[:SHOWN]
    why = {one.id: marks_in_words(judged.suspicious[one.id]) for one in shown}
    return rows_of(user, shown, why, judged.depth)


def _unaffected(user: Any, blast: Blast, judged: Judged, leaked_at: datetime | None) -> list[Row]:
    """The nearest to the leak first: who came in while it ran, then the newest. With no moment nobody came before it."""
    words = CLEARED if leaked_at else CLEARED | {"before": _("nothing, while no moment of the leak is given")}
    people = [one for one in blast.people if one.id in judged.cleared]
    people.sort(key=lambda one: (judged.cleared[one.id] != "own", -one.at.timestamp()))
    shown = people[:SHOWN_CLEAR]
    return rows_of(user, shown, {one.id: [str(words[judged.cleared[one.id]])] for one in shown}, judged.depth)


def _clusters(judged: Judged, rows: Sequence[Row]) -> list[dict[str, Any]]:
    known = {row.person.id: row.contact for row in rows}
    return [
        {"name": CLUSTERS[kind], "n": len(ids), "some": [known[pk] for pk in ids if pk in known][:3]}
        for kind, ids in judged.clusters[:SHOWN_CLUSTERS]
    ]


def _numbers(blast: Blast, judged: Judged) -> list[tuple[str, int]]:
    """The blast radius in numbers."""
    suspicious = [one for one in blast.people if one.id in judged.suspicious]
    inside = sum(one.status == Entry.Status.REGISTERED for one in suspicious)
    return [
        (_("codes"), len(blast.codes)),
        (_("uses"), sum(code.uses for code in blast.codes)),
        (_("uses left"), sum(max(0, code.max_uses - code.uses - code.reserved) for code in blast.codes)),
        (_("uses kept for somebody"), blast.kept),
        (_("people below them"), len(blast.people) - len(blast.times)),
        (_("steps deep"), max(judged.depth.values(), default=0)),
        (_("suspicious"), len(judged.suspicious)),
        (_("of these in already"), inside),
        (_("their unused codes"), sum(one.unused for one in suspicious)),
        (_("look unaffected"), len(judged.cleared)),
    ]


# The pages


@never_cache
def board(request: HttpRequest) -> HttpResponse:
    """Paste a leak, look at it, contain it; and the list of those that were."""
    if not may(request.user, CONTAIN):
        raise PermissionDenied
    act = request.POST.get("act", "")
    target = asked_for(request) if request.method == "POST" else None
    if act == "contain" and target:
        return contained(request, target)
    if target:
        return dry_run(request, target, look_form(request))
    return find(request, PasteForm(request.POST)) if request.method == "POST" else start(request, PasteForm())


def asked_for(request: HttpRequest) -> Target | None:
    """What a form carries on, or the code whose page somebody came from."""
    pk = request.POST.get("code", "")
    code = Code.objects.filter(pk=pk).first() if pk.isdecimal() and len(pk) < 19 else None
    return leaks.target_at(code) if code else leaks.target_of(request.POST.get("target", ""))


def start(request: HttpRequest, form: PasteForm, choices: Sequence[dict[str, Any]] = ()) -> HttpResponse:
    """The box to paste into, what it may mean where that is not plain, and the past containments."""
    past = Containment.objects.select_related("launch").order_by("-pk")[:PAST]
    about = {"form": form, "choices": choices, "past": [_told(row) for row in past], "title": _("A leak")}
    return _shown(request, "admin/leaks/board.html", about)


def _shown(request: HttpRequest, template: str, about: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, admin.site.each_context(request) | about)


def find(request: HttpRequest, form: PasteForm) -> HttpResponse:
    """What was pasted; where several codes end alike the moderator chooses."""
    found = leaks.found_by(form.cleaned_data["pasted"]) if form.is_valid() else []
    if len(found) == 1:
        return dry_run(request, found[0], None)
    if form.is_valid() and not found:
        nothing = _(
            "No code, link, run, campaign or channel is known by that. A friend's link (…?ref=…) lets nobody in and cannot "
            "leak; of a code the last four characters are enough."
        )
        form.add_error("pasted", nothing)
    return start(request, PasteForm(None) if found else form, _choices(found))


def _choices(found: Sequence[Target]) -> list[dict[str, Any]]:
    ids = [int(target.value) for target in found if target.kind == "code"]
    codes, now = Code.objects.in_bulk(ids), timezone.now()
    return [
        {
            "target": target.signed(),
            "kind": KINDS[target.kind],
            "title": str(codes[int(target.value)]) if target.kind == "code" else leaks.title_of(target),
            "code": code,
            "state": queries.state_of(code, now) if code else "",
        }
        for target in found
        for code in [codes.get(int(target.value)) if target.kind == "code" else None]
    ]


def look_form(request: HttpRequest) -> ContainForm | None:
    """What the moderator said so far; None at the first look. A guess that was pressed is the moment."""
    if "net" not in request.POST:
        return None
    said = request.POST.copy()
    if said.get("guess"):
        said["leaked_at"] = str(said["guess"])
    return ContainForm(said)


def _asked(form: ContainForm | None, blast: Blast) -> tuple[datetime | None, str]:
    """When it leaked and whom to suspect: as the form says, else the first moment at which the rate jumps."""
    if form is None:
        return (blast.jumps[0].at if blast.jumps else None), Containment.Net.MARKED
    form.is_valid()  # the reason may be missing still; what is not valid is not looked at
    said = form.cleaned_data
    return said.get("leaked_at"), said.get("net") or Containment.Net.MARKED


def dry_run(request: HttpRequest, target: Target, form: ContainForm | None) -> HttpResponse:
    """How far it has travelled and who is suspicious; nothing is written."""
    standing = leaks.open_for(target)
    if standing:
        messages.info(request, _("This is contained already; here is how."))
        return HttpResponseRedirect(reverse("leak", args=[standing.pk]))
    blast = leaks.blast_of(target)
    leaked_at, net = _asked(form, blast)
    judged = blast.judged(leaked_at, net)
    said = {"leaked_at": _typed(leaked_at), "net": net}
    told: dict[str, Any] = {name: form.data.get(name, "") for name in ("members", "reason")} if form else {}
    told |= {"reissue": bool(form.data.get("reissue"))} if form else {}
    return _dry_page(request, target, ContainForm(initial=said | told), (blast, judged, leaked_at))


def _typed(at: datetime | None) -> str:
    """A moment as the browser's own field takes it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}" if at else ""


def _dry_page(
    request: HttpRequest, target: Target, form: ContainForm, found: tuple[Blast, Judged, datetime | None]
) -> HttpResponse:
    blast, judged, leaked_at = found
    suspects = _suspects(request.user, blast, judged)
    unaffected = _unaffected(request.user, blast, judged, leaked_at)
    about = {
        "title": _titled(target.what, leaks.title_of(target)),
        "target": target.signed(),
        "form": form,
        "numbers": _numbers(blast, judged),
        "plot": plot_of(blast, judged, leaked_at),
        "jumps": [(_typed(jump.at), jump) for jump in blast.jumps[:5]],
        "leaked_at": leaked_at,
        "suspects": suspects,
        "more": len(judged.suspicious) - len(suspects),
        "unaffected": unaffected,
        "more_clear": len(judged.cleared) - len(unaffected),
        "clusters": _clusters(judged, suspects),
        "seen": ",".join(str(row.person.id) for row in [*suspects, *unaffected]),
        "cut": leaks.MOST if blast.is_cut else 0,
        "dead": all(code.status != Code.Status.ACTIVE for code in blast.codes),
    }
    return _shown(request, "admin/leaks/dry_run.html", about)


def contained(request: HttpRequest, target: Target) -> HttpResponse:
    """Contains it, and leads to the page that says how it went."""
    form = ContainForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was done yet: %(why)s") % {"why": _first_error(form)})
        return dry_run(request, target, form)
    said = form.cleaned_data
    reason = said.pop("reason")
    decision = Decision(target, seen=_ids(request.POST.get("seen", "")), ticked=_ticked(request), **said)
    row, fresh = containing.contain(decision, reason, by=f"staff:{request.user.pk}")
    if not fresh:
        messages.warning(request, _("Somebody was faster: it is contained already, as follows."))
    return HttpResponseRedirect(reverse("leak", args=[row.pk]))


def _first_error(form: forms.Form) -> str:
    return next(f"{form[name].label}: {errors[0]}" for name, errors in form.errors.items())


def _ids(text: str) -> frozenset[int]:
    return frozenset(int(part) for part in text.split(",") if part.isdecimal() and len(part) < 19)


def _ticked(request: HttpRequest) -> frozenset[int]:
    return _ids(",".join(request.POST.getlist("out")))


# One containment


@never_cache
def leak(request: HttpRequest, pk: int) -> HttpResponse:
    """How it went: how long it took, what was done, what is left; with the way back while there is one."""
    if not may(request.user, CONTAIN):
        raise PermissionDenied
    row = get_object_or_404(Containment.objects.select_related("launch", "job", "undo_job", "run"), pk=pk)
    if request.method == "POST" and request.POST.get("act") == "codes":
        return new_codes(request, row)
    if request.method == "POST":
        undone(request, row)
        return HttpResponseRedirect(request.path)
    about = _told(row) | {
        "title": _titled(row.what, row.title),
        "undo_form": ReasonForm(),
        "left": _left(request.user, row),
    }
    job = row.undo_job or row.job
    about |= {"job": job, "percent": _percent(job), "parts": _parts(row)}
    if request.headers.get("HX-Request"):
        return TemplateResponse(request, "admin/parts/job.html", about)
    return _shown(request, "admin/leaks/leak.html", about)


def _percent(job: Job | None) -> int:
    return 100 * job.done // job.total if job and job.total else 100


def _told(row: Containment) -> dict[str, Any]:
    """A containment with how long it took and what may still be done."""
    now = timezone.now()
    return {
        "row": row,
        "kind": KINDS[row.what.partition(":")[0]],
        "dead_after": in_words(row.contained_at - row.asked_at),
        "done_after": in_words(row.finished_at - row.asked_at) if row.finished_at else "",
        "until": row.contained_at + UNDONE_WITHIN,
        "can_undo": row.undone_at is None and not containing.is_over(row, now),
        "new_codes": row.run_id is not None and row.shown_at is None and row.undone_at is None,
    }


def in_words(took: timedelta) -> str:
    """A length of time as a person says it: 43 s, 2 min 5 s, 1 h 12 min."""
    seconds = max(0, round(took.total_seconds()))
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return _("%(h)d h %(m)d min") % {"h": hours, "m": minutes % 60}
    return _("%(m)d min %(s)d s") % {"m": minutes, "s": seconds % 60} if minutes else _("%(s)d s") % {"s": seconds}


def _titled(what: str, title: str) -> str:
    """Code …ABCD, Campaign spring."""
    return f"{KINDS[what.partition(':')[0]].capitalize()} {title}"


def _parts(row: Containment) -> list[tuple[str, int, int]]:
    """What was done, to how many rows, and how many of these were undone; the codes first."""
    counts: dict[tuple[str, str], list[int]] = {}
    for kind, done, undone, n in leaks.counted(row):
        both = counts.setdefault((kind, done), [0, 0])
        both[0] += n
        both[1] += n if undone == ContainmentPart.Undone.UNDONE else 0
    return [(str(said), counts[key][0], counts[key][1]) for key, said in DONE.items() if key in counts]


def _left(user: Any, row: Containment) -> list[tuple[str, str]]:
    """What somebody has changed since, which the undo left alone: (what it is, how it stands)."""
    parts = row.parts.filter(undone="left").select_related("entry", "code", "fresh").order_by("pk")[:SHOWN]
    return [(_named(user, part), str(DONE[part.kind, part.done])) for part in parts]


def _named(user: Any, part: ContainmentPart) -> str:
    """Of whom or of which code a part is."""
    if part.kind == ContainmentPart.Kind.PERSON and part.entry:
        return contact_for(user, part.entry)
    return str(part.fresh or part.code or "")


def undone(request: HttpRequest, row: Containment) -> None:
    """Takes it back, for a reason."""
    if not may(request.user, UNDO):
        raise PermissionDenied
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: the reason stands in the trail."))
        return
    try:
        containing.undo(row.pk, form.cleaned_data["reason"], by=f"staff:{request.user.pk}")
    except Refused as refused:
        messages.error(request, refused.detail)
    except StaleState:
        messages.warning(request, _("Somebody was faster: it was undone already."))
    else:
        messages.success(request, _("Undone: what still stood as it was left is as it was before."))


def new_codes(request: HttpRequest, row: Containment) -> HttpResponse:
    """The new codes of a campaign, this once: on a page while they are few, else as a file."""
    try:
        run = containing.show_codes(row.pk, by=f"staff:{request.user.pk}")
    except StaleState:
        messages.warning(request, _("These codes were shown already. The list of codes has them by their last four."))
        return HttpResponseRedirect(request.path)
    texts = list(queries.run_texts(run.pk))
    if len(texts) > SHOWN_CODES:
        answer = HttpResponse("\n".join(texts) + "\n", content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="codes-{row.pk}.txt"'
        return answer
    return _shown(request, "admin/leaks/codes.html", {"title": _("The new codes"), "texts": texts, "row": row})
