"""The proof of work that strangers are asked for while codes are being guessed: made here, solved by the browser, good once.

The challenge is altcha's (v2, PBKDF2): signed and dated, so that nothing is kept of it until it is solved. It costs an
honest phone about a second, and whoever tries codes by the thousand as much for each.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import altcha
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from outbox import replies

ALGORITHM = "PBKDF2/SHA-256"
COST = 5_000  # rounds of one try; the prefix of altcha's default (one byte) takes 256 tries on average
LIFE = 30 * 60  # seconds to solve and send it: somebody may fill in a form slowly
LONGEST = 4_000  # characters of a solution
FIELD = "altcha"  # where the solution stands in a form and in a body


@dataclass(frozen=True, slots=True)
class Asked:
    """This request is asked for a proof of work. `solved` when it brought one."""

    solved: bool = False


def asked_of(request: HttpRequest) -> Asked | None:
    """What the guard found for this request; None when it asks for nothing."""
    found = getattr(request, "challenge", None)
    return found if isinstance(found, Asked) else None


def secret() -> bytes:
    """What challenges are signed with."""
    return salted_hmac("quality.challenge", "altcha", secret=settings.SECRET_KEY, algorithm="sha256").digest()


def made() -> dict[str, Any]:
    """A new challenge, as altcha's clients read it."""
    expires_at = int(time.time()) + LIFE
    made: dict[str, Any] = altcha.create_challenge(
        ALGORITHM, COST, expires_at=expires_at, hmac_secret=secret()
    ).to_dict()
    return made


def as_text() -> str:
    """The same as JSON, for an attribute of the form."""
    return json.dumps(made(), separators=(",", ":"))


def solved(payload: object, mark: bytes | None = None) -> bool:
    """Whether this is the solution of a challenge of ours, for the first time, or for a retry of the call with that mark.

    What is remembered is the challenge's own signature, in the database: its solution can be written in many ways, and a
    lost Redis forgets nothing.
    """
    if not isinstance(payload, str) or not 0 < len(payload) <= LONGEST:
        return False
    try:
        read = altcha.Payload.from_base64(payload)
        good = altcha.verify_solution(read, secret()).verified
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return bool(good) and replies.once("challenge", str(read.challenge.signature), mark)
