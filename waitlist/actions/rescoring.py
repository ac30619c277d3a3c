"""Scoring those who wait anew, by the launch's points as they are now; and taking that back."""

from collections.abc import Mapping, Sequence

from outbox import sql
from outbox.facts import Said
from outbox.models import Event
from outbox.states import verb
from waitlist import hot, rescoring, scoring, signals
from waitlist.actions.awarding import reprioritise
from waitlist.models import Entry, Launch, Points

Earned = dict[int, dict[str, int]]  # by entry: rule to points


@verb
def rescore(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Gives those who wait the points that joining would bring them now; of how many they differ.

    Points for friends, rewards and by hand stay. Two people of one priority keep who came first.
    """
    people = _locked(ids)
    launches = Launch.objects.in_bulk({person.launch_id for person in people})
    rules = {launch.pk: rescoring.rules_now(launch) for launch in launches.values()}
    new = {person.pk: rescoring.points_now(rules[person.launch_id], person) for person in people}
    return _earn(new, _earned(list(new)), reason, by=by)


@verb
def unscore(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Gives back the points from before the last new scoring, where they are still those it gave; to how many."""
    people = _locked(ids)
    now, last = _earned([person.pk for person in people]), _last_scorings([person.pk for person in people])
    before = {pk: event.data["was"] for pk, event in last.items() if event.data["now"] == now[pk]}
    return _earn(before, now, reason, by=by, undone=True)


def _locked(ids: Sequence[int]) -> list[Entry]:
    waits = Entry.objects.filter(pk__in=ids, status__in=["pending", "waiting", "approved"])
    return list(waits.select_for_update(no_key=True).order_by("pk"))


def _earned(ids: Sequence[int]) -> Earned:
    found: Earned = {pk: {} for pk in ids}
    lines = Points.objects.filter(entry__in=ids, rule__in=scoring.RULES, key="")
    for entry_id, rule, points in lines.values_list("entry_id", "rule", "points"):
        found[entry_id][rule] = points
    return found


def _last_scorings(ids: Sequence[int]) -> Mapping[int, Event]:
    """The newest new scoring of each that was not taken back since."""
    subjects = [f"entry:{pk}" for pk in ids]
    told = Event.objects.filter(subject__in=subjects, kind=signals.entry_rescored.name).order_by("subject", "-pk")
    newest = {int(event.subject.partition(":")[2]): event for event in told.distinct("subject")}
    return {pk: event for pk, event in newest.items() if "undone" not in event.data}


def _earn(new: Mapping[int, dict[str, int]], old: Earned, reason: str, *, by: str, undone: bool = False) -> int:
    changed = [pk for pk in new if new[pk] != old[pk]]
    before = _priorities(changed)
    lines = [(pk, rule, points) for pk in changed for rule, points in new[pk].items()]
    params = {
        "ids": changed,
        "rules": list(scoring.RULES),
        "entries": sql.joined(line[0] for line in lines),
        "named": sql.joined(line[1] for line in lines),
        "points": sql.joined(line[2] for line in lines),
        "reasons": sql.joined(scoring.reason_of(line[1]) for line in lines),
    }
    sql.rows(hot.DROP_POINTS, params)
    sql.rows(hot.EARN_POINTS, params)
    reprioritise(changed)
    after, marked = _priorities(changed), {"undone": True} if undone else {}
    told = [
        {"was": old[pk], "now": new[pk], "priority": [before[pk], after[pk]], "reason": reason, **marked}
        for pk in changed
    ]
    signals.entry_rescored.announce([Said(f"entry:{pk}", one) for pk, one in zip(changed, told, strict=True)], by=by)
    return len(changed)


def _priorities(ids: Sequence[int]) -> dict[int, int]:
    return dict(Entry.objects.filter(pk__in=ids).values_list("pk", "priority"))
