"""Redeems codes: lets the person in, once, or keeps a use for them, and writes down what was refused."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from invites import codes, hot, messages, policy, queries, signals, tokens
from invites.actions import reserving
from invites.models import Attempt, Code, Reservation
from invites.policy import NOT_ACCEPTED
from outbox import sql
from outbox.actions import announce_and_owe, owe
from outbox.callers import NOWHERE, Origin
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_key, address_keys, newest
from outbox.states import move, verb
from quality import evidence
from quality.actions import assessing
from quality.evidence import Assessed, Redeeming
from quality.queries import gating
from waitlist.actions import joining, registering
from waitlist.channels import Contact
from waitlist.models import Entry, Launch

FEW_HANDS = ("personal", "vip")  # kinds of codes that were given to one person or a few


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants in: with a code or an invite's token, for this contact, through this door."""

    contact: Contact
    code: str = ""
    token: str = ""
    name: str = ""
    door: str = "api"
    origin: Origin = NOWHERE
    user_id: int | None = None
    host_user_id: str = ""
    locale: str = "en"
    kept_code: int = 0  # instead of a code or a token: one of which a use is kept for this contact
    proven: bool = False  # the caller knows that the contact agrees: its token, its cookie, or a key


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The answer: whose entry, and whether this call let them in, found them in, or only kept a use for them."""

    entry_id: int
    already: bool = False
    reserved: bool = False
    caught: str = ""  # "review" or "deny": they look accepted, and are not in


def redeem(launch: Launch, ask: Ask, *, by: str) -> Redeemed:
    """Lets the person in with their code, once. Raises Refused, the same for every reason, and keeps the true one.

    Not one transaction: what was refused is rolled back, and the trace of the refusal is written after it.
    """
    try:
        return _redeem(launch, ask, by=by)
    except Refused as refused:
        note_attempt(launch, ask, refused.why)
        raise


def redeem_within(launch: Launch, ask: Ask, *, by: str) -> Redeemed:
    """The same inside a caller's transaction: the caller rolls back what was refused, and notes the attempt after it."""
    return _redeem(launch, ask, by=by)


def _redeem(launch: Launch, ask: Ask, *, by: str) -> Redeemed:
    if not launch.enabled:
        raise Refused("launch_closed")
    found = look(launch, ask)
    if policy.is_answered_alike(found, proven=ask.proven):
        return Redeemed(found.entry_id, already=True)
    if refusal := policy.refusal(found):
        raise Refused(NOT_ACCEPTED, why=refusal)
    if policy.is_in_review(found):
        return keep_back(launch, ask, found, weigh_up(launch, ask, found), by=by)
    if policy.must_prove_mailbox(found, proven=ask.proven):
        reserving.reserve(found.id, found.entry_id, ask.contact, network=ask.origin.network, by=by)
        return Redeemed(found.entry_id, reserved=True)
    return _let_in(launch, ask, found, by=by)


def look(launch: Launch, ask: Ask) -> Any:
    """What stands behind the code or the token for this contact: a row of hot.FIND.

    Where no use is left, those that were kept too long are free first, and one that is kept for the contact is theirs: where
    they are known, and where this is the same call again; from elsewhere nobody learns that something is kept for an address.
    """
    found = _find(launch, ask)
    if found.refusal == "code_exhausted" and found.reserved and reserving.sweep_reservations(by="system"):
        found = _find(launch, ask)
    if found.refusal == "code_exhausted" and found.reserved:
        # Looked at anew also where nothing is theirs: it may have been spent for them since the first look.
        found = _find(launch, ask, held=int(_is_theirs(found.id, ask)))
    return found


def _is_theirs(code_id: int, ask: Ask) -> bool:
    """Whether a use is kept for this contact that this caller may speak of."""
    if ask.proven:
        return queries.kept_for(code_id, ask.contact).exists()
    return queries.is_kept_from_here(code_id, ask.contact, ask.origin.network)


def _params(launch: Launch, ask: Ask) -> dict[str, Any]:
    contact = ask.contact
    return {
        "launch": launch.pk,
        "contact_kind": contact.kind,
        "canonical": contact.canonical,
        "bound": address_keys(contact.kind, contact.canonical),
        "domain": contact.domain,
        "shared": launch.mode != Launch.Mode.WAITLIST,
        "gated": not gating.codes_open(launch.pk, timezone.now()),
        "own": launch.member_codes,
        "network": ask.origin.network,
        "held": 0,
    }


def _find(launch: Launch, ask: Ask, *, held: int = 0) -> Any:
    params = _params(launch, ask) | {"held": held}
    if ask.kept_code:
        return sql.one(hot.FIND_BY_ID, params | {"code": ask.kept_code, "held": 1})
    if ask.token:
        invite = tokens.invite_of(ask.token)
        return sql.one(hot.FIND_BY_ID, params | {"code": invite.code_id if invite else None})
    digests = {f"digest{number}": digest for number, digest in enumerate(codes.digests(ask.code))}
    return sql.one(hot.find_by_digest(len(digests)), params | digests)


@verb
def _let_in(launch: Launch, ask: Ask, found: Any, *, by: str) -> Redeemed:
    assessed = weigh_up(launch, ask, found)
    if assessed.is_caught:
        return keep_back(launch, ask, found, assessed, by=by)
    member = registering.register(launch, _membership(ask, found), by=by)
    if member is None:
        return _somebody_was_first(launch, ask)
    assessing.keep([replace(assessed, entry_id=member.id)], "redeem")
    joining.trace(launch.pk, member.id, "redeem", ask.origin, ask.contact)
    data = {"code": found.id, "kind": found.kind, "campaign": found.campaign, "owner": found.owner_id}
    said = [Said(f"entry:{member.id}", data, extra=member)]
    announce_and_owe(signals.code_redeemed, said, [messages.welcome(member)], by=by)
    if found.held and not reserving.take_kept(found.id, ask.contact, member.id):
        raise Refused(NOT_ACCEPTED, why="reservation_lapsed")
    if not _spend(launch, ask, found, member.id, by=by):
        raise Refused(NOT_ACCEPTED, why=_refusal_now(launch, ask))
    return Redeemed(member.id)


def _membership(ask: Ask, found: Any) -> registering.Membership:
    return registering.Membership(
        contact=ask.contact,
        name=ask.name,
        tier=found.tier,
        source="referral" if found.owner_id else "code",
        locale=ask.locale,
        referred_by=found.owner_id,
        invited_by=f"code:{found.id}",
        user_id=ask.user_id,
        host_user_id=ask.host_user_id,
    )


def weigh_up(launch: Launch, ask: Ask, found: Any) -> Assessed:
    """What the rules say of this redemption; nothing is written."""
    networks = queries.networks_of(found.id, timezone.now()) if found.kind in FEW_HANDS else 0
    call = Redeeming(ask.contact, ask.origin, found.entry_id, found.owner_id, networks)
    return evidence.of_call(launch, call)


@verb
def keep_back(launch: Launch, ask: Ask, found: Any, assessed: Assessed, *, by: str) -> Redeemed:
    """The rules suspect this redemption: it looks accepted, and nobody is in.

    Under review the person stands on the list, held, and a use is kept for them until a moderator has looked; a release
    sends them the mail that completes it. Who is denied leaves the assessment and nothing else.
    """
    if assessed.finding.verdict == "deny":
        assessing.keep([assessed], "redeem")
        return Redeemed(found.entry_id or 0, reserved=True, caught="deny")
    entry_id = found.entry_id or registering.list_applicant(launch, _membership(ask, found))
    joining.trace(launch.pk, entry_id, "redeem", ask.origin, ask.contact)
    known = replace(assessed, entry_id=entry_id)
    assessing.keep([known], "redeem")
    assessing.follow([known], "redeem")
    reserving.keep_use(found.id, entry_id, reserving.REVIEWED_FOR, network=ask.origin.network, by=by)
    return Redeemed(entry_id, reserved=True, caught="review")


def _somebody_was_first(launch: Launch, ask: Ask) -> Redeemed:
    """Another session moved this person in the same instant: in is in, and anything else is refused."""
    found = _find(launch, ask)
    if found.entry_status == Entry.Status.REGISTERED:
        return Redeemed(found.entry_id, already=True)
    raise Refused(NOT_ACCEPTED, why=policy.turned_away(found) or "entry_moved")


def _refusal_now(launch: Launch, ask: Ask) -> str:
    return _find(launch, ask).refusal or "code_exhausted"


def _spend(launch: Launch, ask: Ask, found: Any, entry_id: int, *, by: str) -> bool:
    prefix = codes.prefix_of(launch.code_format, "", timezone.now().date())
    version = newest()
    own = [codes.derive(pk, 0, launch.code_format, prefix, version) for pk in found.own_ids]
    params = _params(launch, ask) | {
        "code": found.id,
        "entry": entry_id,
        "door": ask.door,
        "by": by,
        "network": ask.origin.network,
        "user_agent": ask.origin.user_agent,
        "format": launch.code_format,
        "prefix": prefix,
        "key_version": version,
        "own_days": launch.member_code_days,
        "own_ids": sql.joined(found.own_ids),
        "own_digests": sql.joined(code.digest for code in own),
        "own_last4": sql.joined(code.last4 for code in own),
    }
    return sql.one(hot.SPEND, params) is not None


@verb
def let_in_openly(launch: Launch, ask: Ask, *, by: str) -> bool:
    """Mode open: the person is in without a code; False when they may not be, or are already, or a gate stops everything."""
    if not gating.codes_open(launch.pk, timezone.now()):
        return False
    assessed = evidence.of_call(launch, Redeeming(ask.contact, ask.origin))
    membership = registering.Membership(
        contact=ask.contact, name=ask.name, locale=ask.locale, invited_by="open", user_id=ask.user_id
    )
    member = registering.register(launch, membership, by=by)
    if member is None:
        return False
    known = replace(assessed, entry_id=member.id)
    assessing.keep([known], "redeem")
    assessing.follow(
        [known], "redeem"
    )  # everybody may come in; who is suspected waits for a look, and so do rewards for them
    joining.trace(launch.pk, member.id, "redeem", ask.origin, ask.contact)
    owe([messages.welcome(member)])
    return True


@verb
def note_attempt(launch: Launch, ask: Ask, reason: str) -> None:
    """Keeps who was refused and why, as keyed hashes: what the limits and the trail read."""
    Attempt.objects.create(
        launch=launch,
        digest=codes.digest(codes.fold(ask.code)),
        address_key=address_key(ask.contact.kind, ask.contact.canonical),
        network=ask.origin.network,
        user_agent=ask.origin.user_agent,
        device=ask.origin.device,
        door=ask.door,
        reason=reason,
    )


@verb
def purge_attempts(now: datetime) -> int:
    """Deletes refused attempts older than each launch keeps traces: they hold networks and devices too. How many rows."""
    gone = 0
    for launch in Launch.objects.all():
        old = Attempt.objects.filter(launch=launch, at__lt=now - timedelta(days=launch.trace_days))
        gone += old.delete()[0]
    return gone


def complete(reservation: Reservation, *, by: str, origin: Origin) -> Redeemed:
    """The person whose mailbox it is agrees: the kept use is spent and they are in."""
    entry = reservation.person
    ask = Ask(reserving.contact_of(entry), door="page", origin=origin, locale=entry.locale, proven=True)
    try:
        return _complete(reservation, ask, by=by)
    except Refused as refused:
        note_attempt(entry.launch, ask, refused.why)
        raise


@verb
def _complete(reservation: Reservation, ask: Ask, *, by: str) -> Redeemed:
    entry, launch = reservation.person, reservation.person.launch
    if entry.status == Entry.Status.REGISTERED:
        return Redeemed(entry.pk, already=True)
    if not launch.enabled:
        raise Refused("launch_closed")
    Entry.objects.select_for_update(no_key=True).get(pk=entry.pk)
    kept = Reservation.objects.filter(pk=reservation.pk, status="open", expires_at__gt=Now())
    if not move(kept, to="committed"):
        raise Refused(NOT_ACCEPTED, why="reservation_lapsed")
    Code.objects.filter(pk=reservation.code_id).update(reserved=F("reserved") - 1)
    found = sql.one(hot.FIND_BY_ID, _params(launch, ask) | {"code": reservation.code_id})
    refusal = found.refusal or policy.turned_away(found)
    if refusal:
        raise Refused(NOT_ACCEPTED, why=refusal)
    return _let_in(launch, ask, found, by=by)
