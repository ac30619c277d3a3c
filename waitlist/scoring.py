"""The points rules. Each is one named predicate over plain evidence; its docstring is the reason people read."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from outbox.keys import keyed

PERSONAS = ("solo_founder", "small_team", "agency", "content_creator", "other")
PRIORITY_MAX = 200  # few distinct priorities keep every position cheap


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules may look at when somebody joins."""

    persona: str = "other"
    use_case: str = ""
    source: str = "organic"
    vouched: bool = False  # a signed source link or a keyed caller stands for the source
    referred: bool = False
    domain: str = ""
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One reason with its points."""

    rule: str
    key: str
    points: int
    reason: str


Rule = Callable[[Evidence], str | None]
RULES: dict[str, Rule] = {}

# (rule, key) -> points; a launch overrides them with PointsWeight rows. "" is the weight of every other key.
DEFAULT_WEIGHTS: dict[tuple[str, str], int] = {
    ("persona", "solo_founder"): 10,
    ("persona", "small_team"): 15,
    ("persona", "agency"): 20,
    ("persona", "content_creator"): 8,
    ("persona", ""): 5,
    ("detailed_use_case", ""): 10,
    ("keyword", ""): 5,
    ("source", "producthunt"): 20,
    ("source", "twitter"): 5,
    ("source", ""): 0,
    ("came_by_referral", ""): 10,
    ("corporate_domain", ""): 0,
    ("friend_confirmed", ""): 5,
}

FREE_MAIL = frozenset(
    {
        *("gmail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "me.com", "aol.com"),
        *("proton.me", "protonmail.com", "gmx.de", "gmx.net", "web.de", "mail.ru", "yandex.ru", "yandex.com"),
        *("qq.com", "163.com", "zoho.com", "fastmail.com"),
    }
)


def rule(predicate: Rule) -> Rule:
    """Registers a rule under its name. It returns the key of the weight it earns ("" where there is one), or None."""
    RULES[predicate.__name__] = predicate
    return predicate


@rule
def persona(evidence: Evidence) -> str | None:
    """How you describe yourself."""
    return evidence.persona if evidence.persona in PERSONAS else "other"


@rule
def detailed_use_case(evidence: Evidence) -> str | None:
    """You told us in more than 20 words what you would use it for."""
    return "" if len(evidence.use_case.split()) > 20 else None


@rule
def keyword(evidence: Evidence) -> str | None:
    """What you would use it for is what we build it for."""
    said = words(evidence.use_case)
    return "" if any(words(named).strip() and words(named) in said for named in evidence.keywords) else None


def words(text: str) -> str:
    """The whole words of a text, case-folded, with one space around each: so "e-mail" and two words are found as well."""
    return " " + " ".join(re.findall(r"\w+", text.casefold())) + " "


@rule
def source(evidence: Evidence) -> str | None:
    """Where you come from, and somebody we know stands for it."""
    return evidence.source.casefold() if evidence.vouched else None


@rule
def came_by_referral(evidence: Evidence) -> str | None:
    """A friend brought you."""
    return "" if evidence.referred else None


@rule
def corporate_domain(evidence: Evidence) -> str | None:
    """Your address belongs to a company."""
    return "" if evidence.domain and evidence.domain not in FREE_MAIL else None


# Earned later, not at join, by a fact about a friend: no predicate, but a reason like the others.
LATER_REASONS = {
    "friend_confirmed": "A friend you brought confirmed.",
    "reward": "A reward for bringing friends.",
    "imported": "The people who run this gave you points.",
}


def reason_of(name: str) -> str:
    """The sentence people read for this rule."""
    return LATER_REASONS.get(name) or (RULES[name].__doc__ or "").strip()


def arm_of(kind: str, canonical: str, percent: int) -> str:
    """Which scoring table a contact falls to: B for that share of all contacts, the same at every look and for no other reason."""
    if not percent:
        return "a"
    draw = int.from_bytes(keyed("arm", f"{kind}:{canonical}")[:8], "big")
    return "b" if draw % 10_000 < percent * 100 else "a"


def weight(weights: Mapping[tuple[str, str], int], name: str, key: str) -> int:
    """The points of a rule for a key: the launch's, else the default; an unknown key earns what "" earns."""
    for table in (weights, DEFAULT_WEIGHTS):
        for candidate in (key, ""):
            if (name, candidate) in table:
                return table[name, candidate]
    return 0


def score(evidence: Evidence, weights: Mapping[tuple[str, str], int]) -> list[Line]:
    """The lines that this evidence earns, in the order of the rules; rules that give nothing leave no line."""
    lines = []
    for name, predicate in RULES.items():
        key = predicate(evidence)
        if key is not None and (points := weight(weights, name, key)):
            lines.append(Line(name, "", points, reason_of(name)))
    return lines


def priority(points: Iterable[int]) -> int:
    """The sum, clamped to 0..200."""
    return max(0, min(PRIORITY_MAX, sum(points)))
