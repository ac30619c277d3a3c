"""How somebody gets onto the list, and what is kept of where they came from."""

import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone

from outbox import sql
from outbox.actions import announce_and_owe, owe
from outbox.callers import NOWHERE, Origin
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import keyed
from outbox.states import move, verb
from waitlist import hot, messages, queries, scoring, signals
from waitlist.actions.vouching import unvouch, vouch
from waitlist.channels import Contact, email
from waitlist.models import Entry, Launch, Trace

FEWEST_WORDS = 10  # of a use case: shorter sentences are written alike by people who never met


CONFIRM_CODE_HOURS = 24


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
    lines = scoring.score(evidence_of(launch, application, referrer), rules.of_arm(arm))
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
        "vouched": application.vouched,
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


def evidence_of(launch: Launch, application: Application, referrer: int | None) -> scoring.Evidence:
    """What the points rules may look at."""
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
