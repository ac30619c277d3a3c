"""Named reads of a leak: what somebody pasted, which codes that is, and how far they have travelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from django.core import signing
from django.db.models import Count, F, Q
from django.utils import timezone

from invites import codes, suspicion, tokens
from invites.models import Code, CodeRun, Containment, ContainmentPart, Reservation
from invites.suspicion import Judged, Jump, Person
from outbox import sql
from quality.rules import LOCAL

MOST = 20_000  # people of one branch; what is larger is contained piece by piece
CHOICES = 20  # codes to choose from, where several end alike
SALT = "vestibule.leak"
LAST = 4

# Who came in through these codes, whom they brought by their own codes or links, and so on: UNION drops who was met before,
# so circles end. What a network of our own house has in common, a proxy's or a neighbour's, says nothing.
# Plan: index probes alone, a few a person (redemption by code and by entry, entry by id and by referred_by, code by owner, trace
# by entry). LATERAL with LIMIT keeps it so: joined plainly, the server would read a million entries to find five thousand.
TREE = """
WITH RECURSIVE direct AS MATERIALIZED (
    SELECT DISTINCT ON (redemption.entry_id) redemption.entry_id, redemption.code_id, redemption.at, redemption.network,
           code.bound_key IS NOT NULL AS bound
    FROM unnest(%(codes)s::bigint[]) AS leaked(id)
    JOIN invites_code AS code ON code.id = leaked.id
    JOIN invites_redemption AS redemption ON redemption.code_id = leaked.id
    ORDER BY redemption.entry_id, redemption.id
), branch(id) AS (
    SELECT entry_id FROM direct
  UNION
    SELECT child.id FROM branch CROSS JOIN LATERAL (
        SELECT entry.id FROM waitlist_entry AS entry WHERE entry.referred_by_id = branch.id
        UNION ALL
        SELECT redemption.entry_id
        FROM invites_code AS code JOIN invites_redemption AS redemption ON redemption.code_id = code.id
        WHERE code.owner_id = branch.id
    ) AS child(id)
), people AS MATERIALIZED (
    SELECT id FROM branch LIMIT %(most)s
)
SELECT entry.id, entry.status, entry.held_at IS NOT NULL AS held, entry.contact_kind, entry.canonical,
       direct.code_id, coalesce(direct.bound, false) AS bound, used.owner_id,
       CASE WHEN direct.code_id IS NULL THEN entry.referred_by_id END AS referred_by_id,
       coalesce(direct.at, used.at, entry.registered_at, entry.created_at) AS at,
       CASE WHEN NOT placed.network <<= ANY(%(local)s::inet[]) THEN host(placed.network) END AS network, trace.device,
       own.unused
FROM people
CROSS JOIN LATERAL (SELECT * FROM waitlist_entry WHERE id = people.id LIMIT 1) AS entry
LEFT JOIN direct ON direct.entry_id = people.id
LEFT JOIN LATERAL (
    SELECT redemption.at, redemption.network, code.owner_id
    FROM invites_redemption AS redemption JOIN invites_code AS code ON code.id = redemption.code_id
    WHERE redemption.entry_id = people.id AND direct.code_id IS NULL ORDER BY redemption.id LIMIT 1) AS used ON true
LEFT JOIN LATERAL (
    SELECT network, device FROM waitlist_trace WHERE entry_id = people.id ORDER BY id DESC LIMIT 1) AS trace ON true
CROSS JOIN LATERAL (SELECT coalesce(direct.network, used.network, trace.network) AS network) AS placed
CROSS JOIN LATERAL (
    SELECT count(*) AS unused FROM invites_code WHERE owner_id = people.id AND status = 'active'
        AND uses < max_uses AND expires_at > now()) AS own
ORDER BY entry.id
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What leaked: one code, the codes of a run, a campaign or a channel; `asked_at` is when it was pasted."""

    launch_id: int
    kind: str
    value: str
    asked_at: datetime

    @property
    def what(self) -> str:
        """By id: code:12, campaign:spring."""
        return f"{self.kind}:{self.value}"

    @property
    def chosen(self) -> Q:
        """Its codes."""
        column = {"code": "pk", "run": "run", "campaign": "campaign", "channel": "channel"}[self.kind]
        return Q(launch=self.launch_id, **{column: self.value})

    def signed(self) -> str:
        """As a form carries it on: ids, and the moment, which nobody may turn back."""
        return signing.dumps([self.launch_id, self.kind, self.value, self.asked_at.isoformat()], salt=SALT)


def target_of(signed: str) -> Target | None:
    """The target that a form carried, or None."""
    try:
        launch_id, kind, value, asked_at = signing.loads(signed, salt=SALT)
    except signing.BadSignature:
        return None
    return Target(launch_id, kind, value, datetime.fromisoformat(asked_at))


def found_by(pasted: str) -> list[Target]:
    """What a pasted code, link, run, campaign, channel or last four may mean; the surest alone, several last fours to choose."""
    text = pasted.strip()
    code = code_behind(text) if text else None
    if code is not None:
        return [target_at(code)]
    named = _named(text) if text else []
    return named or [_target(one.launch_id, "code", one.pk) for one in ending_in(text)]


def target_at(code: Code) -> Target:
    """This one code."""
    return _target(code.launch_id, "code", code.pk)


def _target(launch_id: int, kind: str, value: object) -> Target:
    return Target(launch_id, kind, str(value), timezone.now())


def code_behind(text: str) -> Code | None:
    """The code of a link, of a token, or as it was typed."""
    asked = parse_qs(text.partition("?")[2].partition("#")[0])
    for token in (asked.get("invite") or asked.get("token") or [text])[:1]:
        if invite := tokens.invite_of(token):
            return invite.code
        if kept := tokens.reservation_of(token):
            return kept.code
    typed = (asked.get("code") or [text])[0]
    return Code.objects.filter(digest__in=codes.digests(typed)).first() if codes.fold(typed) else None


def _named(text: str) -> list[Target]:
    """Runs, campaigns and channels of that name, on any launch."""
    runs = CodeRun.objects.filter(batch_id=text).values_list("launch_id", "pk")
    found = [_target(launch_id, "run", pk) for launch_id, pk in runs]
    for kind in ("campaign", "channel"):
        launches = Code.objects.filter(Q(**{kind: text})).order_by("launch_id").values_list("launch_id", flat=True)
        found += [_target(launch_id, kind, text) for launch_id in launches.distinct()]
    return found


def ending_in(text: str, most: int = CHOICES) -> list[Code]:
    """The codes with these last four characters, the most used first."""
    last4 = codes.fold(text)
    if len(last4) != LAST:
        return []
    return list(Code.objects.filter(last4=last4).order_by("-uses", "-pk")[:most])


def title_of(target: Target) -> str:
    """How a person reads what leaked: of a code the last four."""
    if target.kind == "code":
        return f"…{Code.objects.values_list('last4', flat=True).get(pk=target.value)}"
    return CodeRun.objects.get(pk=target.value).batch_id if target.kind == "run" else target.value


def open_for(target: Target) -> Containment | None:
    """The containment that covers this already and can still be undone, or None."""
    still = Containment.objects.filter(undone_at=None, settled_at=None, launch=target.launch_id)
    same = still.filter(what=target.what).first()
    if same or target.kind != "code":
        return same
    covered = ContainmentPart.objects.filter(containment__in=still, kind="leaked", code=target.value)
    return still.filter(pk__in=covered.values("containment")).first()


@dataclass(frozen=True, slots=True)
class Blast:
    """How far a leak has travelled: its codes, who came by them, and what is kept of them."""

    codes: list[Code]
    people: list[Person]
    kept: int
    jumps: list[Jump]

    @property
    def since(self) -> datetime:
        """When the first of the codes was made."""
        return min((code.created_at for code in self.codes), default=timezone.now())

    @property
    def times(self) -> list[datetime]:
        """When the leaked codes were used."""
        return sorted(one.at for one in self.people if one.code_id)

    @property
    def is_cut(self) -> bool:
        """Whether more people came than are looked at."""
        return len(self.people) >= MOST

    def judged(self, leaked_at: datetime | None, net: str, **word: Any) -> Judged:
        """Who of them is suspicious."""
        return suspicion.judge(self.people, self.since, leaked_at, net, **word)


def tree(code_ids: Sequence[int]) -> list[Person]:
    """Who came in through these codes, and all below them."""
    params = {"codes": list(code_ids), "most": MOST, "local": [str(one) for one in LOCAL]}
    return [suspicion.person_of(row) for row in sql.rows(TREE, params)]


def blast_of(target: Target) -> Blast:
    """How far it has travelled, in three queries whatever its size."""
    leaked = list(Code.objects.filter(target.chosen).order_by("pk"))
    ids = [code.pk for code in leaked]
    people = tree(ids)
    kept = Reservation.objects.filter(code__in=ids, status="open").count()
    times = [one.at for one in people if one.code_id]
    since = min((code.created_at for code in leaked), default=timezone.now())
    return Blast(leaked, people, kept, suspicion.jumps(times, since))


def unused_of(entry_ids: Sequence[int]) -> Q:
    """The codes of these people that would still let somebody in."""
    return Q(owner__in=list(entry_ids), status="active", uses__lt=F("max_uses"), expires_at__gt=timezone.now())


def counted(row: Containment) -> list[tuple[str, str, str, int]]:
    """How many of its rows there are, by what they are, what was done, and whether that was undone."""
    groups = row.parts.values("kind", "done", "undone").annotate(n=Count("pk")).order_by("kind", "done", "undone")
    return list(groups.values_list("kind", "done", "undone", "n"))
