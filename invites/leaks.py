"""Named reads of a leak: what somebody pasted, which codes that is, and how far they have travelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core import signing
from django.db.models import Count, F, Q
from django.utils import timezone

from invites import codes, suspicion, tokens
from invites.models import Code, CodeRun, Containment, ContainmentPart, Reservation
from invites.suspicion import Judged, Jump, Person
from outbox import sql

MOST = 20_000  # people of one branch; what is larger is contained piece by piece
CHOICES = 20  # codes to choose from, where several end alike
SALT = "vestibule.leak"
LAST = 4

# Who came in through these codes, whom they brought by their own codes or links, and so on: UNION drops who was met before,
# so circles end. Plan: the unique index (code, entry), then the indexes of referred_by and owner, one probe a person.
TREE = """
WITH RECURSIVE leaked AS (
    SELECT unnest(%(codes)s::bigint[]) AS id
), branch(id) AS (
    SELECT redemption.entry_id FROM leaked JOIN invites_redemption AS redemption ON redemption.code_id = leaked.id
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
SELECT DISTINCT ON (entry.id) entry.id, entry.status, entry.held_at IS NOT NULL AS held, entry.contact_kind, entry.canonical,
       leaked.id AS code_id, leaked.id IS NOT NULL AND code.bound_key IS NOT NULL AS bound,
       CASE WHEN leaked.id IS NULL THEN code.owner_id END AS owner_id,
       CASE WHEN leaked.id IS NULL THEN entry.referred_by_id END AS referred_by_id,
       coalesce(redemption.at, entry.registered_at, entry.created_at) AS at,
       coalesce(redemption.network, trace.network) AS network, trace.device,
       (SELECT count(*) FROM invites_code AS own WHERE own.owner_id = entry.id AND own.status = 'active'
            AND own.uses < own.max_uses AND own.expires_at > now()) AS unused
FROM people JOIN waitlist_entry AS entry ON entry.id = people.id
LEFT JOIN invites_redemption AS redemption ON redemption.entry_id = people.id
LEFT JOIN invites_code AS code ON code.id = redemption.code_id
LEFT JOIN leaked ON leaked.id = redemption.code_id
LEFT JOIN LATERAL (
    SELECT network, device FROM waitlist_trace WHERE entry_id = people.id ORDER BY id DESC LIMIT 1) AS trace ON true
ORDER BY entry.id, (leaked.id IS NULL), redemption.id
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
    code = _code_behind(text) if text else None
    if code is not None:
        return [_target(code.launch_id, "code", code.pk)]
    named = _named(text) if text else []
    return named or [_target(one.launch_id, "code", one.pk) for one in ending_in(text)]


def _target(launch_id: int, kind: str, value: object) -> Target:
    return Target(launch_id, kind, str(value), timezone.now())


def _code_behind(text: str) -> Code | None:
    """The code of a link, of a token, or as it was typed."""
    asked = parse_qs(urlsplit(text).query) if "?" in text else {}
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


def ending_in(text: str) -> list[Code]:
    """The codes with these last four characters, the most used first."""
    last4 = codes.fold(text)
    if len(last4) != LAST:
        return []
    return list(Code.objects.filter(last4=last4).order_by("-uses", "-pk")[:CHOICES])


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
    return [suspicion.person_of(row) for row in sql.rows(TREE, {"codes": list(code_ids), "most": MOST})]


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
