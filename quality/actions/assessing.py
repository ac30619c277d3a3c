"""Assesses people: keeps what was found, puts the brake on whom the rules suspect, and looks again at those around them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from outbox import sql
from outbox.actions import Owed, owe
from outbox.facts import Said
from outbox.models import Event
from outbox.states import verb
from quality import evidence, hot, signals
from quality.evidence import Assessed
from quality.models import Assessment, ListedDomain
from quality.rules import reason_of
from waitlist.actions import deciding
from waitlist.actions.joining import Arrival
from waitlist.models import Entry

BY = "quality"  # the actor of what the rules do
MOST_AGAIN = 500  # neighbours that one second look takes in
LONGEST_REASON = 300


@verb
def assess_arrivals(arrivals: Mapping[int, Arrival]) -> None:
    """Looks at people who have just joined, by the ids of their entries."""
    found = [evidence.of_arrival(entry_id, arrival) for entry_id, arrival in sorted(arrivals.items())]
    keep(found, Assessment.Act.JOIN)
    follow(found, Assessment.Act.JOIN)


@verb
def assess(ids: Sequence[int], act: str) -> list[Assessed]:
    """Looks at these people once and does what follows; what was found, in the order of the ids."""
    found = sorted(evidence.of_entries(ids, act), key=lambda one: one.entry_id or 0)
    keep(found, act)
    follow(found, act)
    if act == Assessment.Act.CONFIRM:
        _release_cleared(found)
    return found


@verb
def keep(found: Sequence[Assessed], act: str) -> None:
    """Writes down the evidence and what fired, one row each."""
    rows = [_kept(one, act) for one in found]
    if len(rows) == 1:
        sql.rows(hot.KEEP, rows[0] | {"evidence": json.dumps(rows[0]["evidence"])})
    elif rows:
        sql.rows(hot.KEEP_MANY, {"found": json.dumps(rows)})


def _kept(one: Assessed, act: str) -> dict[str, Any]:
    return {
        "act": act,
        "launch": one.launch_id,
        "entry": one.entry_id,
        "evidence": one.evidence.kept(),
        "rules": " ".join(one.finding.rules) or None,
        "score": one.finding.score,
        "verdict": one.finding.verdict,
    }


@verb
def follow(found: Sequence[Assessed], act: str) -> None:
    """Holds whom the rules suspect, unless staff released them before; a worker looks again at those around them.

    Review and deny both hold: before the mailbox agrees nobody knows who typed an address, so no address is condemned by
    what somebody else did with it. A denied one is not asked about: its referral is void and codes refuse it.
    """
    caught = [one for one in found if one.entry_id and one.is_caught]
    for one in caught:
        deciding.hold([one.entry_id or 0], reasons(one), by=BY)
    said = [
        Said(
            f"entry:{one.entry_id}",
            {
                "verdict": one.finding.verdict,
                "score": one.finding.score,
                "rules": list(one.finding.rules),
                "act": act,
            },
        )
        for one in caught
    ]
    signals.entry_assessed.announce(said, by=BY)
    owe([Owed("look_again", "look_again", one.subject, dedupe=f"look_again:{one.subject}") for one in said])


def reasons(one: Assessed) -> str:
    """Why, in the sentences that moderators read."""
    return " ".join(reason_of(name) for name in one.finding.rules)[:LONGEST_REASON]


def _release_cleared(found: Sequence[Assessed]) -> None:
    """The owner of the mailbox confirmed, and nothing speaks against them: what somebody did with their address is forgotten."""
    clear = [one.entry_id for one in found if one.entry_id and one.finding.verdict == "allow"]
    held = list(Entry.objects.filter(pk__in=clear, held_by=BY).values_list("pk", flat=True))
    if held:
        deciding.release(held, "The owner of the address confirmed, and nothing speaks against them.", by=BY)


@verb
def look_again(entry_id: int) -> int:
    """Looks at the people around one who was caught: who came before them looked harmless then. How many were caught now."""
    near = [row.id for row in sql.rows(hot.NEAR, {"entry": entry_id, "most": MOST_AGAIN})]
    found = sorted(evidence.of_entries(near, "again"), key=lambda one: one.entry_id or 0)
    caught = [one for one in found if one.finding.verdict != "allow"]
    keep(caught, Assessment.Act.AGAIN)
    follow(caught, Assessment.Act.AGAIN)
    return len(caught)


@verb
def overrule(ids: Sequence[int], *, by: str) -> int:
    """Staff released these people: what the rules said of them holds nobody again. Of how many they had said something."""
    caught = Assessment.objects.filter(entry__in=ids).exclude(verdict="allow").values_list("entry_id", flat=True)
    known = {f"entry:{pk}" for pk in caught}
    known -= set(Event.objects.filter(subject__in=known, kind="assessment.overruled").values_list("subject", flat=True))
    signals.assessment_overruled.announce([Said(subject) for subject in sorted(known)], by=by)
    return len(known)


@verb
def list_domain(domain: str, *, is_disposable: bool, by: str) -> ListedDomain:
    """Says that a mail domain is a throw-away one, or an honest one, whatever the list of the release says."""
    row, _made = ListedDomain.objects.update_or_create(
        domain=domain.strip().casefold(), defaults={"is_disposable": is_disposable, "by": by}
    )
    evidence.forget_listed()
    signals.domain_listed.announce([Said(f"domain:{row.pk}", {"disposable": is_disposable})], by=by)
    return row


@verb
def unlist_domain(row: ListedDomain, *, by: str) -> None:
    """The list of the release decides again."""
    ListedDomain.objects.filter(pk=row.pk).delete()
    evidence.forget_listed()
    signals.domain_listed.announce([Said(f"domain:{row.pk}", {"disposable": None})], by=by)
