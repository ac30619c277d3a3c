"""Gathers the evidence about a person, once: what they said, then what can be asked about the others."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from disposable_email_domains import blocklist
from django.db.models.functions import Now
from django.utils import timezone

from outbox import sql
from outbox.callers import Origin
from quality import hot
from quality.models import Bar, ListedDomain
from quality.rules import Evidence, Finding, find, is_local, is_made_up, is_program
from waitlist.actions.joining import Arrival, domain_traced, stem_key_of
from waitlist.channels import Contact
from waitlist.models import Launch

MOST = 200  # neighbours counted: more of them say nothing more
KEPT_SECONDS = 5.0  # what staff say about a domain acts within so many in every process

_listed: dict[str, Any] = {"until": 0.0, "domains": {}, "barred": frozenset()}


@dataclass(frozen=True, slots=True)
class Assessed:
    """One person's evidence and what the rules found in it; `entry_id` is None for a call that has no entry yet."""

    launch_id: int
    entry_id: int | None
    evidence: Evidence
    finding: Finding

    @property
    def is_caught(self) -> bool:
        """Whether something follows: the rules suspect them, and no person has looked and let them go."""
        return self.finding.verdict != "allow" and not self.evidence.cleared


@dataclass(frozen=True, slots=True)
class Redeeming:
    """Somebody about to redeem a code: who, by whose code, and how far the code has travelled lately."""

    contact: Contact
    origin: Origin
    entry_id: int | None = None
    referrer_id: int | None = None
    code_networks: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one person before the others are asked about."""

    launch_id: int
    review_score: int
    deny_score: int
    contact_kind: str
    canonical: str
    at: datetime
    entry_id: int | None = None
    referrer: int | None = None
    network: str | None = None
    user_agent: str = ""
    device: str = ""
    domain: str = ""
    text_key: bytes | None = None
    stem_key: bytes | None = None
    form_seconds: float | None = None
    has_friends: bool = False
    cleared: bool = False

    @property
    def place(self) -> str | None:
        """The network, where it says something of the person: an address of our own house is a proxy's or a neighbour's."""
        return None if self.network is None or is_local(str(self.network)) else str(self.network)

    def questions(self) -> tuple[str, ...]:
        """What can be asked about the others: without a browser of their own nobody shares it.

        A company numbers its people as it likes: only at free mail, or with a tag, does a number say something.
        """
        placed, brought = self.place is not None, self.referrer is not None
        numbered = not self.domain or "+" in self.canonical.partition("@")[0]
        asked = {
            "place": placed,
            "browser": bool(self.device),
            "domain": bool(self.domain),
            "words": self.text_key is not None,
            "name": self.stem_key is not None and numbered and (placed or bool(self.device)),
            "links": placed and not self.domain and (brought or self.has_friends),
            "referrer": brought,
            "company": brought,
            "circle": brought and self.entry_id is not None,
        }
        return tuple(name for name, is_asked in asked.items() if is_asked)


TRACED = ("network", "user_agent", "device", "domain", "text_key", "stem_key", "form_seconds")


def of_entries(ids: Sequence[int], act: str) -> list[Assessed]:
    """What these people's traces say now, and what the rules find in it."""
    rows = [sql.one(hot.SAID, {"entry": pk}) for pk in ids]
    return [_assessed(known_of(row), act) for row in rows if row is not None]


def of_arrival(entry_id: int, arrival: Arrival) -> Assessed:
    """The same for somebody who has just joined: nothing of what they said is read again."""
    launch, contact, traced = arrival.launch, arrival.contact, arrival.traced
    known = Known(
        launch_id=launch.pk,
        review_score=launch.review_score,
        deny_score=launch.deny_score,
        contact_kind=contact.kind,
        canonical=contact.canonical,
        at=arrival.origin.at or timezone.now(),
        entry_id=entry_id,
        referrer=arrival.referrer,
        **{name: traced[name] for name in TRACED},
    )
    return _assessed(known, "join")


def known_of(row: Any) -> Known:
    """A row of hot.SAID."""
    said = row._asdict()
    said |= {"entry_id": said.pop("id"), "user_agent": row.user_agent or "", "device": row.device or ""}
    return Known(**said)


def of_call(launch: Launch, call: Redeeming) -> Assessed:
    """The same for a redemption, before anything of it is written."""
    contact, origin = call.contact, call.origin
    before = known_of(sql.one(hot.SAID, {"entry": call.entry_id})) if call.entry_id else None
    known = Known(
        launch_id=launch.pk,
        review_score=launch.review_score,
        deny_score=launch.deny_score,
        contact_kind=contact.kind,
        canonical=contact.canonical,
        at=origin.at or timezone.now(),
        entry_id=call.entry_id,
        referrer=call.referrer_id or (before.referrer if before else None),
        network=origin.network,
        user_agent=origin.user_agent,
        device=origin.device,
        domain=domain_traced(contact),
        stem_key=stem_key_of(contact),
        has_friends=before is not None and before.has_friends,
        cleared=before is not None and before.cleared,
    )
    return _assessed(known, "redeem", code_networks=call.code_networks)


def _assessed(known: Known, act: str, code_networks: int = 0) -> Assessed:
    evidence = _evidence(known, act, code_networks)
    finding = find(evidence, review_score=known.review_score, deny_score=known.deny_score)
    return Assessed(known.launch_id, known.entry_id, evidence, finding)


def _evidence(known: Known, act: str, code_networks: int) -> Evidence:
    is_mail, questions = known.contact_kind == "email", known.questions()
    params = _params(known)
    told = {name: value for one in questions for name, value in sql.one(hot.QUESTIONS[one], params)._asdict().items()}
    domain = known.canonical.partition("@")[2] if is_mail else ""
    return Evidence(
        act=act,
        disposable=is_disposable(domain),
        domain_barred=is_barred(domain),
        made_up=is_mail and is_made_up(known.canonical),
        program=known.place is not None and is_program(known.user_agent),
        form_seconds=known.form_seconds,
        code_networks=code_networks,
        cleared=known.cleared,
        **told,
    )


def _params(known: Known) -> dict[str, Any]:
    return {
        "launch": known.launch_id,
        "entry": known.entry_id,
        "referrer": known.referrer,
        "network": known.place,
        "user_agent": known.user_agent,
        "device": known.device,
        "at": known.at,
        "domain": known.domain,
        "text_key": known.text_key,
        "stem_key": known.stem_key,
        "most": MOST,
    }


def is_disposable(domain: str) -> bool:
    """Whether mailboxes of that domain are thrown away: by an owner's word, else by the list of the release, parents included."""
    said: dict[str, bool] = listed()["domains"]
    by_owner = next((said[one] for one in parents_of(domain) if one in said), None)
    return any(one in blocklist for one in parents_of(domain)) if by_owner is None else by_owner


def is_barred(domain: str) -> bool:
    """Whether staff blocked that domain, or one above it, for now. Asked of the address: who comes by a file leaves no trace."""
    return not listed()["barred"].isdisjoint(parents_of(domain))


def parents_of(domain: str) -> list[str]:
    """The domain and those above it, but for the top-level one."""
    parts = domain.split(".")
    return [".".join(parts[start:]) for start in range(len(parts) - 1)]


def listed() -> dict[str, Any]:
    """What staff say of domains, at most a few seconds old."""
    if _listed["until"] < time.monotonic():
        _listed["domains"] = dict(ListedDomain.objects.values_list("domain", "is_disposable"))
        standing = Bar.objects.filter(ended_at__isnull=True, until__gt=Now()).exclude(domain="")
        _listed["barred"] = frozenset(standing.values_list("domain", flat=True))
        _listed["until"] = time.monotonic() + KEPT_SECONDS
    return _listed


def forget_listed() -> None:
    """Reads what staff say anew at the next look."""
    _listed["until"] = 0.0
