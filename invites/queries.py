"""Named reads of invites and codes."""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone

from invites import codes, tokens
from invites.models import Attempt, Batch, Code, Invite
from quality.models import Answer
from waitlist.models import Entry, Launch
from waitlist.queries import local_date


def text_of(code: Code) -> str:
    """The code as its owner sees it, derived again. An imported code is known by its last four only."""
    if code.vanity:
        return code.vanity
    return codes.derive(code.pk, code.attempt, code.format, code.prefix, code.key_version).text


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


def run_texts(run_id: int) -> Iterator[str]:
    """The same as text, a few at a time: ten thousand fit in little memory."""
    return (text_of(code) for code in run_codes(run_id).iterator(chunk_size=2000))


def wrong_codes(network: str | None, since: datetime) -> int:
    """How many codes were refused to this network since then: the count that a lost Redis does not open."""
    return Attempt.objects.filter(network=network, at__gte=since).count() if network else 0


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
