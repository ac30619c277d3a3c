"""The review queue of the console: people who are held, new or to be approved, with what speaks for and against them.

A page carries for each person the last event that had moved them. A decision on somebody who was moved since is not made:
the second of two moderators reads what the first one decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.actors import named
from config import news
from outbox import registry
from outbox.actions import start_job, work_on
from outbox.console import may
from outbox.errors import Refused
from outbox.reasons import AT_ONCE, LONGEST_REASON, MOST, told
from outbox.states import StaleState, sources
from quality.queries import review as reads
from quality.rules import RULES, reason_of
from quality.words import fired_in_words, in_words
from waitlist import queries, ranking
from waitlist.actions import reviewing
from waitlist.models import Comment, Entry, Launch
from waitlist.shown import NEEDS, contact_for

PAGE = 25
TABS = {
    "held": gettext_lazy("Held"),
    "new": gettext_lazy("Not confirmed yet"),
    "approval": gettext_lazy("Waiting for approval"),
    "near": gettext_lazy("In common with one person"),
}
NOTHING = {
    "held": gettext_lazy(
        "Nobody is held. Whom the rules suspect, or a moderator puts the brake on, waits here for a look."
    ),
    "new": gettext_lazy("Nobody has yet to confirm. Who joins stands here until they press the button in our mail."),
    "approval": gettext_lazy("Nobody waits to be approved."),
    "near": gettext_lazy("Nobody else: their traces are no longer kept, or they share nothing."),
}
NEAR = {
    "network": gettext_lazy("with the same network"),
    "device": gettext_lazy("with the same browser"),
    "domain": gettext_lazy("with the same domain"),
}


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be decided: its key, its button, what is said when it is done, and what takes it back."""

    name: str
    key: str
    label: Promise
    done: Promise
    opposite: str
    reasons: tuple[Promise, ...]
    style: str = "plain"

    @property
    def needs(self) -> str:
        """Its permission."""
        return f"waitlist.{self.name}_entry"

    def allowed(self, user: Any) -> bool:
        """Whether they may do it; approving takes the brake off as well."""
        return may(user, self.needs) and (self.name != "approve" or may(user, "waitlist.release_entry"))

    @property
    def work(self) -> str:
        """The job that does it to many."""
        return "waitlist.let_in_entry" if self.name == "approve" else self.needs


LOOKS_REAL, SPAM, MISTAKE = gettext_lazy("Looks real"), gettext_lazy("Spam"), gettext_lazy("It was a mistake")
ACTS = {
    act.name: act
    for act in (
        Act(
            "approve",
            "a",
            gettext_lazy("Approve"),
            gettext_lazy("Approved"),
            "hold",
            (LOOKS_REAL, gettext_lazy("Fits what we look for"), gettext_lazy("Known to us")),
            "",
        ),
        Act(
            "release",
            "l",
            gettext_lazy("Let go"),
            gettext_lazy("Let go"),
            "hold",
            (LOOKS_REAL, gettext_lazy("Checked with the person"), gettext_lazy("Known to us")),
        ),
        Act(
            "hold",
            "h",
            gettext_lazy("Hold"),
            gettext_lazy("Held"),
            "release",
            (gettext_lazy("Needs a closer look"), gettext_lazy("We asked them for more")),
        ),
        Act(
            "reject",
            "r",
            gettext_lazy("Reject"),
            gettext_lazy("Rejected"),
            "appeal",
            (gettext_lazy("Not whom this is for"), gettext_lazy("The same person twice"), SPAM),
        ),
        Act(
            "block",
            "b",
            gettext_lazy("Block"),
            gettext_lazy("Blocked"),
            "appeal",
            (SPAM, gettext_lazy("Made by a program"), gettext_lazy("Abuse")),
            "danger",
        ),
        Act("appeal", "p", gettext_lazy("Put back"), gettext_lazy("Put back"), "reject", (MISTAKE, LOOKS_REAL)),
    )
}


class Asked(forms.Form):
    """What the address says: which people, narrowed how, and after whom."""

    tab = forms.ChoiceField(choices=list(TABS.items()), required=False)
    launch = forms.ModelChoiceField(
        Launch.objects.order_by("pk"),
        required=False,
        label=gettext_lazy("Launch"),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )
    rule = forms.ChoiceField(required=False, label=gettext_lazy("Rule"), widget=UnfoldAdminSelectWidget)
    source = forms.CharField(
        required=False,
        max_length=40,
        label=gettext_lazy("Source"),
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "organic"}),
    )
    domain = forms.CharField(
        required=False,
        max_length=253,
        label=gettext_lazy("Domain"),
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "example.com"}),
    )
    near = forms.IntegerField(required=False)
    alike = forms.ChoiceField(choices=list(NEAR.items()), required=False)
    after = forms.CharField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, _(reason_of(name))) for name in RULES]
        self.fields["rule"].choices = [("", _("Any")), *sorted(named, key=lambda one: one[1])]  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Look:
    """One request's view of the queue: the launch, the filter, and where the page begins."""

    launch: Launch
    asked: reads.Filter
    held_at: datetime | None
    after: int
    form: Asked

    def address(self, **changes: Any) -> str:
        """The page's address, with these things other."""
        now: dict[str, Any] = {
            "tab": self.asked.tab,
            "rule": self.asked.rule,
            "source": self.asked.source,
            "domain": self.asked.domain,
        }
        now |= {"near": self.asked.near, "alike": self.asked.alike if self.asked.near else ""}
        now |= {"launch": self.launch.pk, "after": key_of(self.held_at, self.after)} | changes
        return f"{reverse('review')}?{urlencode({name: value for name, value in now.items() if value})}"


def key_of(held_at: datetime | None, pk: int) -> str:
    """Where a page begins, as its address says it."""
    return f"{held_at.isoformat() if held_at else ''},{pk}" if pk else ""


def look_of(said: Any, user: Any) -> Look | None:
    """What was asked for; what makes no sense is left out. None while there is no launch."""
    form = Asked(said)
    form.is_valid()
    clean = form.cleaned_data
    launch = clean.get("launch") or Launch.objects.order_by("pk").first()
    if launch is None:
        return None
    near = clean.get("near") or 0
    tab = "near" if near else clean.get("tab") or "held"
    at, _comma, pk = (clean.get("after") or "").partition(",")
    asked = reads.Filter(
        launch=launch,
        tab=tab if tab in reads.tabs_of(launch) or near else "held",
        rule=clean.get("rule") or "",
        source=clean.get("source") or "",
        # Who sees no address in full cannot ask for one by its parts either.
        domain=(clean.get("domain") or "").strip().casefold() if may(user, NEEDS) else "",
        near=near,
        alike=clean.get("alike") or "network",
    )
    return Look(launch, asked, _moment(at), int(pk) if pk.isdecimal() and len(pk) < 19 else 0, form)


def _moment(text: str) -> datetime | None:
    try:
        at = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return at if at and at.tzinfo else None


@dataclass(frozen=True, slots=True)
class Card:
    """One person with all that a moderator needs to decide."""

    entry: Entry
    contact: str
    referrer: str
    why: Sequence[str]
    evidence: Sequence[str]
    position: int | None
    alike: Sequence[tuple[str, Promise, int]]
    comments: Sequence[tuple[Comment, str]]
    seen: int
    held_by: str
    acts: Sequence[Act]


def cards(people: Sequence[Entry], user: Any) -> list[Card]:
    """The people of a page, each kind of evidence read once for all of them."""
    ids = [entry.pk for entry in people]
    suspicions, near, positions = reads.suspicions(ids), reads.neighbours(ids), ranking.positions(ids)
    moved, comments = queries.last_decided(ids), list(Comment.objects.filter(entry__in=ids).order_by("pk"))
    names = named([*(one.by for one in comments), *(entry.held_by for entry in people)])
    return [
        Card(
            entry=entry,
            contact=contact_for(user, entry),
            referrer=contact_for(user, entry.referred_by) if entry.referred_by else "",
            why=_why(entry, suspicions.get(entry.pk)),
            evidence=in_words(suspicions[entry.pk].evidence) if entry.pk in suspicions else [],
            position=positions.get(entry.pk),
            alike=_alike(near.get(entry.pk)),
            comments=[(one, names[one.by]) for one in comments if one.entry_id == entry.pk],
            seen=moved[entry.pk].id if entry.pk in moved else 0,
            held_by=names[entry.held_by],
            acts=[act for act in ACTS.values() if act.allowed(user) and is_possible(act.name, entry)],
        )
        for entry in people
    ]


def _why(entry: Entry, suspicion: Any) -> list[str]:
    """The sentences of the rules with their weights; a person's own words where a person held them."""
    if suspicion is not None and not entry.held_by.startswith("staff:"):
        return fired_in_words(suspicion.rules)
    return [entry.held_reason] if entry.held_reason else []


def _alike(near: Any) -> list[tuple[str, Promise, int]]:
    if near is None:
        return []
    counts = {"network": near.by_network, "device": near.by_device, "domain": near.by_domain}
    return [(name, NEAR[name], n) for name, n in counts.items() if n]


def is_possible(act: str, entry: Entry) -> bool:
    """Whether it would change something for this person."""
    held = entry.held_at is not None
    if act == "approve":
        return entry.status == Entry.Status.WAITING or (held and entry.status in sources(Entry, "rejected"))
    if act == "appeal":
        return entry.status in (Entry.Status.REJECTED, Entry.Status.BLOCKED)
    if act in ("reject", "block"):
        return entry.status in sources(Entry, "rejected")
    gone = entry.status in (Entry.Status.REJECTED, Entry.Status.BLOCKED, Entry.Status.LEFT)
    return held if act == "release" else not gone and not entry.held_by.startswith("staff:")


def queue(request: HttpRequest) -> HttpResponse:
    """The page, and the decisions made on it."""
    if not may(request.user, "waitlist.view_entry"):
        raise PermissionDenied
    look = look_of(request.POST if request.method == "POST" else request.GET, request.user)
    if look is None:
        return HttpResponseRedirect(reverse("admin:waitlist_launch_changelist"))
    return act(request, look) if request.method == "POST" else show(request, look)


def show(request: HttpRequest, look: Look) -> HttpResponse:
    """A page of people, who stands there longest first."""
    asked, found = look.asked, reads.queue(look.asked)
    begun = reads.after(found, asked.tab, look.held_at, look.after) if look.after else found
    people = list(begun.select_related("referred_by")[: PAGE + 1])
    more, people = len(people) > PAGE, people[:PAGE]
    last = people[-1] if people else None
    following = (
        look.address(after=key_of(last.held_at if asked.tab == "held" else None, last.pk)) if more and last else ""
    )
    counts = {tab: reads.counted(reads.queue(reads.Filter(look.launch, tab))) for tab in reads.tabs_of(look.launch)}
    narrowed = bool(asked.rule or asked.source or asked.domain or asked.near)
    total = reads.counted(found) if narrowed else counts[asked.tab]
    context = admin.site.each_context(request) | {
        "title": _("Review queue"),
        "look": look,
        "form": Asked({"launch": look.launch.pk, "rule": asked.rule, "source": asked.source, "domain": asked.domain}),
        "launches": Launch.objects.count(),
        "tabs": [(tab, TABS[tab], amount(n), look.address(tab=tab, near="", after="")) for tab, n in counts.items()],
        "near": contact_of_near(request, asked),
        "alike": NEAR[asked.alike],
        "cards": cards(people, request.user),
        "total": amount(total),
        "more_than_shown": total > len(people),
        "following": following,
        "first_page": look.address(after="") if look.after else "",
        "narrowed": narrowed,
        "all_of_tab": look.address(rule="", source="", domain="", after=""),
        "nothing": NOTHING[asked.tab],
        "acts": bulk_acts(request.user, asked),
        "undo": undo_of(request),
        "may_bar": may(request.user, "quality.make_bar"),
        "may_comment": may(request.user, "waitlist.comment_entry"),
        "sees_addresses": may(request.user, NEEDS),
        "words": words(),
        "shown_hidden": hidden(look),
    }
    return TemplateResponse(request, "admin/review.html", context)


def amount(n: int) -> str:
    """A count for people: beyond what is counted it says so."""
    return f"{reads.COUNTED:,}+" if n > reads.COUNTED else f"{n:,}"


def hidden(look: Look) -> list[tuple[str, Any]]:
    """The filter as fields of the form, so that "all that match" sends the filter and no ids."""
    asked = look.asked
    said = {
        "tab": asked.tab,
        "launch": look.launch.pk,
        "rule": asked.rule,
        "source": asked.source,
        "domain": asked.domain,
    }
    said |= {"near": asked.near or "", "alike": asked.alike, "after": key_of(look.held_at, look.after)}
    return [(name, value) for name, value in said.items() if value]


def contact_of_near(request: HttpRequest, asked: reads.Filter) -> str:
    """Whom the others have something in common with."""
    entry = Entry.objects.filter(pk=asked.near).first() if asked.near else None
    return contact_for(request.user, entry) if entry else ""


def bulk_acts(user: Any, asked: reads.Filter) -> list[Act]:
    """What may be done to many of a tab at once."""
    fitting = {"held": ("approve", "release", "reject", "block"), "new": ("hold", "reject", "block")}
    names = fitting.get(asked.tab, ("approve", "hold", "reject", "block"))
    return [ACTS[name] for name in names if ACTS[name].allowed(user)]


def words() -> dict[str, Any]:
    """What the script says and offers."""
    of_acts = {
        act.name: {
            "key": act.key,
            "label": str(act.label),
            "done": str(act.done),
            "reasons": [str(one) for one in act.reasons],
        }
        for act in ACTS.values()
    }
    return {
        "acts": of_acts,
        "undo": _("Undo"),
        "again": _("Look again"),
        "why": _("Why?"),
        "all": _("This page is done: n loads the next."),
        "failed": _("This did not reach us. Is the connection there? Try again."),
    }


def act(request: HttpRequest, look: Look) -> HttpResponse:
    """A comment, or a decision on one, on those chosen, or on all that match."""
    name, _colon, pk = request.POST.get("act", "").partition(":")
    if name == "comment" and pk.isdecimal():
        return comment(request, look, int(pk))
    if name not in ACTS:
        return answer(request, look, Answer(_("Choose what to do, and with whom.")))
    if not ACTS[name].allowed(request.user):
        raise PermissionDenied
    reason = (typed(request, "reason").strip() or typed(request, "ready"))[:LONGEST_REASON]
    if not reason:
        return answer(request, look, Answer(_("Say why: the reason stands in the trail.")))
    if request.POST.get("across") == "1" and not pk:
        return answer(request, look, across(request, look, ACTS[name], reason))
    seen = seen_by(request, [pk] if pk else request.POST.getlist("chosen"))
    return answer(request, look, decide(request, ACTS[name], seen, reason))


def typed(request: HttpRequest, name: str) -> str:
    """What was typed there, without what no text of the database can hold."""
    return request.POST.get(name, "").replace("\0", "")


def seen_by(request: HttpRequest, ids: Sequence[str]) -> dict[int, int]:
    """By each chosen person the last event that the page knew of."""
    numbers = [int(pk) for pk in ids if pk.isdecimal() and len(pk) < 19][:AT_ONCE]
    said = {pk: request.POST.get(f"seen-{pk}", "") for pk in numbers}
    return {pk: int(text) for pk, text in said.items() if text.isdecimal() and len(text) < 19}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: whom it moved (with the event), the news where somebody was faster, and the job that does the rest."""

    said: str
    act: str = ""
    reason: str = ""
    moved: Mapping[int, int] | None = None
    news: Mapping[int, str] | None = None
    job: str = ""
    comment: str = ""
    took_over: bool = False  # a rule's hold became a person's: letting go would undo both

    @property
    def opposite(self) -> str:
        """What takes it back, where it moved somebody."""
        return ACTS[self.act].opposite if self.moved and self.act and not self.took_over else ""


def decide(request: HttpRequest, act: Act, seen: Mapping[int, int], reason: str) -> Answer:
    """Decides on people as they were seen."""
    if not seen:
        return Answer(_("Choose what to do, and with whom."))
    took_over = act.name == "hold" and Entry.objects.filter(pk__in=seen, held_at__isnull=False).exists()
    try:
        decided = reviewing.decide(act.name, seen, reason, by=f"staff:{request.user.pk}")
    except (Refused, StaleState) as error:
        why = getattr(error, "detail", "") or registry.in_words(getattr(error, "reason", "stale"))
        return Answer(_("Nothing was changed: %(why)s") % {"why": why})
    faster = news.told(decided.news)
    unmoved = len(seen) - len(decided.moved) - len(faster)
    said = f"{act.done}: {len(decided.moved)}." if len(seen) > 1 or not decided.moved else f"{act.done}."
    if unmoved:
        stood = ngettext("%(n)d stood where this cannot be done.", "%(n)d stood where this cannot be done.", unmoved)
        said += " " + stood % {"n": unmoved}
    if faster:
        said += " " + _("Somebody was faster: %(news)s") % {"news": "; ".join(list(faster.values())[:3])}
    return Answer(
        said, act.name, reason, {pk: row.id for pk, row in decided.moved.items()}, faster, took_over=took_over
    )


def across(request: HttpRequest, look: Look, act: Act, reason: str) -> Answer:
    """All that match the filter: a few at once, more as a job."""
    ids = list(reads.queue(look.asked).values_list("pk", flat=True)[: MOST + 1])
    by = f"staff:{request.user.pk}"
    if len(ids) > MOST:
        return Answer(_("At most 100,000 at once; narrow the list first."))
    if len(ids) > AT_ONCE:
        job = start_job(act.work, ids, reason, by=by, back=look.address(after=""))
        return Answer(_("A worker does it in the background."), job=reverse("admin:outbox_job_change", args=[job.pk]))
    if not ids:
        return Answer(_("Nobody matches any more."))
    changed, unchanged = work_on(registry.works[act.work], ids, reason, by=by)
    return Answer(f"{act.done}. {told(changed, unchanged)}")


def comment(request: HttpRequest, look: Look, entry_id: int) -> HttpResponse:
    """A word for the next moderator."""
    if not may(request.user, "waitlist.comment_entry"):
        raise PermissionDenied
    text = typed(request, f"comment-{entry_id}")
    try:
        made = reviewing.comment(entry_id, text, by=f"staff:{request.user.pk}")
    except (Refused, StaleState):
        return answer(request, look, Answer(_("Write the comment first: at most 2,000 characters.")))
    return answer(request, look, Answer(_("The comment is kept."), comment=made.text))


def answer(request: HttpRequest, look: Look, said: Answer) -> HttpResponse:
    """To the script as JSON; else a message on the page that was left, with the way back where there is one."""
    if request.headers.get("Accept", "").startswith("application/json"):
        undo = {"act": said.opposite, "reason": taken_back(said.reason)} if said.opposite else None
        told_script = {"said": said.said, "moved": said.moved or {}, "news": said.news or {}, "undo": undo}
        return JsonResponse(told_script | {"job": said.job, "comment": said.comment, "who": str(request.user)})
    if said.job:
        return HttpResponseRedirect(said.job)
    good = said.moved or said.comment or not said.news
    messages.add_message(request, messages.SUCCESS if good else messages.WARNING, said.said)
    did = (
        f"{said.opposite}:{'.'.join(f'{pk}-{event}' for pk, event in said.moved.items())}"
        if said.opposite and said.moved
        else ""
    )
    return HttpResponseRedirect(look.address(did=did))


def taken_back(reason: str) -> str:
    """The reason of what takes a decision back."""
    return (_("Taken back at once: %(reason)s") % {"reason": reason})[:LONGEST_REASON]


def undo_of(request: HttpRequest) -> dict[str, Any] | None:
    """What the last decision, named in the address, is taken back with: the act, and whom it had moved by which event."""
    name, _colon, rows = request.GET.get("did", "").partition(":")
    pairs = [row.partition("-")[::2] for row in rows.split(".")]
    if name not in ACTS or not all(pk.isdecimal() and event.isdecimal() for pk, event in pairs):
        return None
    return {"act": ACTS[name], "seen": pairs, "reason": _("Taken back at once.")}
