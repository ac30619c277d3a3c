"""One timeline of a person, newest first, from everything that keeps a moment about them. So many queries, however long it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.actors import named
from config.person.words import MESSAGES, fact_in_words, why_in_words
from invites.models import Attempt, Code, Invite, Reservation
from outbox.keys import address_keys
from outbox.models import Delivery, Event
from quality.models import Activity, Assessment
from quality.words import fired_in_words, in_words
from referrals.models import LedgerLine, Referral
from waitlist.models import Comment, Entry

PAGE = 40
SAME_MOMENT = 25  # a page ends between two moments: what one transaction wrote is not torn apart
TOLD_ELSEWHERE = ("points.awarded", "reward.granted", "entry.assessed", "entry.commented")  # with more, below
GOOD = {"entry.confirmed", "entry.registered", "entry.approved", "entry.released", "entry.restored", "entry.invited"}
BAD = {"entry.held", "entry.removed", "entry.suspended", "entry.erased", "code.revoked", "reward.clawed_back"}


@dataclass(slots=True)
class Line:
    """One thing that happened. `who` is an actor until the page puts their name there."""

    at: datetime
    text: str
    who: str = ""
    why: str = ""
    more: list[str] = field(default_factory=list)
    tone: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """Whose timeline it is, and the numbers by which others name them."""

    entry: Entry
    invites: Sequence[int]
    reservations: Sequence[int]
    codes: dict[int, str]  # the last four characters of codes that are theirs


Source = Callable[[About, Q, int], Iterable[Line]]


def about(entry: Entry) -> About:
    """The numbers behind a person's entry."""
    invites = dict(Invite.objects.filter(entry=entry).order_by("-pk").values_list("pk", "code_id")[:PAGE])
    reservations = list(Reservation.objects.filter(entry=entry).order_by("-pk").values_list("pk", flat=True)[:PAGE])
    theirs = Code.objects.filter(Q(pk__in=list(invites.values())) | Q(owner=entry)).values_list("pk", "last4")
    return About(entry, list(invites), reservations, dict(theirs))


def facts(person: About, before: Q, most: int) -> Iterable[Line]:
    """The trail about the entry and its codes."""
    subjects = [f"entry:{person.entry.pk}", *(f"code:{pk}" for pk in person.codes)]
    told = Event.objects.filter(before, subject__in=subjects).exclude(kind__in=TOLD_ELSEWHERE)
    events = list(told.order_by("-id")[:most])
    for event in events:
        kind, _colon, number = event.subject.partition(":")
        if kind == "code":
            event.data["code"] = int(number)
    others = {event.data["code"] for event in events if "code" in event.data} - set(person.codes)
    codes = person.codes | dict(Code.objects.filter(pk__in=others).values_list("pk", "last4"))
    for event in events:
        tone = "good" if event.kind in GOOD else "bad" if event.kind in BAD else ""
        text = fact_in_words(event.kind, event.data, codes)
        yield Line(event.at, text, event.by, why_in_words(event.kind, event.data), tone=tone)


def messages(person: About, before: Q, most: int) -> Iterable[Line]:
    """What was written to them, and how far it came."""
    subjects = [f"entry:{person.entry.pk}", *(f"invite:{pk}" for pk in person.invites)]
    subjects += [f"reservation:{pk}" for pk in person.reservations]
    subjects += [f"user:{person.entry.user_id}"] if person.entry.user_id else []
    owed = Delivery.objects.filter(before, subject__in=subjects, handler__in=["mail", "sms"])
    for one in owed.order_by("-created_at")[:most]:
        told, tone = delivered(one)
        name = MESSAGES.get(one.name, one.name)
        yield Line(one.created_at, _("Message “%(name)s”: %(told)s") % {"name": name, "told": told}, tone=tone)


def delivered(one: Delivery) -> tuple[str, str]:
    """How far a message came, and whether that is good or bad."""
    if one.status == Delivery.Status.GIVEN_UP:
        return _("given up after %(n)d tries: %(why)s") % {"n": one.attempts, "why": one.last_error or "–"}, "bad"
    if one.status == Delivery.Status.OWED:
        if one.attempts:
            return _("not sent yet, tried %(n)d times: %(why)s") % {"n": one.attempts, "why": one.last_error}, "warn"
        return _("about to be sent"), ""
    if one.last_error:
        return one.last_error, "warn"
    return (_("handed over to the mail server") if one.handler == "mail" else _("handed over")), ""


def looks(person: About, before: Q, most: int) -> Iterable[Line]:
    """What the rules saw in them."""
    for one in Assessment.objects.filter(before, entry=person.entry).order_by("-id")[:most]:
        act = {"act": one.get_act_display(), "verdict": one.get_verdict_display(), "score": one.score}
        text = _("The rules looked when they %(act)s: %(verdict)s (risk %(score)s).") % act
        fired = fired_in_words(one.rules)
        tone = "" if one.verdict == "allow" else "bad"
        yield Line(one.at, text, "quality", more=[*fired, *(in_words(one.evidence) if fired else [])], tone=tone)


def ledger(person: About, before: Q, most: int) -> Iterable[Line]:
    """What they were given for friends, or by hand, and what was taken back."""
    for one in LedgerLine.objects.filter(before, referrer=person.entry.pk).order_by("-pk")[:most]:
        text = f"{one.amount:+d} {one.get_kind_display()}"
        friend = _("friend: entry %(n)s") % {"n": one.friend_id} if one.friend_id else ""
        tone = "good" if one.amount > 0 else "bad"
        yield Line(one.at, text, one.by, ", ".join(filter(None, (one.reason, friend))), tone=tone)


def friends(person: About, before: Q, most: int) -> Iterable[Line]:
    """Whom they brought, and how far each has come."""
    for one in Referral.objects.filter(before, referrer=person.entry).order_by("-created_at")[:most]:
        who = {"n": one.referee_id, "status": one.get_status_display(), "via": one.via}
        told = _("Brought a friend by %(via)s: entry %(n)s (%(status)s now).")
        shared = _("Had a message written to a friend, who has not joined (%(status)s).")
        yield Line(one.created_at, (told if one.referee_id else shared) % who, "person", one.void_reason)


def tries(person: About, before: Q, most: int) -> Iterable[Line]:
    """Codes that were refused to their address."""
    keys = address_keys(person.entry.contact_kind, person.entry.canonical)
    for one in Attempt.objects.filter(before, address_key__in=keys).order_by("-at")[:most]:
        why = {"why": refused_in_words(one.reason), "door": one.door}
        yield Line(one.at, _("Typed a code that was refused (%(door)s): %(why)s") % why, "public", tone="warn")


def refused_in_words(reason: str) -> str:
    """Why a code was refused, shortly."""
    return reason.replace("_", " ")


def activities(person: About, before: Q, most: int) -> Iterable[Line]:
    """What the product told about them."""
    for one in Activity.objects.filter(before, entry=person.entry).order_by("-at")[:most]:
        text = _("The product reported: %(kind)s %(feature)s") % {
            "kind": one.get_kind_display(),
            "feature": one.feature,
        }
        yield Line(one.at, text.strip())


def comments(person: About, before: Q, most: int) -> Iterable[Line]:
    """What staff noted for one another."""
    for one in Comment.objects.filter(before, entry=person.entry).order_by("-pk")[:most]:
        yield Line(one.at, _("Comment"), one.by, one.text)


# Each with the column of its moment.
SOURCES: tuple[tuple[str, Source], ...] = (
    ("at", facts),
    ("created_at", messages),
    ("at", looks),
    ("at", ledger),
    ("created_at", friends),
    ("at", tries),
    ("at", activities),
    ("at", comments),
)


def page_of(entry: Entry, before: datetime | None) -> tuple[list[Line], datetime | None]:
    """The newest lines before a moment, and the moment before which the next page begins (None: there is no more)."""
    person, lines, most = about(entry), [], PAGE + SAME_MOMENT
    for column, source in SOURCES:
        older = Q(**{f"{column}__lt": before}) if before else Q()
        lines += list(source(person, older, most))
    lines.sort(key=lambda line: line.at, reverse=True)
    cut = PAGE
    while cut < len(lines) and lines[cut].at == lines[PAGE - 1].at:
        cut += 1
    shown, rest = lines[:cut], lines[cut:]
    names = named(line.who for line in shown)
    for line in shown:
        line.who = names[line.who]
    return shown, shown[-1].at if rest else None
