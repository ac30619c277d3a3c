"""Named reads of invites and codes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from invites import codes, hot, pacing, tokens
from invites.models import Attempt, Batch, Code, CodeRun, Containment, Invite, PaceDecision, Redemption, Reservation
from outbox import sql
from outbox.keys import address_keys, keyed
from outbox.models import Event
from quality.measures import NOBODY, WINDOW, Measured, share
from quality.models import Answer
from quality.queries import gating
from quality.queries.readings import DAY_7
from quality.queries.tallies import DAYS
from waitlist.channels import Contact
from waitlist.models import Entry, Launch
from waitlist.queries import eligible, local_date


def text_of(code: Code) -> str:
    """The code as its owner sees it, derived again. An imported code is known by its last four only."""
    if code.vanity:
        return code.vanity
    if code.format == codes.IMPORTED:
        return f"…{code.last4}"
    return codes.derive(code.pk, code.attempt, code.format, code.prefix, code.key_version).text


def whole_text(code: Code) -> str | None:
    """The same, or None where the code cannot be derived here: it was imported, or its key is kept no more."""
    if code.vanity:
        return code.vanity
    if code.format not in codes.FORMATS or code.key_version not in settings.CODE_KEYS:
        return None
    derived = codes.derive(code.pk, code.attempt, code.format, code.prefix, code.key_version)
    return derived.text if derived.digest == bytes(code.digest) else None


def state_of(code: Code, now: datetime) -> str:
    """active, paused, revoked, expired, exhausted or not_yet_valid: what the row and the clock say together."""
    if code.status != Code.Status.ACTIVE:
        return str(code.status)
    if code.expires_at <= now:
        return "expired"
    if code.starts_at and code.starts_at > now:
        return "not_yet_valid"
    return "exhausted" if code.uses + code.reserved >= code.max_uses else "active"


def shown(code: Code) -> dict[str, Any]:
    """A code as its owner sees it."""
    text = text_of(code)
    return {
        "code": text,
        "expires_at": code.expires_at,
        "uses": code.uses,
        "max_uses": code.max_uses,
        "status": state_of(code, timezone.now()),
        "share_url": tokens.share_url(text),
    }


def codes_of(entry: Entry) -> list[dict[str, Any]]:
    """The codes a member may give away, oldest first."""
    return [shown(code) for code in Code.objects.filter(owner=entry).order_by("pk")]


def unspent(entry: Entry) -> int:
    """How many of a member's codes still let somebody in."""
    now = timezone.now()
    return sum(state_of(code, now) == "active" for code in Code.objects.filter(owner=entry))


def open_invite_of(entry: Entry) -> Invite | None:
    """The offer that stands open for this person, or None."""
    if entry.status != Entry.Status.INVITED:
        return None
    offers = Invite.objects.select_related("code").filter(entry=entry, status__in=["issued", "sent", "bounced"])
    return offers.filter(lapse_told=False).order_by("-pk").first()


def stands_open(invite: Invite) -> bool:
    """Whether this offer can still be taken."""
    waiting = invite.status in ("issued", "sent", "bounced") and invite.entry.status == Entry.Status.INVITED
    return waiting and state_of(invite.code, timezone.now()) == "active"


def invite_shown(entry: Entry) -> dict[str, Any] | None:
    """The open offer as the person sees it."""
    offer = open_invite_of(entry)
    return {"expires_at": offer.code.expires_at, "signup_url": tokens.signup_url(offer)} if offer else None


def code_typed(launch: Launch, typed: str) -> Code | None:
    """The code somebody typed, in any shape, or None."""
    return Code.objects.filter(launch=launch, digest__in=codes.digests(typed)).first()


def chosen(launch: Launch, *, code: str = "", batch_id: str = "", campaign: str = "") -> Q:
    """The codes that a request names: one by its text, a run by its batch_id, or a campaign."""
    if code:
        return Q(launch=launch, digest__in=codes.digests(code))
    return (
        Q(launch=launch, run__batch_id=batch_id) if batch_id else Q(launch=launch, campaign=campaign, campaign__gt="")
    )


def run_codes(run_id: int) -> QuerySet[Code]:
    """The codes of a run, in the order they were made."""
    return Code.objects.filter(run_id=run_id).order_by("pk")


def ready_at(run: CodeRun) -> datetime | None:
    """Since when no more codes are made for this run: all are there, or staff stopped it; None while they are being made."""
    return run.ready_at or (run.job.ended_at if run.job else None)


def run_texts(run_id: int) -> Iterator[str]:
    """The same as text, a few at a time: ten thousand fit in little memory."""
    return (text_of(code) for code in run_codes(run_id).iterator(chunk_size=2000))


def wrong_codes(network: str | None, since: datetime) -> int:
    """How many codes were refused to this network since then: the count that a lost Redis does not open."""
    return Attempt.objects.filter(network=network, at__gte=since).count() if network else 0


def networks_of(code_id: int, now: datetime) -> int:
    """From how many networks a code was used within the last hour."""
    lately = Redemption.objects.filter(code=code_id, at__gte=now - timedelta(hours=1), network__isnull=False)
    return lately.values("network").distinct().count()


def wrong_codes_of(network: str, since: datetime, most: int) -> list[tuple[datetime, str, Any]]:
    """When this network's codes were refused since then, oldest first, by which browser and for whom; the newest `most`."""
    return sql.rows(hot.REFUSED_LATELY, {"network": network, "since": since, "most": most})[::-1]


def wrong_codes_everywhere(since: datetime, most: int | None = None) -> int:
    """How many codes were refused to anybody since then; no more than `most` are counted."""
    return Attempt.objects.filter(at__gte=since).order_by()[:most].count()


def redemptions_of(code: Code, most: int) -> QuerySet[Redemption]:
    """Who came in with this code, the newest first."""
    return Redemption.objects.filter(code=code).select_related("entry").order_by("-pk")[:most]


def reservations_of(code: Code, most: int) -> QuerySet[Reservation]:
    """For whom uses of this code are or were kept, the newest first."""
    return Reservation.objects.filter(code=code).select_related("entry").order_by("-pk")[:most]


def is_bound_to(typed: str, canonical: str) -> bool:
    """Whether the code was made for this contact: then its owner types it."""
    keys = address_keys("email" if "@" in canonical else "phone", canonical)
    return Code.objects.filter(digest__in=codes.digests(typed), bound_key__in=keys).exists()


def kept_for(code_id: int, contact: Contact) -> QuerySet[Reservation]:
    """What is kept of this code for the contact, and may still be spent."""
    asked = Q(contact_kind=contact.kind, canonical=contact.canonical)
    listed = Q(entry__contact_kind=contact.kind, entry__canonical=contact.canonical)
    return Reservation.objects.filter(asked | listed, code=code_id, status="open", expires_at__gt=Now())


def hold_named(hold_id: UUID) -> Reservation | None:
    """The reservation that somebody was told this id of, with its launch and person."""
    return Reservation.objects.select_related("code__launch", "entry").filter(hold_id=hold_id).first()


def place_of(network: str | None) -> str:
    """A network as the trail may keep it for ever: by it a retried call is known, and nothing else."""
    return keyed("place", str(network))[:8].hex()


def is_kept_from_here(code_id: int, contact: Contact, network: str | None) -> bool:
    """Whether a use of this code is kept for the contact, and was asked for from here: then the same call came before."""
    kept = dict(kept_for(code_id, contact).values_list("pk", "entry_id"))
    if not kept:
        return False
    about = [f"code:{code_id}", *(f"entry:{entry_id}" for entry_id in kept.values() if entry_id)]
    said = Event.objects.filter(subject__in=about, kind__in=["use.reserved", "use.kept"])
    return said.filter(data__reservation__in=list(kept), data__place=place_of(network)).exists()


def answers_of(batch: Batch) -> QuerySet[Answer]:
    """What the people who came in with this batch answered to the launch's one question, the newest first."""
    came = Invite.objects.filter(batch=batch, status="redeemed")
    return Answer.objects.filter(entry__in=came.values("entry")).order_by("-at", "-pk")


def day_began(launch: Launch, now: datetime) -> datetime:
    """When the launch's local date began."""
    return datetime.combine(local_date(launch, now), time.min, ZoneInfo(launch.time_zone))


def released_today(launch: Launch, now: datetime) -> bool:
    """Whether the scheduler has begun the daily batch of this local date already."""
    return Batch.objects.filter(launch=launch, by="beat", created_at__gte=day_began(launch, now)).exists()


def past_of(launch: Launch) -> pacing.Past:
    """What the pace must know of the batches before."""
    paced = Batch.objects.filter(launch=launch, pace_decisions__isnull=False)
    last = paced.filter(released__gt=0).order_by("-pk").first()
    moment = Coalesce("released_at", "created_at")
    newest = Batch.objects.filter(launch=launch, released__gt=0).aggregate(at=Max(moment))["at"]
    return pacing.Past(
        size=last.released if last else 0,
        last_date=local_date(launch, newest) if newest else None,
        under_way=paced.filter(status__in=["releasing", "paused"]).exists(),
        closed_since=last is not None and gating.closed_lately(launch.pk, last.created_at),
    )


def pace_in_words(decision: PaceDecision) -> str:
    """Why the batch begins, grows, shrinks or waits, in a sentence, with the gates that are closed."""
    word, _comma, gates = decision.why.partition(", ")
    return f"{pacing.WHYS[word]} ({gates})" if gates else str(pacing.WHYS[word])


def held_by(batch: Batch, now: datetime) -> tuple[tuple[str, str], ...]:
    """The closed gates that hold a batch which is under way: (metric, why). Computed, never stored."""
    return gating.standing(batch.launch_id, now).closed if batch.status == Batch.Status.RELEASING else ()


def drawn_by_lot(batch: Batch) -> list[int]:
    """Who was invited by lot in this batch, from the trail: the ids of the entries."""
    people = Invite.objects.filter(batch=batch).values_list("entry_id", flat=True)
    said = Event.objects.filter(kind="invite.issued", subject__in=[f"entry:{pk}" for pk in people])
    subjects = said.filter(data__batch=batch.pk, data__path="lottery").values_list("subject", flat=True)
    return [int(subject.partition(":")[2]) for subject in subjects]


# What takes somebody into or out of a draw: who saw one of these since the batch began proves nothing about it.
MOVED = ["held", "released", "approved", "deferred", "returned", "appealed", "invited", "confirmed"]


def stood_in_draw(batch: Batch) -> list[int]:
    """Who waited when the lots of this batch were drawn, and waits to this day; the ids of the entries."""
    waiting = eligible(batch.launch, batch.created_at).filter(confirmed_at__lt=batch.created_at)
    return list(waiting.values_list("pk", flat=True))


def moved_since(batch: Batch, ids: Sequence[int]) -> set[int]:
    """Which of these people may not have stood in the draw at all, by what the trail says since the batch began."""
    moved = Event.objects.filter(kind__in=[f"entry.{word}" for word in MOVED], at__gte=batch.created_at)
    subjects = moved.filter(subject__in=[f"entry:{pk}" for pk in ids]).values_list("subject", flat=True)
    return {int(subject.partition(":")[2]) for subject in subjects}


CODES_SINCE = timedelta(days=1)

# Offers of the window by how they ended, and the codes of the last day. A code that ran out while its invite was open ended it.
OFFERS = """
WITH offer AS (
    SELECT invite.status, code.expires_at <= %(now)s AS over
    FROM invites_invite AS invite JOIN invites_code AS code ON code.id = invite.code_id
    WHERE code.launch_id = %(launch)s AND invite.issued_at > %(since)s AND invite.issued_at <= %(now)s
), counted AS (
    SELECT count(*) FILTER (WHERE status = 'redeemed') AS redeemed,
           count(*) FILTER (WHERE status IN ('redeemed', 'declined') OR (status <> 'revoked' AND over)) AS decided,
           count(*) FILTER (WHERE status = 'bounced') AS bounced,
           count(*) FILTER (WHERE status IN ('sent', 'bounced', 'redeemed', 'declined')) AS delivered
    FROM offer
), tried AS (
    SELECT (SELECT count(*) FROM invites_attempt
            WHERE launch_id = %(launch)s AND at > %(codes_since)s AND at <= %(now)s) AS refused,
           (SELECT count(*) FROM invites_redemption AS redemption JOIN invites_code AS code ON code.id = redemption.code_id
            WHERE code.launch_id = %(launch)s AND redemption.at > %(codes_since)s AND redemption.at <= %(now)s) AS used
)
SELECT redeemed, decided, bounced, delivered, refused, refused + used AS tried FROM counted, tried
"""


def offer_counts(launch: Launch, now: datetime) -> dict[str, int]:
    """The counts behind the metrics of invites and codes, by name."""
    moments = {"now": now, "since": now - WINDOW, "codes_since": now - CODES_SINCE}
    found: dict[str, int] = sql.one(OFFERS, {"launch": launch.pk, **moments})._asdict()
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the people whom a batch invited, and who came in by its invite."""

    members: int = 0
    activation: Measured = NOBODY
    retention_day7: Measured = NOBODY


OUTCOMES = """
WITH came AS MATERIALIZED (
    SELECT invite.batch_id, entry.id, entry.registered_at, entry.registered_at <= %(week_ago)s AS due
    FROM invites_invite AS invite JOIN waitlist_entry AS entry ON entry.id = invite.entry_id
    WHERE invite.batch_id = ANY(%(batches)s::bigint[]) AND invite.status = 'redeemed'
      AND entry.status IN ('registered', 'suspended')
), active AS (
    SELECT entry_id, max(activity.at) AS at
    FROM quality_activity AS activity JOIN came ON came.id = activity.entry_id
    WHERE kind IN ('activated', 'engaged', 'converted')
    GROUP BY entry_id
)
SELECT batch_id, count(*) AS members, count(active.at) AS activated, count(*) FILTER (WHERE due) AS due_day7,
       count(*) FILTER (WHERE due AND active.at >= registered_at + interval '6 days') AS retained_day7
FROM came LEFT JOIN active ON active.entry_id = came.id
GROUP BY batch_id
"""


def outcomes_of(batch_ids: Sequence[int], now: datetime) -> dict[int, Outcome]:
    """Activation and day-7 retention of each batch, by its id; a batch through which nobody came is an empty one."""
    found = sql.rows(OUTCOMES, {"batches": list(batch_ids), "week_ago": now - DAY_7})
    known = {
        row.batch_id: Outcome(row.members, share(row.activated, row.members), share(row.retained_day7, row.due_day7))
        for row in found
    }
    return {pk: known.get(pk, Outcome()) for pk in batch_ids}


def found_by(launch: Launch, said: Sequence[dict[str, Any]]) -> dict[int, Code]:
    """The codes that a file's rows name, whole or by our number, by the number of the row."""
    digests = {n: codes.digests(row["code"]) for n, row in enumerate(said) if "code" in row}
    numbers = {row["id"] for row in said if "id" in row}
    asked = Q(digest__in=[one for each in digests.values() for one in each]) | Q(pk__in=numbers)
    rows = list(Code.objects.filter(asked, launch=launch)) if said else []
    by_digest, by_id = {bytes(code.digest): code for code in rows}, {code.pk: code for code in rows}
    found = {n: next((by_digest[one] for one in each if one in by_digest), None) for n, each in digests.items()}
    found |= {n: by_id.get(row["id"]) for n, row in enumerate(said) if "id" in row}
    return {n: code for n, code in found.items() if code is not None}


EXPIRING = timedelta(days=7)

# As state_of says it of one code; spent are the exhausted, those whose every use is taken or kept for somebody.
CODES = """
SELECT count(*) AS codes,
       count(*) FILTER (WHERE lasting AND uses + reserved < max_uses) AS active,
       count(*) FILTER (WHERE lasting AND uses + reserved < max_uses AND expires_at <= %(soon)s) AS expiring,
       count(*) FILTER (WHERE lasting AND uses + reserved >= max_uses) AS spent,
       count(*) FILTER (WHERE status = 'active' AND expires_at <= %(now)s) AS expired,
       count(*) FILTER (WHERE status = 'paused') AS paused, count(*) FILTER (WHERE status = 'revoked') AS revoked
FROM invites_code
CROSS JOIN LATERAL (SELECT status = 'active' AND expires_at > %(now)s AND (starts_at IS NULL OR starts_at <= %(now)s) AS lasting) AS now
WHERE launch_id = %(launch)s
"""


def code_counts(launch: Launch, now: datetime) -> dict[str, int]:
    """How many codes of this launch stand in which state."""
    found: dict[str, int] = sql.one(CODES, {"launch": launch.pk, "now": now, "soon": now + EXPIRING})._asdict()
    return found


def codes_in(state: str, now: datetime) -> Q:
    """The codes that are in this state now: what code_counts counts, for a list of them."""
    lasting = Q(status="active", expires_at__gt=now) & (Q(starts_at=None) | Q(starts_at__lte=now))
    free = Q(max_uses__gt=F("uses") + F("reserved"))
    return {
        "active": lasting & free,
        "expiring": lasting & free & Q(expires_at__lte=now + EXPIRING),
        "spent": lasting & ~free,
        "expired": Q(status="active", expires_at__lte=now),
        "paused": Q(status="paused"),
        "revoked": Q(status="revoked"),
    }[state]


ATTEMPTS = """
SELECT (at AT TIME ZONE %(zone)s)::date AS day, count(*) AS n
FROM invites_attempt WHERE launch_id = %(launch)s AND at > %(since)s GROUP BY 1
"""
ATTEMPTS_BY_REASON = """
SELECT reason, count(*) AS n FROM invites_attempt WHERE launch_id = %(launch)s AND at > %(since)s GROUP BY 1 ORDER BY 2 DESC, 1
"""


def attempts_by_day(launch: Launch, now: datetime) -> list[Any]:
    """How many codes were refused on each of the last days."""
    asked = {"launch": launch.pk, "zone": launch.time_zone, "since": now - timedelta(days=DAYS)}
    return sql.rows(ATTEMPTS, asked)


def attempts_by_reason(launch: Launch, now: datetime) -> list[Any]:
    """How many codes were refused in the last 24 hours, by the true reason, the most frequent first."""
    return sql.rows(ATTEMPTS_BY_REASON, {"launch": launch.pk, "since": now - CODES_SINCE})


def containment_of(code: Code) -> Containment | None:
    """The containment that this code is switched off by, or was before it was revoked for good."""
    standing = Containment.objects.filter(parts__code=code, undone_at__isnull=True)
    return standing.filter(parts__kind__in=["leaked", "branch"]).order_by("-pk").first()
