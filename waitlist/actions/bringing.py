"""People by the file: joins, points and decisions in bulk, each chunk a handful of statements."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from outbox import sql
from outbox.actions import announce_and_owe
from outbox.callers import NOWHERE
from outbox.facts import Said
from outbox.states import verb
from waitlist import hot, messages, queries, scoring, signals
from waitlist.actions import awarding, deciding, joining, reviewing
from waitlist.actions.joining import Application, Arrival
from waitlist.models import Entry

UNTRACED: dict[str, Any] = {
    "network": None,
    "user_agent": "",
    "device": "",
    "domain": "",
    "text_key": None,
    "stem_key": None,
    "form_seconds": None,
}


@verb
def join_many(
    rules: queries.Rules, people: Sequence[Application], *, by: str, confirmed: bool = False
) -> dict[int, int]:
    """Puts these people on the list as if each had joined, but for who is there; the new entries by their number among `people`.

    Each new one is written to as after a join. Who confirmed elsewhere waits at once and is written nothing.
    Raises Refused while the launch takes nobody onto its list.
    """
    launch = rules.launch
    joining.open_for_joining(launch)
    pending = launch.confirm_contact and not confirmed
    referrers = queries.referrers_by_code(launch, {one.referral_code for one in people if one.referral_code})
    rows = [_row(rules, n, one, referrers.get(one.referral_code.strip().lower())) for n, one in enumerate(people)]
    params = {"people": json.dumps(rows), "launch": launch.pk, "status": "pending" if pending else "waiting"}
    fresh = {row.n: row.id for row in sql.rows(hot.JOIN_MANY, params)}
    said, owed = [], []
    for n, pk in sorted(fresh.items()):
        row, contact = rows[n], people[n].contact
        data = {"launch": launch.pk, "source": row["source"], "referred_by": row["referred_by"]}
        arrival = Arrival(launch, contact, NOWHERE, row["referred_by"], UNTRACED)
        said.append(Said(f"entry:{pk}", data, extra=arrival))
        if not confirmed:
            owed.append(messages.answer_to_join(pk, contact, pending, 1))
    _announce(said, owed, by=by)
    return fresh


def _announce(said: list[Said], owed: list[Any], *, by: str) -> None:
    if said and owed:
        announce_and_owe(signals.entry_joined, said, owed, by=by)
    else:
        signals.entry_joined.announce(said, by=by)


def _row(rules: queries.Rules, n: int, one: Application, referrer: int | None) -> dict[str, Any]:
    launch, contact = rules.launch, one.contact
    arm = scoring.arm_of(contact.kind, contact.canonical, launch.trial_percent)
    lines = scoring.score(joining.evidence_of(launch, one, referrer), rules.of_arm(arm))
    return {
        "n": n,
        "contact_kind": contact.kind,
        "contact": contact.as_typed,
        "canonical": contact.canonical,
        "name": one.name,
        "use_case": one.use_case,
        "persona": one.persona,
        "source": "referral" if referrer and one.source == "organic" else one.source,
        "vouched": one.vouched,
        "locale": one.locale,
        "referral_code": joining.new_referral_code(),
        "referred_by": referrer,
        "arm": arm,
        "priority": scoring.priority(line.points for line in lines),
        "lines": [{"rule": line.rule, "points": line.points, "reason": line.reason} for line in lines],
    }


@verb
def mark(points: Mapping[int, int], reason: str, *, by: str) -> int:
    """Gives these people exactly so many points by a file, whatever one gave them before; how many it changes."""
    locked = Entry.objects.select_for_update(no_key=True).filter(pk__in=points).order_by("pk")
    ids = list(locked.values_list("pk", flat=True))
    had = queries.imported_points(ids)
    changed = {pk: points[pk] for pk in ids if had.get(pk, 0) != points[pk]}
    if not changed:
        return 0
    asked = [{"id": pk, "points": n} for pk, n in changed.items()]
    sql.rows(hot.MARK_MANY, {"asked": json.dumps(asked), "reason": scoring.reason_of("imported")})
    awarding.reprioritise(list(changed))
    said = [
        Said(f"entry:{pk}", {"rule": "imported", "points": n - had.get(pk, 0), "key": "", "reason": reason})
        for pk, n in changed.items()
    ]
    signals.points_awarded.announce(said, by=by)
    return len(changed)


DECISIONS = {"approved": deciding.approve, "rejected": deciding.reject, "blocked": deciding.block}
BRAKES = {"hold": deciding.hold, "release": deciding.release}


@verb
def decide(targets: Mapping[int, str], reason: str, *, by: str) -> None:
    """Moves these people to where the file says, as far as the state machine lets them go; holds and releases alike.

    All are locked first: each of the verbs goes through its own in their order, and together they would not.
    """
    reviewing.lock(sorted(targets))
    for to, act in (DECISIONS | BRAKES).items():
        ids = sorted(pk for pk, target in targets.items() if target == to)
        if ids:
            act(ids, reason, by=by)


@verb
def name_referrers(pairs: Mapping[int, int]) -> set[int]:
    """Notes on these friends' entries who brought them, where nobody else is named yet; on whose."""
    list(Entry.objects.select_for_update(no_key=True).filter(pk__in=pairs).order_by("pk").values_list("pk"))
    asked = [{"friend": friend, "referrer": referrer} for friend, referrer in pairs.items()]
    return {row.id for row in sql.rows(hot.NAME_REFERRERS, {"asked": json.dumps(asked)})}
