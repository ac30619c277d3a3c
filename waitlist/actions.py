"""The verbs of the queue: the only code that changes entries, points and launches."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F, Q, Sum
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from outbox import sql
from outbox.actions import announce_and_owe, lift_wish, owe
from outbox.callers import NOWHERE, Origin
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_keys, keyed
from outbox.states import StaleState, move, sources, verb
from waitlist import hot, messages, queries, scoring, signals, tokens
from waitlist.channels import Contact, email
from waitlist.models import Entry, Launch, Points, PointsWeight, SourceLink, Trace

CONFIRM_TRIES = 5
FEWEST_WORDS = 10  # of a use case: shorter sentences are written alike by people who never met
CONFIRM_CODE_HOURS = 24
LAPSES_KEEPING_PLACE = 1
NEW_PLACE = RawSQL("nextval('waitlist_place')", ())
NEW_ROUND = {"confirm_round": F("confirm_round") + 1, "confirm_tries": 0, "confirm_sent_at": Now()}  # new digits
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody says about themselves when they join."""

    contact: Contact
    name: str = ""
    use_case: str = ""
    persona: str = ""
    source: str = "organic"
    vouched: bool = False
    via: str = ""  # the token of a signed source link
    referral_code: str = ""
    utm: dict[str, str] = field(default_factory=dict)
    locale: str = "en"
    consent: str = "caller"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who joined for the first time, and how: what whoever hears of it would else have to read again."""

    launch: Launch
    contact: Contact
    origin: Origin
    referrer: int | None
    traced: dict[str, Any]  # what the trace keeps


@dataclass(frozen=True, slots=True)
class Joined:
    """Whose entry it is now, and whether this call made it."""

    entry_id: int
    fresh: bool


def new_referral_code() -> str:
    """Random and opaque: 12 characters of 31, so that nobody guesses a friend's."""
    return "".join(secrets.choice(ALPHABET) for _n in range(12))


def open_for_joining(launch: Launch) -> None:
    """Raises Refused while the launch takes nobody onto its list."""
    if not launch.enabled or launch.mode == Launch.Mode.CODES:
        raise Refused("launch_closed")


@verb
def join(rules: queries.Rules, application: Application, *, by: str, origin: Origin) -> Joined:
    """Puts the person on the list, or finds them there; either way one message goes to the mailbox, none to the caller."""
    launch = rules.launch
    open_for_joining(launch)
    link = vouch(launch, application.via) if application.via else None
    if link:
        application = replace(application, source=link.source, vouched=True)
    referrer = queries.referrer_of(launch, application.referral_code)
    traced = _traced(application, origin)
    row = _join(rules, application, referrer, traced)
    if link and not row.fresh:
        unvouch(link)
    contact = application.contact
    owed = [messages.answer_to_join(row.id, contact, row.fresh and launch.confirm_contact, row.confirm_round)]
    if row.fresh:
        data = {"launch": launch.pk, "source": application.source, "referred_by": referrer}
        arrival = Arrival(launch, contact, origin, referrer, traced)
        announce_and_owe(signals.entry_joined, [Said(f"entry:{row.id}", data, extra=arrival)], owed, by=by)
        return Joined(row.id, fresh=True)
    if row.status == Entry.Status.LEFT:
        trace(launch.pk, row.id, Trace.Act.JOIN, origin)
        _join_again(launch, row.id, by=by)
    elif row.status == Entry.Status.PENDING:
        _renew_digits(row.id)
    owe(owed)
    return Joined(row.id, fresh=False)


def _join(rules: queries.Rules, application: Application, referrer: int | None, traced: dict[str, Any]) -> Any:
    launch, contact = rules.launch, application.contact
    arm = scoring.arm_of(contact.kind, contact.canonical, launch.trial_percent)
    lines = scoring.score(_evidence(launch, application, referrer), rules.of_arm(arm))
    params = {
        "launch": launch.pk,
        "status": Entry.Status.PENDING if launch.confirm_contact else Entry.Status.WAITING,
        "priority": scoring.priority(line.points for line in lines),
        "contact_kind": contact.kind,
        "contact": contact.as_typed,
        "canonical": contact.canonical,
        "name": application.name,
        "use_case": application.use_case,
        "persona": application.persona,
        "source": "referral" if referrer and application.source == "organic" else application.source,
        "utm": json.dumps(application.utm),
        "locale": application.locale,
        "consent": application.consent,
        "referral_code": new_referral_code(),
        "referred_by": referrer,
        "rules": sql.joined(line.rule for line in lines),
        "points": sql.joined(line.points for line in lines),
        "reasons": sql.joined(line.reason for line in lines),
        "arm": arm,
        **traced,
    }
    return sql.one(hot.JOIN, params) or sql.one(hot.JOIN, params)


def domain_traced(contact: Contact) -> str:
    """The domain, where it says something of who is behind it: free mail does not."""
    return "" if contact.domain in scoring.FREE_MAIL else contact.domain


def stem_key_of(contact: Contact) -> bytes | None:
    """What addresses that differ only in a tag or a number have in common; None for a phone."""
    return keyed("stem", email.stem(contact.canonical))[:16] if contact.kind == "email" else None


def _traced(application: Application, origin: Origin) -> dict[str, Any]:
    """What the trace keeps: never the text or a free-mail domain, which say nothing of who is behind them."""
    said = scoring.words(application.use_case).strip()
    return {
        "network": origin.network,
        "user_agent": origin.user_agent,
        "device": origin.device,
        "form_seconds": origin.form_seconds,
        "country": origin.country,
        "traced_at": origin.at,
        "domain": domain_traced(application.contact),
        "stem_key": stem_key_of(application.contact),
        "text_key": keyed("text", said)[:16] if len(said.split()) >= FEWEST_WORDS else None,
    }


def _evidence(launch: Launch, application: Application, referrer: int | None) -> scoring.Evidence:
    return scoring.Evidence(
        persona=application.persona,
        use_case=application.use_case,
        source=application.source,
        vouched=application.vouched,
        referred=referrer is not None,
        domain=application.contact.domain,
        keywords=tuple(launch.keywords),
    )


def _join_again(launch: Launch, entry_id: int, *, by: str) -> None:
    to = Entry.Status.PENDING if launch.confirm_contact else Entry.Status.WAITING
    place = None if launch.confirm_contact else NEW_PLACE
    changes = {"place": place, "deferred_until": None, **NEW_ROUND}
    if move(Entry.objects.filter(pk=entry_id, status="left"), to=to, **changes):
        signals.entry_joined.announce([Said(f"entry:{entry_id}", {"launch": launch.pk, "again": True})], by=by)


def _renew_digits(entry_id: int) -> None:
    """The message that follows names the digits: too old ones are made anew. Never younger ones, or joining again would buy tries."""
    too_old = timezone.now() - timedelta(hours=CONFIRM_CODE_HOURS)
    Entry.objects.filter(pk=entry_id, status="pending", confirm_sent_at__lte=too_old).update(**NEW_ROUND)


@verb
def confirm(entry_id: int, *, by: str, origin: Origin = NOWHERE) -> bool:
    """The person proved their mailbox: pending becomes waiting, with a place. False when they had before."""
    changes = {"place": Coalesce(F("place"), NEW_PLACE), "confirmed_at": Now()}
    if not move(Entry.objects.filter(pk=entry_id, status="pending"), to="waiting", **changes):
        return False
    row = Entry.objects.values_list("launch_id", "contact_kind", "canonical", named=True).get(pk=entry_id)
    trace(row.launch_id, entry_id, Trace.Act.CONFIRM, origin)
    lift_wish(address_keys(row.contact_kind, row.canonical), by=by)  # else their invitation would never reach them
    signals.entry_confirmed.announce([Said(f"entry:{entry_id}", {"launch": row.launch_id})], by=by)
    return True


@verb
def trace(launch_id: int, entry_id: int, act: str, origin: Origin, contact: Contact | None = None) -> None:
    """Keeps from where and with what somebody acted, and as whom where that is new; what nobody knows leaves no row."""
    if origin == NOWHERE:
        return
    Trace.objects.create(
        launch_id=launch_id,
        entry_id=entry_id,
        act=act,
        network=origin.network,
        user_agent=origin.user_agent,
        device=origin.device,
        domain=domain_traced(contact) if contact else "",
        stem_key=stem_key_of(contact) if contact else None,
        country=origin.country,
        at=origin.at or Now(),
    )


def confirm_by_code(launch: Launch, contact: Contact, code: str, *, by: str, origin: Origin = NOWHERE) -> Entry:
    """Confirms with the 6 digits from the mail. Few tries a round, counted in the database; the mailed link still works.

    Not one transaction on purpose: a wrong try must be counted although the verb refuses.
    """
    entry = queries.entry_with(launch, contact)
    counted = count_try(launch, entry, by=by)
    if entry is None or not counted or not secrets.compare_digest(_code_now(entry), code.strip().encode()):
        raise Refused("code_wrong")
    confirm(entry.pk, by=by, origin=origin)
    forgive_tries(entry.pk)
    entry.refresh_from_db()
    return entry


def _code_now(entry: Entry) -> bytes:
    return tokens.confirm_code(entry.pk, entry.confirm_round).encode()


@verb
def count_try(launch: Launch, entry: Entry | None, *, by: str) -> bool:
    """Counts one try of the 6 digits; False when none is left in this round, or the round is too old, or nobody is there.

    An address that nobody has costs the same work, so that the time says nothing.
    """
    signals.digits_tried.announce([Said(about(launch, entry))], by=by)
    recent = timezone.now() - timedelta(hours=CONFIRM_CODE_HOURS)
    named = Entry.objects.filter(pk=entry.pk if entry else 0)
    open_round = named.filter(confirm_tries__lt=CONFIRM_TRIES, confirm_sent_at__gt=recent)
    return bool(open_round.update(confirm_tries=F("confirm_tries") + 1))


@verb
def forgive_tries(entry_id: int) -> None:
    """The right code was given: wrong tries before it count no more. It stays right, so that a retried call is answered alike."""
    Entry.objects.filter(pk=entry_id).update(confirm_tries=0)


@verb
def resend(launch: Launch, contact: Contact, *, by: str) -> None:
    """Writes to the mailbox again, whatever stands there; the caller learns nothing, not even by the time it takes.

    Who is pending gets a new round of digits, but only with a message that names them: else a stranger who asks often
    would take the digits away that were mailed last, and buy new tries at them.
    """
    entry = queries.entry_with(launch, contact)
    pending = entry is not None and entry.status == Entry.Status.PENDING
    owed = messages.answer_to_join(entry.pk, contact, pending, entry.confirm_round + 1) if entry else None
    written = owe([owed or messages.answer_to_nobody(contact)])
    Entry.objects.filter(pk=entry.pk if entry and written else 0, status="pending").update(**NEW_ROUND)
    signals.entry_resent.announce([Said(about(launch, entry))], by=by)


def about(launch: Launch, entry: Entry | None) -> str:
    """Whom the trail names: the launch, where nobody has the address that a stranger typed."""
    return f"entry:{entry.pk}" if entry else f"launch:{launch.pk}"


@verb
def leave(entry: Entry, *, by: str, reason: str = "left") -> None:
    """The person goes, by their own wish."""
    _remove([entry.pk], "left", reason, by=by, only_one=True)


@verb
def reject(ids: Sequence[int], reason: str, *, by: str) -> int:
    """A moderator says no; how many entries it was said to."""
    return _remove(ids, "rejected", reason, by=by)


@verb
def block(ids: Sequence[int], reason: str, *, by: str) -> int:
    """A moderator says no, for abuse; how many entries it was said to."""
    return _remove(ids, "blocked", reason, by=by)


def _remove(ids: Sequence[int], to: str, reason: str, *, by: str, only_one: bool = False) -> int:
    moved = _moved(ids, to)
    if only_one and not moved:
        raise StaleState(f"This entry cannot become {to} from where it stands.")
    said = [Said(f"entry:{pk}", {"status": to, "reason": reason}) for pk in moved]
    signals.entry_removed.announce(said, by=by)
    return len(moved)


def _moved(ids: Sequence[int], to: str, **changes: Any) -> list[int]:
    """Moves who may be moved, in the order of their ids, and tells whom: locked first, so the list is exact."""
    able = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, status__in=sources(Entry, to)).order_by("pk")
    locked = list(able.values_list("pk", flat=True))
    move(Entry.objects.filter(pk__in=locked), to=to, **changes)
    return locked


@verb
def approve(ids: Sequence[int], reason: str, *, by: str) -> int:
    """A moderator says yes; where only approved people are invited, this makes them eligible. How many."""
    # Where approval invites at once the day's quota follows: the launch is locked before the entries, as everywhere.
    list(Launch.objects.select_for_update(no_key=True).filter(entry__in=ids).order_by("pk").values_list("pk"))
    moved = _moved(ids, "approved")
    signals.entry_approved.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in moved], by=by)
    return len(moved)


@verb
def appeal(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Puts rejected and blocked people back where they stood; how many."""
    able = (
        Entry.objects.filter(pk__in=ids, status__in=["rejected", "blocked"])
        .select_for_update(no_key=True)
        .order_by("pk")
    )
    locked = list(able.values_list("pk", flat=True))
    move(Entry.objects.filter(pk__in=locked), to="waiting", place=Coalesce(F("place"), NEW_PLACE))
    signals.entry_appealed.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in locked], by=by)
    return len(locked)


@verb
def hold(ids: Sequence[int], reason: str, *, by: str) -> int:
    """The brake: these people are passed over until released; how many it was put on. A person's hold takes over a rule's."""
    able = Q(held_at__isnull=True) | (~Q(held_by__startswith="staff:") if by.startswith("staff:") else Q())
    free = Entry.objects.select_for_update(no_key=True).filter(able, pk__in=ids).order_by("pk")
    held = list(free.values_list("pk", flat=True))
    Entry.objects.filter(pk__in=held).update(held_at=Now(), held_by=by, held_reason=reason)
    signals.entry_held.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in held], by=by)
    return len(held)


@verb
def release(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Takes the brake off; how many were held."""
    held = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, held_at__isnull=False).order_by("pk")
    freed = list(held.values_list("pk", flat=True))
    Entry.objects.filter(pk__in=freed).update(held_at=None, held_by="", held_reason="")
    signals.entry_released.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in freed], by=by)
    return len(freed)


@verb
def suspend(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Takes registered people's access away for now; how many."""
    moved = _moved(ids, "suspended")
    signals.entry_suspended.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in moved], by=by)
    return len(moved)


@verb
def restore(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Gives suspended people's access back; how many."""
    suspended = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, status="suspended").order_by("pk")
    moved = list(suspended.values_list("pk", flat=True))
    move(Entry.objects.filter(pk__in=moved), to="registered")
    signals.entry_restored.announce([Said(f"entry:{pk}", {"reason": reason}) for pk in moved], by=by)
    return len(moved)


@verb
def defer(entry: Entry, until: datetime, *, by: str) -> None:
    """The person asks to be passed over until then, keeping their place."""
    if not timezone.now() < until < timezone.now() + timedelta(days=365):
        raise Refused("defer_out_of_range")
    waiting = Entry.objects.filter(pk=entry.pk, status__in=["pending", "waiting", "approved"])
    if not waiting.update(deferred_until=until):
        raise StaleState("Only somebody who waits can ask to be passed over.")
    signals.entry_deferred.announce([Said(f"entry:{entry.pk}", {"until": until.isoformat()})], by=by)


@verb
def take(launch: Launch, count: int) -> tuple[date, int]:
    """Takes up to `count` places of today's quota: (the launch's local date, how many were left to take)."""
    Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)  # a statement of its own: lock, then read
    row = sql.one(hot.TAKE, {"launch": launch.pk, "count": count})
    return row.date, int(row.taken)


@verb
def give_back(launch: Launch, day: date, count: int) -> None:
    """Returns places that nobody was there to take; the launch's row is held since take()."""
    launch.days.filter(date=day).update(granted=F("granted") - count)


@verb
def invite_next(launch: Launch, count: int, *, by: str) -> list[Any]:
    """Moves the next eligible people to invited, in order; their rows (id, contact_kind, canonical, lapses, priority, place)."""
    statement = hot.INVITE_NEXT.format(allowed=_allowed(launch))
    granted = sql.rows(statement, {"launch": launch.pk, "count": count, "by": by})
    return sorted(granted, key=lambda row: (-row.priority, row.place))


@dataclass(frozen=True, slots=True)
class Shares:
    """Places that do not go by the order: to who came first, and by lot with this seed."""

    first: int
    lottery: int
    seed: str


@verb
def invite_shared(launch: Launch, count: int, shares: Shares, *, by: str) -> list[Any]:
    """The same where some of the places have shares; the rows say by which `path`: first, lottery or top."""
    statement = hot.INVITE_SHARED.format(allowed=_allowed(launch))
    granted = sql.rows(statement, {"launch": launch.pk, "count": count, "by": by, **asdict(shares)})
    return sorted(granted, key=lambda row: (-row.priority, row.place))


def _allowed(launch: Launch) -> str:
    return "= 'approved'" if launch.approval == Launch.Approval.MANUAL else "IN ('waiting', 'approved')"


@verb
def invite_named(launch: Launch, ids: Sequence[int], *, by: str) -> list[Any]:
    """Moves these people to invited, whoever stands before them; the rows of those who could be."""
    able = list(Entry.objects.filter(pk__in=ids, launch=launch).order_by("pk").values_list("pk", flat=True))
    return sql.rows(hot.INVITE_NAMED, {"ids": able, "by": by, "sources": sources(Entry, "invited")})


@verb
def announce_invited(launch: Launch, ids: Sequence[int], *, batch_id: int | None, by: str) -> None:
    """Says that these people were granted a place: after their invites exist, so that who hears it finds them."""
    data = {"launch": launch.pk, "batch": batch_id}
    signals.entry_invited.announce([Said(f"entry:{pk}", data) for pk in ids], by=by)


@dataclass(frozen=True, slots=True)
class Membership:
    """With what somebody becomes a member."""

    contact: Contact
    name: str = ""
    tier: str = "standard"
    source: str = "organic"
    locale: str = "en"
    referred_by: int | None = None
    invited_by: str = ""
    user_id: int | None = None
    host_user_id: str = ""


@verb
def register(launch: Launch, membership: Membership, *, by: str) -> Any:
    """Makes the person a member; their row, or None when they may not become one (or are one already)."""
    contact = membership.contact
    params = {
        "launch": launch.pk,
        "contact_kind": contact.kind,
        "contact": contact.as_typed,
        "canonical": contact.canonical,
        "name": membership.name,
        "tier": membership.tier,
        "source": membership.source,
        "locale": membership.locale,
        "referred_by": membership.referred_by,
        "invited_by": membership.invited_by,
        "user": membership.user_id,
        "host_user_id": membership.host_user_id,
        "referral_code": new_referral_code(),
        "sources": [state for state in sources(Entry, "registered") if state != "suspended"],
    }
    row = sql.one(hot.REGISTER, params)
    if row:
        said = Said(f"entry:{row.id}", {"launch": launch.pk, "tier": membership.tier}, extra=row)
        signals.entry_registered.announce([said], by=by)
    return row


@verb
def list_applicant(launch: Launch, membership: Membership) -> int:
    """The entry of somebody who may not come in yet: the one they have, else a new one whose mailbox is not proven; its id."""
    contact = membership.contact
    made, _fresh = Entry.objects.get_or_create(
        launch=launch,
        contact_kind=contact.kind,
        canonical=contact.canonical,
        defaults={
            "contact": contact.as_typed,
            "name": membership.name,
            "source": membership.source,
            "locale": membership.locale,
            "referral_code": new_referral_code(),
            "referred_by_id": membership.referred_by,
        },
    )
    return int(made.pk)


@verb
def link_user(entry_id: int, user_id: int, *, by: str) -> bool:
    """Gives a registered person who has no log-in yet this one; False when they have one, or are not in."""
    without = Entry.objects.filter(pk=entry_id, status="registered", user__isnull=True)
    if not without.update(user_id=user_id):
        return False
    signals.entry_linked.announce([Said(f"entry:{entry_id}", {"user": user_id})], by=by)
    return True


@verb
def send_back(ids: Sequence[int], *, by: str) -> int:
    """Unused invites lapsed: these people wait again, once keeping their place, then at the tail. How many."""
    invited = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, status="invited").order_by("pk")
    rows = list(invited.values_list("pk", "lapses"))
    keeping = [pk for pk, lapses in rows if lapses < LAPSES_KEEPING_PLACE]
    to_tail = [pk for pk, lapses in rows if lapses >= LAPSES_KEEPING_PLACE]
    move(Entry.objects.filter(pk__in=keeping), to="waiting", lapses=F("lapses") + 1)
    move(Entry.objects.filter(pk__in=to_tail), to="waiting", lapses=F("lapses") + 1, place=NEW_PLACE)
    said = [Said(f"entry:{pk}", {"lapses": lapses + 1, "tail": pk in to_tail}) for pk, lapses in rows]
    signals.entry_returned.announce(said, by=by)
    return len(rows)


@verb
def award(entry_id: int, rule: str, points: int, *, key: str, by: str, cap: int | None = None) -> int:
    """Adds one line of points, up to the cap over all lines of that rule; how many were added (0 when it was said before)."""
    entry = Entry.objects.select_for_update(no_key=True).get(pk=entry_id)  # the sum must not move while it is read
    lines = Points.objects.filter(entry=entry)
    had = lines.filter(rule=rule).aggregate(sum=Coalesce(Sum("points"), 0))["sum"]
    added = points if cap is None else max(0, min(points, cap - had))
    if not added or lines.filter(rule=rule, key=key).exists():
        return 0
    Points.objects.create(entry=entry, rule=rule, key=key, points=added, reason=scoring.reason_of(rule))
    reprioritise([entry_id])
    signals.points_awarded.announce([Said(f"entry:{entry_id}", {"rule": rule, "points": added, "key": key})], by=by)
    return added


@verb
def withdraw(entry_id: int, rule: str, key: str, *, by: str) -> int:
    """Takes a line of points back; how many points it was."""
    Entry.objects.select_for_update(no_key=True).get(pk=entry_id)
    lines = Points.objects.filter(entry_id=entry_id, rule=rule, key=key)
    gone = lines.aggregate(sum=Coalesce(Sum("points"), 0))["sum"]
    if gone:
        lines.delete()
        reprioritise([entry_id])
        signals.points_awarded.announce([Said(f"entry:{entry_id}", {"rule": rule, "points": -gone, "key": key})], by=by)
    return int(gone)


@verb
def reprioritise(ids: Sequence[int]) -> None:
    """Makes the priority of these people the clamped sum of their points again."""
    sql.rows(
        """UPDATE waitlist_entry AS entry SET priority = least(greatest(coalesce(
               (SELECT sum(points) FROM waitlist_points WHERE entry_id = entry.id), 0), 0), %(most)s)
           WHERE id = ANY(%(ids)s::bigint[])""",
        {"ids": list(ids), "most": scoring.PRIORITY_MAX},
    )


@verb
def raise_tier(entry_id: int, tier: str, *, by: str) -> None:
    """Gives the person a tier."""
    if Entry.objects.filter(pk=entry_id).exclude(tier=tier).update(tier=tier):
        signals.tier_raised.announce([Said(f"entry:{entry_id}", {"tier": tier})], by=by)


@verb
def tune(launch: Launch, changes: dict[str, Any], *, by: str) -> None:
    """Changes settings of the launch; each old and new value stands in the trail."""
    kept = Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)
    before = {name: getattr(kept, name) for name in changes}
    for name, value in changes.items():
        setattr(kept, name, value)
    kept.full_clean()
    kept.save(update_fields=list(changes))
    different = {name: [str(before[name]), str(changes[name])] for name in changes if before[name] != changes[name]}
    queries.forget_kept()
    if different:
        signals.launch_tuned.announce([Said(f"launch:{launch.pk}", {"changes": different})], by=by)


@verb
def weigh(launch: Launch, rule: str, key: str, points: int, *, by: str, arm: str = "a") -> None:
    """Sets the points that a rule gives on this launch; who joined before keeps what they have."""
    PointsWeight.objects.update_or_create(launch=launch, rule=rule, key=key, arm=arm, defaults={"points": points})
    queries.forget_kept()
    said = Said(f"launch:{launch.pk}", {"changes": {weight_named(rule, key, arm): points}})
    signals.launch_tuned.announce([said], by=by)


def weight_named(rule: str, key: str, arm: str) -> str:
    """How the trail names a weight."""
    return " ".join(part for part in ("points", rule, key, "in table B" if arm == "b" else "") if part)


@verb
def unweigh(weight: PointsWeight, *, by: str) -> None:
    """The rule gives its default points again."""
    named = weight_named(weight.rule, weight.key, weight.arm)
    said = Said(f"launch:{weight.launch_id}", {"changes": {named: "default"}})
    weight.delete()
    queries.forget_kept()
    signals.launch_tuned.announce([said], by=by)


@verb
def open_first_launch(name: str = "Vestibule", *, by: str = "system") -> Launch:
    """Makes the launch that is the default everywhere, where there is none yet: enabled, mode both, confirmation on."""
    found = Launch.objects.order_by("pk").first()
    return found or make_launch("default", name, by=by)


@verb
def make_launch(slug: str, name: str, *, by: str, **settings: Any) -> Launch:
    """Makes a launch."""
    launch = Launch.objects.create(slug=slug, name=name, **settings)
    queries.forget_kept()
    signals.launch_made.announce([Said(f"launch:{launch.pk}")], by=by)
    return launch


@verb
def make_source_link(launch: Launch, source: str, *, expires_at: datetime, cap: int | None, by: str) -> SourceLink:
    """A link that vouches for a source, until then and for so many people."""
    link = SourceLink.objects.create(launch=launch, source=source.strip().casefold(), expires_at=expires_at, cap=cap)
    data = {"launch": launch.pk, "source": link.source, "expires_at": expires_at.isoformat(), "cap": cap}
    signals.source_link_made.announce([Said(f"source_link:{link.pk}", data)], by=by)
    return link


@verb
def vouch(launch: Launch, token: str) -> SourceLink | None:
    """The signed link behind the token, one use of it taken; None when it is not ours, expired or used up."""
    found = tokens.read(tokens.SOURCE, token)
    live = SourceLink.objects.filter(pk=found[0] if found else 0, launch=launch, expires_at__gt=Now())
    within = live.filter(Q(cap__isnull=True) | Q(used__lt=F("cap")))
    return live.first() if within.update(used=F("used") + 1) else None


@verb
def unvouch(link: SourceLink) -> None:
    """Gives a use of the link back: it brought nobody new."""
    SourceLink.objects.filter(pk=link.pk).update(used=F("used") - 1)


@verb
def note_export(rows: int, *, by: str) -> None:
    """Keeps in the trail that somebody took the list out of the house."""
    signals.entries_exported.announce([Said("export:entries", {"rows": rows})], by=by)


@verb
def purge_traces(now: datetime) -> int:
    """Deletes network and browser of joins older than each launch keeps them; how many rows."""
    gone = 0
    for launch in Launch.objects.all():
        old = Trace.objects.filter(launch=launch, at__lt=now - timedelta(days=launch.trace_days))
        gone += old.delete()[0]
    return gone
