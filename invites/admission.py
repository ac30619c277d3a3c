"""Who may make a log-in, and in which way: decided from the code, the invite, or the mailbox that is proven.

Deciding writes nothing. What a stranger with a good code sees must not depend on who stands behind the address, so the
code is judged before anything is known of the person, and every way but a refusal looks alike from outside.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invites import codes, policy, queries, tokens
from invites.actions import redeeming
from invites.actions.redeeming import Ask
from invites.carried import carried_by
from invites.models import Code, Invite
from invites.policy import NOT_ACCEPTED
from outbox.callers import NOWHERE, Origin
from outbox.errors import Refused
from quality.evidence import Assessed
from quality.queries.gating import codes_open
from waitlist.channels import Contact
from waitlist.models import Entry, Launch
from waitlist.queries import entry_with, launch_named

REGISTERED = Entry.Status.REGISTERED
CODE_MISSING = "code_missing"


class Way(StrEnum):
    """How it goes on."""

    CODE = "code"  # the code is spent and they are in
    OPEN = "open"  # the launch is open to everybody
    MEMBER = "member"  # in already, proven, and without a log-in so far
    REVIEW = "review"  # the rules suspect them: it looks accepted, and nobody is in
    MAILBOX = "mailbox"  # on the list, and anybody could have typed this address: first the mailbox must agree
    KNOWN = "known"  # they have a log-in


@dataclass(frozen=True, slots=True)
class Bid:
    """Somebody asks for a log-in: the address they typed, and what they hold."""

    email: Contact
    token: str = ""
    code: str = ""
    person: Entry | None = None  # whose private link this browser opened
    has_login: bool = False  # a user has this very address
    name: str = ""
    locale: str = "en"
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Admission:
    """What was decided. `admitted_by` is empty where no user may be made."""

    launch: Launch
    ask: Ask
    way: Way
    admitted_by: str = ""
    entry_id: int | None = None
    code_id: int | None = None
    caught: tuple[Any, Assessed] | None = None  # what stands behind the code, and what the rules found
    proves: str = ""  # the canonical address whose mailbox is proven already


# What the holder of a signed invite token is told, by the true reason. Everybody else reads one sentence for all.
TOLD: dict[str, Promise] = {
    "bound_elsewhere": _("This invitation is for another address. Use the one it was sent to."),
    "code_expired": _("This invitation has run out. Ask for a new one, or wait for your next turn."),
    "code_exhausted": _("This invitation was used already. Sign in with the account that was made."),
    "code_revoked": _("This invitation was taken back."),
    "code_paused": _("This invitation does not work at the moment. Try again later."),
    "not_yet_valid": _("This invitation does not work yet. Try again later."),
    "declined": _("You gave this invitation away."),
}
OVER = {
    "active": "",
    "expired": "code_expired",
    "exhausted": "code_exhausted",
    "revoked": "code_revoked",
    "paused": "code_paused",
    "not_yet_valid": "not_yet_valid",
}


def opened_launch(bid: Bid) -> Launch:
    """The launch that this is about. Refused while it takes nobody in."""
    of_person = bid.person.launch if bid.person and not bid.code and is_member_without_login(bid.person) else None
    launch = launch_of(bid.token, bid.code) or of_person or launch_named(None)
    if launch is None or not launch.enabled:
        raise Refused("launch_closed")
    return launch


def launch_carried(request: HttpRequest) -> Launch | None:
    """The launch that a page of allauth is about: of what the browser carries, else the default one."""
    held = carried_by(request)
    return launch_of(held.token, held.code) or launch_named(None)


def launch_of(token: str, code: str) -> Launch | None:
    """The launch of an invite or a code, None where there is none such."""
    if token:
        invite = tokens.invite_of(token)
        return invite.entry.launch if invite else None
    digests = codes.digests(code) if code else []
    found = Code.objects.select_related("launch").filter(digest__in=digests).first() if digests else None
    return found.launch if found else None


def is_member_without_login(entry: Entry | None) -> bool:
    """Registered through a product's own users, or by the mailed link: there is no log-in here yet."""
    return entry is not None and entry.status == REGISTERED and entry.user_id is None


def ask_of(bid: Bid, contact: Contact | None = None, *, proven: bool = False) -> Ask:
    """The bid as redeeming reads it."""
    return Ask(
        contact or bid.email,
        code="" if bid.token else bid.code,
        token=bid.token,
        name=bid.name,
        door="sign-up",
        origin=bid.origin,
        locale=bid.locale,
        proven=proven,
    )


def decide(launch: Launch, bid: Bid) -> Admission:
    """How they come in. Refused: invite_not_accepted with the true reason as `why`, code_missing."""
    if bid.token:
        return _by_token(launch, bid)
    return _by_code(launch, bid) if bid.code else _without(launch, bid)


def refused(why: str, detail: str = "") -> Refused:
    """The uniform refusal."""
    return Refused(NOT_ACCEPTED, detail, why=why)


def told(why: Refused) -> Refused:
    """The same no, in words for who holds the signed token of an invite."""
    return Refused(why.reason, str(TOLD.get(why.why, "")), why=why.why)


def _by_token(launch: Launch, bid: Bid) -> Admission:
    """The link from the mail: it was sent to that mailbox alone, so its holder is told the truth."""
    invite = tokens.invite_of(bid.token)
    if invite is None:
        raise refused("token_unknown")
    entry, by_mail = invite.entry, invite.entry.contact_kind == "email"
    if by_mail and entry.canonical != bid.email.canonical:
        raise refused("bound_elsewhere", str(TOLD["bound_elsewhere"]))
    contact = bid.email if by_mail else Contact(entry.contact_kind, entry.contact, entry.canonical)
    ask, proves = ask_of(bid, contact, proven=True), entry.canonical if by_mail else ""
    if is_member_without_login(entry):
        return Admission(launch, ask, Way.KNOWN) if bid.has_login else _member(launch, ask, entry, proves)
    found = redeeming.look(launch, ask)
    if found.refusal:
        raise refused(found.refusal, str(TOLD.get(found.refusal, "")))
    return _on_code(launch, bid, ask, found, proves)


def _by_code(launch: Launch, bid: Bid) -> Admission:
    """A typed code: whoever holds it may be anybody."""
    proven = _is_person(launch, bid)
    ask = ask_of(bid, proven=proven)
    found = redeeming.look(launch, ask)
    if found.id is None or found.refusal:
        raise refused(found.refusal or "code_unknown")
    return _on_code(launch, bid, ask, found, bid.email.canonical if proven else "")


def _on_code(launch: Launch, bid: Bid, ask: Ask, found: Any, proves: str) -> Admission:
    """The code itself would let somebody in; whom does it meet?"""
    entry = Entry.objects.get(pk=found.entry_id) if found.entry_status in (REGISTERED, "suspended") else None
    if bid.has_login or (entry and entry.user_id):
        return Admission(launch, ask, Way.KNOWN)
    in_review = policy.is_in_review(found)
    if not in_review and (why := policy.turned_away(found)):
        raise refused(why)
    if entry:
        return _member(launch, ask, entry, proves) if ask.proven else Admission(launch, ask, Way.MAILBOX)
    if not in_review and policy.must_prove_mailbox(found, proven=ask.proven):
        return Admission(launch, ask, Way.MAILBOX, entry_id=found.entry_id, code_id=found.id)
    assessed = redeeming.weigh_up(launch, ask, found)
    if in_review or assessed.is_caught:
        return Admission(launch, ask, Way.REVIEW, caught=(found, assessed))
    return Admission(launch, ask, Way.CODE, f"code:{found.id}", found.entry_id, found.id, proves=proves)


def _member(launch: Launch, ask: Ask, entry: Entry, proves: str) -> Admission:
    return Admission(launch, ask, Way.MEMBER, entry.invited_by or f"entry:{entry.pk}", entry.pk, proves=proves)


def _without(launch: Launch, bid: Bid) -> Admission:
    """Neither code nor invite: only a member who proves their mailbox, and anybody while the launch is open."""
    person = bid.person
    if person and is_member_without_login(person) and (person.contact_kind != "email" or _is_person(launch, bid)):
        contact = Contact(person.contact_kind, person.contact, person.canonical)
        proves = person.canonical if person.contact_kind == "email" else ""
        known = Admission(launch, ask_of(bid), Way.KNOWN)
        return known if bid.has_login else _member(launch, ask_of(bid, contact), person, proves)
    if launch.mode != Launch.Mode.OPEN:
        raise Refused(CODE_MISSING)
    if not codes_open(launch.pk, timezone.now()):
        raise Refused("launch_closed", why="gate_closed")
    return _while_open(launch, bid)


def _while_open(launch: Launch, bid: Bid) -> Admission:
    entry, proven = entry_with(launch, bid.email), _is_person(launch, bid)
    ask = ask_of(bid, proven=proven)
    if bid.has_login or (entry and entry.user_id):
        return Admission(launch, ask, Way.KNOWN)
    why = policy.why_out(entry.status, held=entry.held_at is not None) if entry else None
    in_review = entry is not None and why == "entry_held" and entry.held_by == policy.RULES
    if why and not in_review:
        raise refused(why)
    if entry and (in_review or not proven):
        return Admission(launch, ask, Way.MAILBOX)
    return Admission(launch, ask, Way.OPEN, "open", proves=bid.email.canonical if proven else "")


def _is_person(launch: Launch, bid: Bid) -> bool:
    """Whether this browser opened the private link that was mailed to the typed address."""
    person = bid.person
    return (
        person is not None
        and person.launch_id == launch.pk
        and (person.contact_kind, person.canonical) == (bid.email.kind, bid.email.canonical)
    )


def over(invite: Invite, now: datetime) -> str:
    """Why this invite lets nobody make a log-in any more, as a word of TOLD; "" while it does."""
    entry = invite.entry
    if not entry.launch.enabled:
        return "launch_closed"
    if is_member_without_login(entry):
        return ""
    if entry.status in policy.TURNED_AWAY or (entry.held_at and entry.status != REGISTERED):
        return "turned_away"
    if entry.status == REGISTERED:
        return "code_exhausted"
    if invite.status == Invite.Status.DECLINED:
        return "declined"
    return OVER[queries.state_of(invite.code, now)]
