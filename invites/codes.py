"""What a code looks like, and how it is made again: derived from its row by a key that stands outside the database. Pure."""

import string
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

from outbox.keys import every_keyed, keyed, newest

ALPHABET = "2346789ABCDEFGHJKLMNPQRTUVWXYZ"  # 30 characters; no O 0, I 1, S 5 to mistake for each other
HEX = "0123456789ABCDEF"
SAFE_LENGTH = 12  # shorter codes can be guessed: they are bound to an address, or live short
SHORT_LIFE_DAYS = 30
IMPORTED = "imported"  # instead of a format: made elsewhere, so that no key of ours can make its characters again
LOOK_ALIKES = str.maketrans("OIS", "015")
KEPT = frozenset(string.ascii_uppercase + string.digits)


@dataclass(frozen=True, slots=True)
class Format:
    """A prefix, in which {year}, {quarter} and {campaign} are filled in, and a number of characters."""

    prefix: str
    length: int
    alphabet: str = ALPHABET


FORMATS: dict[str, Format] = {
    "standard": Format("VES-", 12),
    "long": Format("VES-", 16),
    "hex": Format("VOBEE-", 12, HEX),
    "quarter": Format("LPS-{year}Q{quarter}-", 8),
    "campaign-6": Format("{campaign}-", 6),
    "campaign-8": Format("{campaign}-", 8),
    "campaign": Format("{campaign}-", 12),
    "plain-8": Format("", 8),
    "plain-10": Format("", 10),
    "plain": Format("", 12),
}


VANITY = "vanity"  # the format of a code that staff chose; no preset, since nothing of it is drawn
SAMPLES = {ALPHABET: "7K3M9QXA2LHTB8RW", HEX: "3F9A0C71B2D4"}


def fold(typed: str) -> str:
    """What is compared: case, spaces, dashes and look-alikes folded, prefix included."""
    upper = unicodedata.normalize("NFKC", typed).upper().translate(LOOK_ALIKES)
    return "".join(character for character in upper if character in KEPT)


def prefix_of(name: str, campaign: str, today: date) -> str:
    """The prefix of a format on that day."""
    known = FORMATS[name].prefix.format(campaign=campaign.upper(), year=today.year, quarter=(today.month + 2) // 3)
    return "" if known == "-" else known


def example_of(name: str, campaign: str, today: date) -> str:
    """What a code of that format looks like; the characters are always the same, and no code of ours."""
    shape = FORMATS[name]
    return Derived(prefix_of(name, campaign, today), SAMPLES[shape.alphabet][: shape.length], b"").text


def characters(code_id: int, attempt: int, shape: Format, version: int) -> str:
    """The characters of a code: digits of HMAC(code key, row id and attempt) in the alphabet of its format."""
    number = int.from_bytes(keyed("code", f"{code_id}:{attempt}", version=version), "big")
    pairs, drawn = _pairs(shape.alphabet), []
    for _n in range(0, shape.length, 2):
        number, index = divmod(number, len(pairs))
        drawn.append(pairs[index])
    return "".join(drawn)[: shape.length]


@cache
def _pairs(alphabet: str) -> list[str]:
    """Two digits at a time, the lower one first: half as many divisions of a long number."""
    return [low + high for high in alphabet for low in alphabet]


_folded = lru_cache(1024)(fold)  # ten thousand codes share one prefix; drawn characters are folded as they are


class Derived(NamedTuple):
    """A code as its owner sees it, and what the table keeps of it."""

    prefix: str
    drawn: str
    digest: bytes

    @property
    def text(self) -> str:
        """The code in groups of four, to be read and typed."""
        return self.prefix + "-".join(self.drawn[at : at + 4] for at in range(0, len(self.drawn), 4))

    @property
    def last4(self) -> str:
        """What support may know of it."""
        return self.drawn[-4:]


def derive(code_id: int, attempt: int, name: str, prefix: str, version: int) -> Derived:
    """The code of that row: the same at every call, and unknown to who has only the database."""
    drawn = characters(code_id, attempt, FORMATS[name], version)
    return Derived(prefix, drawn, digest(_folded(prefix) + drawn, version))


def digest(folded: str, version: int | None = None) -> bytes:
    """Keyed hash of a folded code, under the newest key unless told."""
    return keyed("code-digest", folded, version=version or newest())


def digests(typed: str) -> list[bytes]:
    """Every digest that a typed code may stand under while keys rotate."""
    return every_keyed("code-digest", fold(typed))
