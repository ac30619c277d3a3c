"""Gathers the evidence about people, once, in one statement for all of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from disposable_email_domains import blocklist

from outbox import sql
from outbox.callers import Origin
from quality import hot
from quality.models import ListedDomain
from quality.rules import Evidence, Finding, find, is_made_up, is_program
from waitlist.actions import domain_traced, stem_key_of
from waitlist.channels import Contact

MOST = 200  # neighbours counted: more of them say nothing more
KEPT_SECONDS = 5.0  # an owner's word about a domain acts within so many in every process

_listed: dict[str, Any] = {"until": 0.0, "domains": {}}


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

    launch_id: int
    contact: Contact
    origin: Origin
    entry_id: int | None = None
    code_id: int | None = None
    referrer_id: int | None = None
    code_networks: int = 0


def of_entries(ids: Sequence[int], act: str) -> list[Assessed]:
    """What these people's traces say now, and what the rules find in it."""
    rows = sql.rows(hot.GATHER_ENTRIES, {"ids": sql.joined(ids), "most": MOST}) if ids else []
    return [_assessed(row, act) for row in rows]


def of_call(call: Redeeming) -> Assessed:
    """The same for a redemption, before anything of it is written."""
    contact, origin = call.contact, call.origin
    params = {
        "entry": call.entry_id,
        "launch": call.launch_id,
        "contact_kind": contact.kind,
        "canonical": contact.canonical,
        "referrer": call.referrer_id,
        "network": origin.network,
        "user_agent": origin.user_agent,
        "device": origin.device,
        "at": origin.at,
        "domain": domain_traced(contact),
        "stem_key": stem_key_of(contact),
        "country": origin.country,
        "code": call.code_id,
        "code_networks": call.code_networks,
        "most": MOST,
    }
    return _assessed(sql.one(hot.GATHER_CALL, params), "redeem")


def _assessed(row: Any, act: str) -> Assessed:
    evidence = _evidence(row, act)
    finding = find(evidence, review_score=row.review_score, deny_score=row.deny_score)
    return Assessed(row.launch_id, row.id, evidence, finding)


def _evidence(row: Any, act: str) -> Evidence:
    is_mail = row.contact_kind == "email"
    return Evidence(
        act=act,
        disposable=is_mail and is_disposable(row.canonical.partition("@")[2]),
        made_up=is_mail and is_made_up(row.canonical),
        program=row.placed and is_program(row.user_agent or ""),
        form_seconds=row.form_seconds,
        network_people=row.network_people,
        network_devices=row.network_devices,
        nearby_people=row.nearby_people,
        nearby_devices=row.nearby_devices,
        device_people=row.device_people,
        domain_people=row.domain_people,
        domain_networks=row.domain_networks,
        same_text=row.same_text,
        same_stem=row.same_stem,
        linked_here=row.linked_here,
        company_brought=row.company_brought,
        company_caught=row.company_caught,
        referrer_device=row.referrer_device,
        referrer_stem=row.referrer_stem,
        referral_cycle=row.referral_cycle,
        code_networks=row.code_networks,
        cleared=bool(row.cleared),
    )


def is_disposable(domain: str) -> bool:
    """Whether mailboxes of that domain are thrown away: by an owner's word, else by the list of the release, parents included."""
    parts = domain.split(".")
    parents = [".".join(parts[start:]) for start in range(len(parts) - 1)]
    said = listed_domains()
    by_owner = next((said[one] for one in parents if one in said), None)
    return any(one in blocklist for one in parents) if by_owner is None else by_owner


def listed_domains() -> dict[str, bool]:
    """What owners say of domains, at most a few seconds old."""
    if _listed["until"] < time.monotonic():
        _listed["domains"] = dict(ListedDomain.objects.values_list("domain", "is_disposable"))
        _listed["until"] = time.monotonic() + KEPT_SECONDS
    found: dict[str, bool] = _listed["domains"]
    return found


def forget_listed() -> None:
    """Reads the owners' list anew at the next look."""
    _listed["until"] = 0.0
