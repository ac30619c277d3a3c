"""The verbs of invites and codes: redeem, reserve, release a batch, make codes, revoke them."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from invites import codes, hot, messages, pacing, policy, queries, signals, tokens
from invites.models import Attempt, Batch, Code, CodeRun, Invite, PaceDecision, Reservation
from outbox import sql
from outbox.actions import announce_and_owe, owe
from outbox.callers import NOWHERE, Origin
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_key, address_keys, newest
from outbox.states import StaleState, move, move_one, sources, verb
from quality import evidence, gates
from quality.actions import assessing
from quality.evidence import Assessed, Redeeming
from quality.queries import gating
from waitlist import actions as waitlist
from waitlist.channels import Contact
from waitlist.models import Entry, Launch

CHUNK = 2_000  # people a transaction: long enough to be cheap, short enough to be paused
RESERVED_FOR = timedelta(hours=1)
REVIEWED_FOR = timedelta(days=14)  # so long a use is kept for who waits for a moderator's look
COMPLETED_WITHIN = timedelta(days=3)  # so long the mail works that a moderator's release sends
FEW_HANDS = ("personal", "vip")  # kinds of codes that were given to one person or a few
LONGEST_DAYS = 365
NOT_ACCEPTED = "invite_not_accepted"


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
    refusal = "code_unknown" if found.id is None else found.refusal
    if refusal == "code_exhausted" and not ask.proven and queries.is_kept_from_here(found, ask.origin.network):
        refusal = None  # the last use is kept for them, and this is the same call again
    if not refusal and policy.is_in_review(found):
        return keep_back(launch, ask, found, weigh_up(launch, ask, found), by=by)
    if refusal := refusal or policy.turned_away(found):
        raise Refused(NOT_ACCEPTED, why=refusal)
    if policy.must_prove_mailbox(found, proven=ask.proven):
        return reserve(found.id, found.entry_id, ask, by=by)
    return _let_in(launch, ask, found, by=by)


def look(launch: Launch, ask: Ask) -> Any:
    """What stands behind the code or the token for this contact: a row of hot.FIND. Uses that were kept too long are free first."""
    found = _find(launch, ask)
    if found.refusal == "code_exhausted" and found.reserved and sweep_reservations(by="system"):
        found = _find(launch, ask)
    return found


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
    }


def _find(launch: Launch, ask: Ask) -> Any:
    if ask.token:
        invite = tokens.invite_of(ask.token)
        return sql.one(hot.FIND_BY_ID, _params(launch, ask) | {"code": invite.code_id if invite else None})
    digests = {f"digest{number}": digest for number, digest in enumerate(codes.digests(ask.code))}
    return sql.one(hot.find_by_digest(len(digests)), _params(launch, ask) | digests)


@verb
def _let_in(launch: Launch, ask: Ask, found: Any, *, by: str) -> Redeemed:
    assessed = weigh_up(launch, ask, found)
    if assessed.is_caught:
        return keep_back(launch, ask, found, assessed, by=by)
    member = waitlist.register(launch, _membership(ask, found), by=by)
    if member is None:
        return _somebody_was_first(launch, ask)
    assessing.keep([replace(assessed, entry_id=member.id)], "redeem")
    waitlist.trace(launch.pk, member.id, "redeem", ask.origin, ask.contact)
    data = {"code": found.id, "kind": found.kind, "campaign": found.campaign, "owner": found.owner_id}
    said = [Said(f"entry:{member.id}", data, extra=member)]
    announce_and_owe(signals.code_redeemed, said, [messages.welcome(member)], by=by)
    if not _spend(launch, ask, found, member.id, by=by):
        raise Refused(NOT_ACCEPTED, why=_refusal_now(launch, ask))
    return Redeemed(member.id)


def _membership(ask: Ask, found: Any) -> waitlist.Membership:
    return waitlist.Membership(
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
    entry_id = found.entry_id or waitlist.list_applicant(launch, _membership(ask, found))
    waitlist.trace(launch.pk, entry_id, "redeem", ask.origin, ask.contact)
    known = replace(assessed, entry_id=entry_id)
    assessing.keep([known], "redeem")
    assessing.follow([known], "redeem")
    _keep_use(found.id, entry_id, ask, REVIEWED_FOR, by=by)
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
    membership = waitlist.Membership(
        contact=ask.contact, name=ask.name, locale=ask.locale, invited_by="open", user_id=ask.user_id
    )
    member = waitlist.register(launch, membership, by=by)
    if member is not None:
        owe([messages.welcome(member)])
    return member is not None


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
def reserve(code_id: int, entry_id: int, ask: Ask, *, by: str) -> Redeemed:
    """Keeps one use for a person on the list and writes to their mailbox; the mailed link completes it."""
    made = _keep_use(code_id, entry_id, ask, RESERVED_FOR, by=by)
    owe([messages.complete(made, ask.contact)])
    return Redeemed(entry_id, reserved=True)


def _keep_use(code_id: int, entry_id: int, ask: Ask, lasting: timedelta, *, by: str) -> Reservation:
    Entry.objects.select_for_update(no_key=True).get(pk=entry_id)  # entries before codes, everywhere
    made = Reservation.objects.filter(code_id=code_id, entry_id=entry_id, status="open").first()
    if made is not None:
        return made
    open_uses = Code.objects.filter(pk=code_id, uses__lt=F("max_uses") - F("reserved"))
    if not open_uses.update(reserved=F("reserved") + 1):
        raise Refused(NOT_ACCEPTED, why="code_exhausted")
    made = Reservation.objects.create(code_id=code_id, entry_id=entry_id, expires_at=timezone.now() + lasting)
    data = {"code": code_id, "reservation": made.pk, "place": queries.place_of(ask.origin.network)}
    signals.use_reserved.announce([Said(f"entry:{entry_id}", data)], by=by)
    return made


@verb
def remind_released(entry_ids: Sequence[int]) -> int:
    """A moderator let these people go: whose use of a code was kept meanwhile gets the mail that completes it. How many."""
    kept = Reservation.objects.filter(entry__in=entry_ids, status="open", expires_at__gt=Now()).select_related("entry")
    rows = list(kept.order_by("pk"))
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(expires_at=timezone.now() + COMPLETED_WITHIN)
    return owe([messages.complete(row, contact_of(row.entry)) for row in rows])


def contact_of(entry: Entry) -> Contact:
    """How this person is reached."""
    return Contact(entry.contact_kind, entry.contact, entry.canonical)


def complete(reservation: Reservation, *, by: str, origin: Origin) -> Redeemed:
    """The person whose mailbox it is agrees: the kept use is spent and they are in."""
    entry = reservation.entry
    ask = Ask(contact_of(entry), door="page", origin=origin, locale=entry.locale, proven=True)
    try:
        return _complete(reservation, ask, by=by)
    except Refused as refused:
        note_attempt(entry.launch, ask, refused.why)
        raise


@verb
def _complete(reservation: Reservation, ask: Ask, *, by: str) -> Redeemed:
    entry, launch = reservation.entry, reservation.entry.launch
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


@verb
def sweep_reservations(*, by: str) -> int:
    """Gives back the uses whose time ran out; how many."""
    late = Reservation.objects.select_for_update(skip_locked=True).filter(status="open", expires_at__lte=Now())
    rows = list(late.order_by("code_id").values_list("pk", "code_id"))
    move(Reservation.objects.filter(pk__in=[pk for pk, _code in rows]), to="released")
    for _pk, code_id in rows:
        Code.objects.filter(pk=code_id).update(reserved=F("reserved") - 1)
    return len(rows)


def release(launch: Launch, count: int | None = None, *, by: str, reason: str = "") -> Batch:
    """Invites the next eligible people within the day's quota, at most `count`; one Batch a run, a chunk a transaction.

    Where a gate is on and nobody says how many, the pace does. Raises Refused: launch_closed, gate_closed, pace_waits.
    Not one transaction: that the pace waits, and why, is kept although nothing is released.
    """
    if not launch.enabled or launch.mode not in (Launch.Mode.WAITLIST, Launch.Mode.BOTH):
        raise Refused("launch_closed")
    planned = plan_next(launch, count, by=by, reason=reason)
    if isinstance(planned, PaceDecision):
        raise Refused("pace_waits", queries.pace_in_words(planned), why=planned.why)
    while _release_chunk(planned.pk, by=by):
        pass
    planned.refresh_from_db()
    return planned


def resume_batch(batch: Batch, reason: str, *, by: str) -> Batch:
    """Lets a paused batch go on from where it stands."""
    _change_batch(batch, "releasing", signals.batch_resumed, reason, by=by)
    while _release_chunk(batch.pk, by=by):
        pass
    batch.refresh_from_db()
    return batch


def finish_batches(*, by: str) -> None:
    """Goes on with the batches whose worker died: the row is the cursor. One whose day is over is closed.

    Beside a worker that lives this does no harm: each chunk holds the row, and counts in it. One that a gate holds stays as
    it is and goes on when that opens.
    """
    open_now = Batch.objects.filter(status="releasing", launch__enabled=True).select_related("launch").order_by("pk")
    for batch in open_now.filter(launch__mode__in=[Launch.Mode.WAITLIST, Launch.Mode.BOTH]):
        if batch.created_at < queries.day_began(batch.launch, timezone.now()):
            cancel_batch(batch, "its day is over", by=by)
        while _release_chunk(batch.pk, by=by):
            pass


@verb
def plan_next(launch: Launch, count: int | None, *, by: str, reason: str = "") -> Batch | PaceDecision:
    """Plans a batch of `count`, or of what the day allows; with a gate on, of what the pace allows, or says why it waits."""
    kept = _held(launch)
    now = timezone.now()
    standing = gating.standing(launch.pk, now)
    if not standing.guarded:
        return plan_batch(kept, count, by=by, reason=reason)
    if count is not None:
        if not standing.invites_open:
            raise Refused("gate_closed", gates.sentence(standing.closed))
        return plan_batch(kept, count, by=by, reason=reason)
    tempo = pacing.Tempo(kept.pace_step, kept.bake_days, kept.daily_quota)
    past, today = queries.past_of(kept), queries.local_date(kept, now)
    pace = pacing.pace(tempo, past, gates_open=standing.invites_open, today=today)
    if pace.step == PaceDecision.Step.WAIT:
        return _note_wait(kept, pace, standing.closed, now)
    batch = plan_batch(kept, pace.size, by=by, reason=reason, pace=pace.step)
    PaceDecision.objects.create(launch=kept, batch=batch, step=pace.step, size=pace.size, why=pace.why)
    return batch


def _held(launch: Launch) -> Launch:
    """The launch's row, locked: of two schedulers at once the second sees the batch of the first."""
    return Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)


def _note_wait(launch: Launch, pace: pacing.Pace, closed: Sequence[tuple[str, str]], now: datetime) -> PaceDecision:
    """The row that says why nobody is invited: once for each local date and reason, however often it is asked."""
    why = ", ".join([f"{pace.why}", *(f"{metric} {why}" for metric, why in closed)])
    said = {"launch": launch, "step": pace.step, "size": 0, "why": why, "batch": None}
    today = PaceDecision.objects.filter(**said, at__gte=queries.day_began(launch, now))
    return today.first() or PaceDecision.objects.create(**said, at=now)


@verb
def plan_batch(launch: Launch, count: int | None, *, by: str, reason: str = "", pace: str = "") -> Batch:
    """Makes the row that the chunks count in. Where lots will be drawn, their seed is drawn now, once."""
    seed = secrets.token_hex(16) if launch.share_lottery else ""
    batch = Batch.objects.create(launch=launch, size=count, by=by, seed=seed)
    move_one(Batch.objects.filter(pk=batch.pk), to="releasing")
    said = {"reason": reason, "pace": pace, "seed": seed}
    data = {"launch": launch.pk, "size": count} | {name: word for name, word in said.items() if word}
    signals.batch_planned.announce([Said(f"batch:{batch.pk}", data)], by=by)
    return batch


@verb
def _release_chunk(batch_id: int, *, by: str) -> bool:
    """Invites one chunk; False when the batch is done, paused or cancelled, or held by a gate until that opens."""
    launch = Launch.objects.select_for_update(no_key=True).get(batch=batch_id)
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch_id)
    if batch.status != Batch.Status.RELEASING or not gating.standing(launch.pk, timezone.now()).invites_open:
        return False
    wanted = CHUNK if batch.size is None else min(CHUNK, batch.size - batch.released)
    day, taken = waitlist.take(launch, wanted) if wanted else (None, 0)
    granted, paths = _grant(launch, batch, taken) if taken else ([], {})
    if day and len(granted) < taken:
        waitlist.give_back(launch, day, taken - len(granted))
    if granted:
        issue(launch, granted, batch_id=batch.pk, by=by, paths=paths)
        _count_released(batch, len(granted), list(paths.values()))
    if len(granted) == CHUNK:
        return True
    move_one(Batch.objects.filter(pk=batch.pk), to="released", released_at=Now())
    data = {"launch": launch.pk, "released": batch.released + len(granted)}
    signals.batch_released.announce([Said(f"batch:{batch.pk}", data)], by=by)
    return False


def _grant(launch: Launch, batch: Batch, count: int) -> tuple[list[Any], dict[int, str]]:
    """The next people, and by which path each came where the launch shares places; without shares the order alone counts."""
    places = pacing.places(count, launch.share_first, launch.share_lottery if batch.seed else 0)
    if places.top == count:
        return waitlist.invite_next(launch, count, by=f"batch:{batch.pk}"), {}
    shares = waitlist.Shares(places.first, places.lottery, batch.seed)
    granted = waitlist.invite_shared(launch, count, shares, by=f"batch:{batch.pk}")
    return granted, {row.id: row.path for row in granted}


def _count_released(batch: Batch, count: int, paths: Sequence[str]) -> None:
    Batch.objects.filter(pk=batch.pk).update(
        released=F("released") + count,
        first_places=F("first_places") + paths.count("first"),
        lottery_places=F("lottery_places") + paths.count("lottery"),
    )


@verb
def _change_batch(batch: Batch, to: str, fact: Any, reason: str, *, by: str) -> None:
    Batch.objects.select_for_update(no_key=True).get(
        pk=batch.pk
    )  # a chunk under way is waited for, the next one sees it
    move_one(Batch.objects.filter(pk=batch.pk), to=to)
    fact.announce([Said(f"batch:{batch.pk}", {"reason": reason})], by=by)


def pause_batch(batch: Batch, reason: str, *, by: str) -> None:
    """Stops a batch: nothing more is issued after this returns."""
    _change_batch(batch, "paused", signals.batch_paused, reason, by=by)


def cancel_batch(batch: Batch, reason: str, *, by: str) -> None:
    """Ends a batch early; who was invited stays invited."""
    _change_batch(batch, "cancelled", signals.batch_cancelled, reason, by=by)


@verb
def issue(
    launch: Launch,
    granted: Sequence[Any],
    *,
    batch_id: int | None,
    by: str,
    reason: str = "",
    paths: Mapping[int, str] | None = None,
) -> None:
    """One code and one invite for each granted row of waitlist.invite_next, and the mails that carry them.

    `paths` says by which share of the batch each entry came, for the trail.
    """
    ids = sql.one(hot.NEXT_IDS, {"count": len(granted)}).ids
    prefix, version = codes.prefix_of(launch.code_format, "", timezone.now().date()), newest()
    made = [codes.derive(pk, 0, launch.code_format, prefix, version) for pk in ids]
    keys = [address_key(row.contact_kind, row.canonical) for row in granted]
    params = {
        "launch": launch.pk,
        "batch": batch_id,
        "entries": sql.joined(row.id for row in granted),
        "ids": sql.joined(ids),
        "digests": sql.joined(code.digest for code in made),
        "last4": sql.joined(code.last4 for code in made),
        "bound": sql.joined(keys),
        "format": launch.code_format,
        "prefix": prefix,
        "key_version": version,
        "days": launch.invite_days,
        "by": by,
    }
    issued = sql.rows(hot.ISSUE, params)
    waitlist.announce_invited(launch, [row.id for row in granted], batch_id=batch_id, by=by)
    why = {"batch": batch_id} | ({"reason": reason} if reason else {})
    of_path = {path: why | {"path": path} for path in set((paths or {}).values())}
    because = {row.entry_id: of_path[paths[row.entry_id]] if paths else why for row in issued}
    said = [
        Said(f"entry:{row.entry_id}", {"invite": row.id, "code": row.code_id, **because[row.entry_id]})
        for row in issued
    ]
    signals.invite_issued.announce(said, by=by)
    owe(messages.invited(granted, {row.entry_id: row.id for row in issued}, keys))


@verb
def invite(launch: Launch, ids: Sequence[int], *, by: str, reason: str = "") -> int:
    """Invites these people now, whoever stands before them, within the gates and the day's quota; how many could be."""
    invited, refused = _invite_within_quota(launch, ids, by=by, reason=reason)
    if refused and not invited:
        raise refused
    return invited


@verb
def invite_approved(ids: Sequence[int], *, by: str) -> int:
    """Invites approved people at once where their launch wants it, as far as its gates and the day's quota go; how many."""
    eager = Launch.objects.filter(entry__in=ids, invite_on_approval=True).distinct().order_by("pk")
    return sum(_invite_within_quota(launch, ids, by=by, reason="approved")[0] for launch in eager)


def _invite_within_quota(launch: Launch, ids: Sequence[int], *, by: str, reason: str) -> tuple[int, Refused | None]:
    """(how many were invited, what kept the rest of those who could have been out)."""
    able = Entry.objects.filter(pk__in=ids, launch=launch, held_at=None, status__in=sources(Entry, "invited"))
    wanted = list(able.order_by("-priority", "place").values_list("pk", flat=True))
    if not wanted:
        return 0, None
    standing = gating.standing(launch.pk, timezone.now())
    if not standing.invites_open:
        return 0, Refused("gate_closed", gates.sentence(standing.closed))
    day, taken = waitlist.take(launch, len(wanted))
    granted = waitlist.invite_named(launch, wanted[:taken], by=by) if taken else []
    if len(granted) < taken:
        waitlist.give_back(launch, day, taken - len(granted))
    if granted:
        issue(launch, granted, batch_id=None, by=by, reason=reason)
    return len(granted), Refused("quota_reached") if taken < len(wanted) else None


@verb
def decline(entry: Entry, *, by: str) -> None:
    """The person says no to their invite and goes."""
    Entry.objects.select_for_update(no_key=True).get(pk=entry.pk)
    offer = queries.open_invite_of(entry)
    if offer is None:
        raise StaleState("There is no open invite to decline.")
    move_one(Invite.objects.filter(pk=offer.pk), to="declined")
    move(Code.objects.filter(pk=offer.code_id), to="revoked")
    signals.invite_declined.announce([Said(f"entry:{entry.pk}", {"invite": offer.pk})], by=by)
    waitlist.leave(entry, by=by, reason="declined")


@verb
def revoke_invites_of(entry_ids: Sequence[int], *, by: str) -> None:
    """Whoever left or was turned away keeps no open invite."""
    invites = Invite.objects.filter(entry_id__in=entry_ids, status__in=["issued", "sent", "bounced"])
    code_ids = sorted(invites.values_list("code_id", flat=True))
    move(invites, to="revoked")
    move(Code.objects.filter(pk__in=code_ids), to="revoked")
    signals.code_revoked.announce([Said(f"code:{pk}", {"reason": "entry removed"}) for pk in code_ids], by=by)


@verb
def note_sent(invite_ids: Sequence[int]) -> None:
    """The mails of these invites were handed over."""
    move(Invite.objects.filter(pk__in=invite_ids), to="sent")


@verb
def note_bounced(invite_ids: Sequence[int]) -> None:
    """The addresses of these invites are no more; the person may still come by their page."""
    move(Invite.objects.filter(pk__in=invite_ids), to="bounced")


@verb
def lapse(*, by: str = "system", limit: int = CHUNK) -> int:
    """Unused invites whose time ran out: their people wait again; each is told in the trail and by mail, once. How many."""
    late = Invite.objects.filter(
        lapse_told=False, status__in=["issued", "sent", "bounced"], code__expires_at__lte=Now()
    )
    rows = list(late.order_by("entry_id").values_list("pk", "entry_id")[:limit])
    entry_ids = [entry_id for _pk, entry_id in rows]
    people = Entry.objects.select_for_update(no_key=True).filter(pk__in=entry_ids).order_by("pk")
    status_of = dict(people.values_list("pk", "status"))
    fresh = [row for row in rows if Invite.objects.filter(pk=row[0], lapse_told=False).update(lapse_told=True)]
    missed = [row for row in fresh if status_of[row[1]] == Entry.Status.INVITED]  # the others came in some other way
    if missed:
        waitlist.send_back([entry_id for _pk, entry_id in missed], by=by)
        signals.invite_lapsed.announce([Said(f"entry:{entry}", {"invite": pk}) for pk, entry in missed], by=by)
        owe(messages.lapsed([entry for _pk, entry in missed]))
    return len(fresh)


@verb
def tell_expired(*, by: str = "system", limit: int = CHUNK) -> int:
    """Writes code.expired once for each code that ran out of time; how many."""
    late = Code.objects.select_for_update(skip_locked=True, no_key=True).filter(
        expiry_told=False, expires_at__lte=Now()
    )
    ids = list(late.order_by("pk").values_list("pk", flat=True)[:limit])
    Code.objects.filter(pk__in=ids).update(expiry_told=True)
    signals.code_expired.announce([Said(f"code:{pk}") for pk in ids], by=by)
    return len(ids)


@dataclass(frozen=True, slots=True)
class Spec:
    """Which codes to make. Times are absolute; `bind` is one address, `bind_domain` a whole domain."""

    count: int
    expires_at: datetime
    batch_id: str = ""
    kind: str = "bulk"
    campaign: str = ""
    channel: str = ""
    format: str = "standard"
    max_uses: int = 1
    starts_at: datetime | None = None
    tier: str = "standard"
    bind: Contact | None = None
    bind_domain: str = ""
    owner_id: int | None = None


def check_spec(spec: Spec, now: datetime) -> None:
    """Raises Refused, with a sentence, when such codes would be eternal, guessable or nonsense."""
    if spec.expires_at > now + timedelta(days=LONGEST_DAYS, minutes=1):
        raise Refused("too_long_lived", "No code lives longer than 365 days.")
    if spec.format not in codes.FORMATS:
        raise Refused("unknown_format", f"The formats are: {', '.join(codes.FORMATS)}.")
    short = codes.FORMATS[spec.format].length < codes.SAFE_LENGTH
    long_lived = spec.expires_at > now + timedelta(days=codes.SHORT_LIFE_DAYS, minutes=1)
    if short and long_lived and spec.bind is None:
        raise Refused(
            "guessable",
            f"Codes of fewer than {codes.SAFE_LENGTH} characters can be guessed: bind them to one address, "
            f"let them live at most {codes.SHORT_LIFE_DAYS} days, or take a longer format.",
        )


@verb
def generate(launch: Launch, spec: Spec, *, by: str) -> tuple[CodeRun, bool]:
    """Makes codes together; the same batch_id and request again finds the same ones: (run, whether this call made them)."""
    check_spec(spec, timezone.now())
    asked = _asked(spec)
    run, fresh = CodeRun.objects.get_or_create(
        launch=launch, batch_id=spec.batch_id, defaults={"asked": asked, "by": by}
    )
    if not fresh:
        if run.asked != asked:
            raise Refused("batch_differs", "This batch_id was used for another request; take a new one.")
        return run, False
    make(launch, spec, run_id=run.pk, by=by)
    data = {"launch": launch.pk, "batch_id": spec.batch_id, "count": spec.count, "campaign": spec.campaign}
    signals.codes_made.announce([Said(f"code_run:{run.pk}", data)], by=by)
    return run, True


def _asked(spec: Spec) -> dict[str, Any]:
    """What was asked, comparable: the address as a keyed hash, the end to the day (a retry comes seconds later)."""
    bind = address_key(spec.bind.kind, spec.bind.canonical).hex() if spec.bind else ""
    asked = asdict(replace(spec, bind=None)) | {
        "bind": bind,
        "expires_at": spec.expires_at.astimezone(UTC).date().isoformat(),
    }
    return asked | {"starts_at": spec.starts_at.isoformat() if spec.starts_at else None}


@verb
def make(launch: Launch, spec: Spec, *, run_id: int | None, by: str) -> list[int]:
    """Makes the codes of a spec; their ids. Unique by constraint: a conflict is drawn again."""
    prefix, version = codes.prefix_of(spec.format, spec.campaign, timezone.now().date()), newest()
    common = {
        "launch": launch.pk,
        "kind": spec.kind,
        "format": spec.format,
        "prefix": prefix,
        "key_version": version,
        "max_uses": spec.max_uses,
        "starts_at": spec.starts_at,
        "expires_at": spec.expires_at,
        "tier": spec.tier,
        "campaign": spec.campaign,
        "channel": spec.channel,
        "run": run_id,
        "owner": spec.owner_id,
        "bound_key": address_key(spec.bind.kind, spec.bind.canonical) if spec.bind else None,
        "bound_domain": spec.bind_domain.casefold(),
        "by": by,
    }
    wanted: list[int] = sql.one(hot.NEXT_IDS, {"count": spec.count}).ids
    missing, attempt = wanted, 0
    while missing:
        drawn = [codes.derive(pk, attempt, spec.format, prefix, version) for pk in missing]
        columns = {
            "ids": sql.joined(missing),
            "digests": sql.joined(code.digest for code in drawn),
            "last4": sql.joined(code.last4 for code in drawn),
        }
        left_out = sql.rows(hot.MAKE_CODES, common | columns | {"attempt": attempt})
        missing, attempt = [row.id for row in left_out], attempt + 1
    return wanted


@verb
def revoke(chosen: Q, reason: str, *, by: str) -> int:
    """Makes these codes useless for ever, at once; how many worked until now."""
    return _change_codes(chosen, "revoked", signals.code_revoked, reason, by=by)


@verb
def pause(chosen: Q, reason: str, *, by: str) -> int:
    """Switches these codes off for now; how many."""
    return _change_codes(chosen, "paused", signals.code_paused, reason, by=by)


@verb
def resume(chosen: Q, reason: str, *, by: str) -> int:
    """Switches paused codes on again; how many."""
    return _change_codes(chosen, "active", signals.code_resumed, reason, by=by)


def _change_codes(chosen: Q, to: str, fact: Any, reason: str, *, by: str) -> int:
    able = [str(start) for start, targets in Code.MOVES.items() if to in targets]
    locked = Code.objects.select_for_update(no_key=True).filter(chosen, status__in=able).order_by("pk")
    ids = list(locked.values_list("pk", flat=True))
    move(Code.objects.filter(pk__in=ids), to=to)
    fact.announce([Said(f"code:{pk}", {"reason": reason}) for pk in ids], by=by)
    return len(ids)


@verb
def extend(chosen: Q, days: int, reason: str, *, by: str) -> int:
    """Gives these codes more days, never past a year from now; how many."""
    latest = timezone.now() + timedelta(days=LONGEST_DAYS)
    alive = Code.objects.select_for_update(no_key=True).filter(chosen).exclude(status="revoked").order_by("pk")
    ids = list(alive.filter(expires_at__lte=latest - timedelta(days=days)).values_list("pk", flat=True))
    Code.objects.filter(pk__in=ids).update(expires_at=F("expires_at") + timedelta(days=days), expiry_told=False)
    signals.code_extended.announce([Said(f"code:{pk}", {"days": days, "reason": reason}) for pk in ids], by=by)
    return len(ids)
