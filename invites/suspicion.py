"""Who of those that came through a leaked code looks like the leak, and when it leaked. Pure functions.

A person is suspicious by marks, each a word and a count that the moderator reads as a sentence. Who came before the leak, or
with a code bound to their address, is never marked; who was brought by somebody suspicious is, as far down as it goes.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from quality.spikes import bound, is_spike
from waitlist.channels import email
from waitlist.scoring import FREE_MAIL

HOUR = timedelta(hours=1)
PAST_HOURS = 72  # what is usual is read from so many hours before
LOOKED_AT = timedelta(days=30)  # before the last use; what came earlier was no part of this
FLOOR = 5  # uses in an hour; fewer are no jump, whatever was usual
RUN, WITHIN = 5, timedelta(minutes=15)  # the jump begins with the first of so many uses within so long
LEAST = {"network": 2, "device": 2, "stem": 3, "domain": 3}  # people who share it; fewer are a coincidence

EVERYBODY = "everybody"
Marks = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who came in through the leak, or through who did: what a row of leaks.TREE says of them."""

    id: int
    at: datetime
    code_id: int | None = None  # the leaked code they used themselves
    bound: bool = False
    parents: tuple[int, ...] = ()
    network: str = ""
    device: str = ""
    stem: str = ""
    domain: str = ""
    status: str = "registered"
    held: bool = False
    unused: int = 0  # codes of their own that still let somebody in


@dataclass(frozen=True, slots=True)
class Jump:
    """A moment from which the uses came faster than usual: how many in that hour, and up to how many are usual."""

    at: datetime
    count: int
    usual: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Who is suspicious and by which marks, why the others are not, and how far below the leak each stands."""

    suspicious: dict[int, Marks]
    cleared: dict[int, str]
    depth: dict[int, int]
    clusters: list[tuple[str, list[int]]] = field(default_factory=list)


def person_of(row: Any) -> Person:
    """A row of leaks.TREE."""
    is_mail = row.contact_kind == "email"
    domain = row.canonical.rpartition("@")[2] if is_mail else ""
    return Person(
        id=row.id,
        at=row.at,
        code_id=row.code_id,
        bound=bool(row.bound),
        parents=tuple({parent for parent in (row.owner_id, row.referred_by_id) if parent}),
        network=row.network or "",
        device=row.device or "",
        stem=email.stem(row.canonical) if is_mail else "",
        domain="" if domain in FREE_MAIL else domain,
        status=row.status,
        held=row.held,
        unused=row.unused,
    )


def hour_of(at: datetime) -> datetime:
    """The beginning of its hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def per_hour(times: Iterable[datetime], since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """How many came in each hour, with the hours in which nobody did."""
    counts, first = Counter(hour_of(at) for at in times), hour_of(since)
    hours = int((hour_of(until) - first) / HOUR) + 1
    return [(at, counts[at]) for at in (first + n * HOUR for n in range(hours))]


def jumps(times: Sequence[datetime], since: datetime) -> list[Jump]:
    """The moments at which the uses began to come faster than in the three days before, the first one first."""
    if not times:
        return []
    ordered = sorted(times)
    hours = per_hour(ordered, max(since, ordered[-1] - LOOKED_AT), ordered[-1])
    counts, found, rushed = [count for _at, count in hours], [], False
    for n, (at, count) in enumerate(hours):
        past = counts[max(0, n - PAST_HOURS) : n]
        jumped = is_spike(count, past, FLOOR)
        if jumped and not rushed:
            found.append(Jump(began(ordered, at), count, int(bound(past))))
        rushed = jumped
    return found


def began(ordered: Sequence[datetime], hour: datetime) -> datetime:
    """Within a busy hour the first of several uses that came at once; else the first of the hour."""
    near = [at for at in ordered if hour - HOUR <= at < hour + HOUR]
    runs = (first for first, last in zip(near, near[RUN - 1 :], strict=False) if last - first <= WITHIN)
    return next(runs, next(at for at in near if at >= hour))


def rushes(times: Sequence[datetime], since: datetime, leaked_at: datetime) -> dict[datetime, int]:
    """The hours from the leak on in which more came than was usual before it, with how many."""
    if not times:
        return {}
    first = max(min(since, leaked_at), leaked_at - PAST_HOURS * HOUR)
    hours = per_hour(times, first, max(*times, leaked_at))
    leak_hour = hour_of(leaked_at)
    usual = bound([count for at, count in hours if at < leak_hour] or [0])
    return {at: count for at, count in hours if at >= leak_hour and count > usual}


def judge(
    people: Sequence[Person],
    since: datetime,
    leaked_at: datetime | None,
    net: str,
    *,
    spared: Collection[int] = (),
    added: Collection[int] = (),
) -> Judged:
    """Who is suspicious. `since` is when the codes were made; `spared` and `added` are the moderator's own word."""
    came = [one for one in people if one.code_id]
    late = [one for one in came if not one.bound and is_late(one, leaked_at, net)]
    marks, clusters = marks_of(came, late, since, leaked_at, net)
    for pk in {one.id for one in people} & set(added):
        marks.setdefault(pk, [("added", 0)])
    roots = {pk: found for pk, found in marks.items() if pk not in spared}
    depth = depths(people)
    suspicious = inherited(people, roots, spared)
    late_ids = {one.id for one in late}
    cleared = {one.id: why_clear(one, late_ids, spared) for one in people if one.id not in suspicious}
    return Judged(suspicious, cleared, depth, clusters)


def is_late(one: Person, leaked_at: datetime | None, net: str) -> bool:
    """Whether they came after the leak; where nobody says when it was, only who suspects everybody suspects anybody."""
    return net == EVERYBODY if leaked_at is None else one.at >= leaked_at


def why_clear(one: Person, late: Collection[int], spared: Collection[int]) -> str:
    """Why somebody looks unaffected, in a word."""
    if one.id in spared:
        return "spared"
    if one.code_id is None:
        return "friend"
    if one.bound:
        return "bound"
    return "own" if one.id in late else "before"


def marks_of(
    came: Sequence[Person], late: Sequence[Person], since: datetime, leaked_at: datetime | None, net: str
) -> tuple[dict[int, Marks], list[tuple[str, list[int]]]]:
    """The marks of those who came late, and the clusters that they form."""
    marks: dict[int, Marks] = defaultdict(list)
    rush = rushes([one.at for one in came], since, leaked_at) if leaked_at else {}
    for one in late:
        if hour_of(one.at) in rush:
            marks[one.id].append(("rush", rush[hour_of(one.at)]))
    clusters = clusters_of(late)
    for kind, ids in clusters:
        for pk in ids:
            marks[pk].append((kind, len(ids) - 1))
    if net == EVERYBODY:
        for one in late:
            marks.setdefault(one.id, []).append(("after", 0))
    return dict(marks), clusters


def clusters_of(late: Sequence[Person]) -> list[tuple[str, list[int]]]:
    """What several of them have in common: (network, device, stem or domain; who), the largest first."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in late:
        for kind in LEAST:
            if value := getattr(one, kind):
                groups[kind, value].append(one.id)
    large = [(kind, ids) for (kind, _value), ids in groups.items() if len(ids) >= LEAST[kind]]
    return sorted(large, key=lambda cluster: -len(cluster[1]))


def children_of(people: Iterable[Person]) -> Mapping[int, list[int]]:
    """Whom each of them brought."""
    children: dict[int, list[int]] = defaultdict(list)
    for one in people:
        for parent in one.parents:
            children[parent].append(one.id)
    return children


def depths(people: Sequence[Person]) -> dict[int, int]:
    """How far below the leak each stands: 1 used the code, 2 was brought by who did. Walks breadth first, so circles end."""
    children = children_of(people)
    depth = {one.id: 1 for one in people if one.code_id}
    waiting = deque(depth)
    while waiting:
        parent = waiting.popleft()
        for child in children.get(parent, ()):
            if child not in depth:
                depth[child] = depth[parent] + 1
                waiting.append(child)
    return depth


def inherited(people: Sequence[Person], roots: Mapping[int, Marks], spared: Collection[int]) -> dict[int, Marks]:
    """The roots, and all whom they brought, and so on. Who used the leaked code stands for themselves."""
    children, own = children_of(people), {one.id for one in people if one.code_id}
    found, waiting = dict(roots), deque(roots)
    while waiting:
        parent = waiting.popleft()
        for child in children.get(parent, ()):
            if child not in found and child not in spared and child not in own:
                found[child] = [("brought", parent)]
                waiting.append(child)
    return found
