"""Why somebody is where they are, in a few sentences, the first of which says it all; and what else their page tells at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.actors import named
from config.person.words import SUPPRESSED
from invites.models import Invite, Redemption
from invites.queries import state_of
from outbox.keys import SHORT, address_keys
from outbox.models import Delivery, Event, Suppression
from quality import gates
from quality.queries import gating
from waitlist import policy, queries
from waitlist.api import waiting_fields
from waitlist.models import Entry, Launch

DECISIVE = (
    *("entry.removed", "entry.suspended", "entry.approved", "entry.restored", "entry.erased", "entry.held"),
    *("entry.invited", "invite.issued", "entry.joined", "entry.returned", "entry.readdressed"),
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the sentences are made of, read once."""

    entry: Entry
    position: int | None
    total: int
    wait: str | None
    invite: Invite | None
    redemption: Redemption | None
    told: Mapping[str, Event]  # the newest of each decisive fact
    names: Mapping[str, str]
    barred: Suppression | None
    message: Delivery | None  # the newest that carries a code or asks to confirm
    closed: tuple[tuple[str, str], ...]

    def by(self, kind: str) -> str:
        """Who did the newest of these."""
        return self.names[self.told[kind].by] if kind in self.told else "–"

    def why(self, kind: str) -> str:
        """The reason that was given for the newest of these."""
        return str(self.told[kind].data.get("reason") or "–") if kind in self.told else "–"


def known_of(entry: Entry) -> Known:
    """Reads it."""
    launch, now = entry.launch, timezone.now()
    events = Event.objects.filter(subject=f"entry:{entry.pk}", kind__in=DECISIVE).order_by("id")
    told = {event.kind: event for event in events}
    position = queries.position_of(entry)
    invites = Invite.objects.filter(entry=entry).select_related("code")
    spent = Redemption.objects.filter(entry=entry).select_related("code", "code__owner", "code__run")
    invite = invites.order_by("-pk").first()
    subjects = [f"entry:{entry.pk}", *([f"invite:{invite.pk}"] if invite else [])]
    mails = Delivery.objects.filter(subject__in=subjects, name__in=["confirm", "invited"]).order_by("-pk")
    keys = [key[:SHORT] for key in address_keys(entry.contact_kind, entry.canonical)]
    return Known(
        entry=entry,
        position=position,
        total=queries.total_waiting(launch) if position else 0,
        wait=waiting_fields(launch, position)["estimated_wait"] if position else None,
        invite=invite,
        redemption=spent.order_by("-pk").first(),
        told=told,
        names=named({event.by for event in told.values()} | {entry.held_by, entry.invited_by}),
        barred=Suppression.objects.filter(address_key__in=keys).first(),
        message=mails.first(),
        closed=gating.standing(launch.pk, now).closed,
    )


def moment(at: datetime | None) -> str:
    """A moment within a sentence."""
    return _("%(at)s UTC") % {"at": date_format(at, "j E Y, H:i")} if at else "–"


def explained(known: Known) -> list[str]:
    """Why they are where they are. The first sentence says it; the others say what else keeps them or helps."""
    first = SENTENCES[known.entry.status](known)
    return [first, *asides(known)]


def asides(known: Known) -> Iterator[str]:
    """What holds whatever the state is."""
    entry = known.entry
    waits = entry.status in (Entry.Status.WAITING, Entry.Status.APPROVED)
    if entry.held_at and not waits:
        yield _("They are held as well, since %(at)s by %(by)s: %(why)s.") % held(known)
    if entry.deferred_until and entry.deferred_until > timezone.now():
        yield _("They asked to be passed over until %(at)s.") % {"at": moment(entry.deferred_until)}
    if waits and known.closed:
        yield gates.sentence(known.closed)
    if known.barred:
        yield _("Their address gets no messages since %(at)s: %(why)s.") % {
            "at": moment(known.barred.at),
            "why": SUPPRESSED.get(known.barred.reason, known.barred.reason),
        }


def held(known: Known) -> dict[str, str]:
    """Since when, by whom and why the brake is on."""
    entry = known.entry
    return {"at": moment(entry.held_at), "by": known.names[entry.held_by], "why": entry.held_reason.rstrip(".") or "–"}


def pending(known: Known) -> str:
    """The mailbox was not proven."""
    if "entry.readdressed" in known.told:
        said = _("They keep their place, but have not confirmed the new address since it was changed on %(at)s.")
        return f"{said % {'at': moment(known.told['entry.readdressed'].at)}} {sent(known)}"
    said = _("They typed their address on %(at)s and have not confirmed it, so they have no place yet.")
    return f"{said % {'at': moment(known.entry.created_at)}} {sent(known)}"


def sent(known: Known) -> str:
    """How far the message that matters came."""
    one = known.message
    if one is None:
        return ""
    if one.status == Delivery.Status.GIVEN_UP:
        return _("The message was given up: %(why)s.") % {"why": one.last_error or "–"}
    if one.status == Delivery.Status.OWED:
        return _("The message has not gone out yet.")
    return one.last_error or _("The message went out on %(at)s.") % {"at": moment(one.done_at or one.created_at)}


def waiting(known: Known) -> str:
    """In line, and what they wait for."""
    entry, launch = known.entry, known.entry.launch
    if entry.held_at:
        return _(
            "They are held since %(at)s by %(by)s: %(why)s. Until somebody releases them they are passed over."
        ) % held(known)
    where = _("They wait at position %(position)s of %(total)s with %(points)s.") % {
        "position": known.position,
        "total": known.total,
        "points": ngettext("%(n)d point", "%(n)d points", entry.priority) % {"n": entry.priority},
    }
    if needs_a_yes(launch, entry):
        return f"{where} {passed_over(launch)}"
    if entry.lapses:
        where += " " + ngettext("They let %(n)d invite run out.", "They let %(n)d invites run out.", entry.lapses) % {
            "n": entry.lapses
        }
    if not launch.daily_quota:
        return where + " " + _("This launch invites nobody at the moment: its quota is 0.")
    pace = {"n": launch.daily_quota, "wait": known.wait or _("nobody can say how long")}
    return where + " " + _("Up to %(n)s people are invited a day, so their turn comes in: %(wait)s.") % pace


def needs_a_yes(launch: Launch, entry: Entry) -> bool:
    """Whether they are passed over until a moderator approves them."""
    is_approved, referred = entry.status == Entry.Status.APPROVED, entry.referred_by_id is not None
    return policy.needs_a_yes(launch, policy.Waiting(is_approved, entry.priority, entry.vouched, referred))


def passed_over(launch: Launch) -> str:
    """What they lack."""
    if launch.approval == Launch.Approval.MANUAL:
        return _("This launch invites only people who were approved, and nobody has approved them.")
    return _(
        "They are passed over until a moderator approves them: this launch asks that of who has few points, or came by no "
        "vouched channel."
    )


def approved(known: Known) -> str:
    """A moderator said yes."""
    if known.entry.held_at:
        return waiting(known)
    said = _("They were approved by %(by)s (%(why)s) and wait for their turn.")
    return f"{said % {'by': known.by('entry.approved'), 'why': known.why('entry.approved')}} {waiting(known)}"


def invited(known: Known) -> str:
    """An offer stands."""
    invite = known.invite
    if invite is None:
        return _("They were granted a place, and there is no invite to be found.")
    who = {"at": moment(known.entry.invited_at), "by": known.by("invite.issued"), "code": invite.code.last4}
    until = {"at": moment(invite.code.expires_at), "state": state_of(invite.code, timezone.now())}
    said = _("They were invited on %(at)s by %(by)s and have not used the code …%(code)s.") % who
    rest = _("It can be used until %(at)s.") if until["state"] == "active" else _("It cannot be used: it is %(state)s.")
    return f"{said} {rest % until} {sent(known)}"


def registered(known: Known) -> str:
    """They are in."""
    since = {"at": moment(known.entry.registered_at)}
    spent = known.redemption
    if spent is None:
        return _("They are in since %(at)s, without a code.") % since
    code = {"code": spent.code.last4, "kind": spent.code.get_kind_display().partition(":")[0], "door": spent.door}
    more = f" ({spent.code.campaign})" if spent.code.campaign else ""
    return _("They are in since %(at)s with the code …%(code)s, %(kind)s") % (since | code) + f"{more}."


def turned(known: Known) -> str:
    """They left, or were turned away."""
    told = known.told.get("entry.removed")
    said = {"at": moment(told.at) if told else "–", "by": known.by("entry.removed"), "why": known.why("entry.removed")}
    status = known.entry.get_status_display()
    if known.entry.status == Entry.Status.LEFT:
        return _("They left on %(at)s.") % said
    return _("They are %(status)s since %(at)s by %(by)s: %(why)s.") % (said | {"status": status})


def suspended(known: Known) -> str:
    """They were in."""
    told = known.told.get("entry.suspended")
    said = {
        "at": moment(told.at) if told else "–",
        "by": known.by("entry.suspended"),
        "why": known.why("entry.suspended"),
    }
    return _("They were in; their access is suspended since %(at)s by %(by)s: %(why)s.") % said


def erased(known: Known) -> str:
    """Nobody is left."""
    told = known.told.get("entry.erased")
    said = {"at": moment(told.at) if told else "–", "by": known.by("entry.erased")}
    return _("This person was erased on %(at)s by %(by)s. What is left names nobody; it cannot be undone.") % said


SENTENCES: dict[str, Any] = {
    "pending": pending,
    "waiting": waiting,
    "approved": approved,
    "invited": invited,
    "registered": registered,
    "rejected": turned,
    "blocked": turned,
    "left": turned,
    "suspended": suspended,
    "erased": erased,
}
