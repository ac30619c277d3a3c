"""Answers kept for a day for callers who retry a POST with the same Idempotency-Key. No secret stands in them."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

from outbox import sql
from outbox.errors import Refused


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb's door says. Keys of the body named in `secret` are never kept: `ids` lets the door derive them again."""

    body: dict[str, Any]
    secret: tuple[str, ...] = ()
    ids: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run this call now: the row and the moment it was taken."""

    scope: str
    key: str
    since: datetime


# Takes the key when it is free, when its day is over, or when the call that had it has been silent for a minute: its
# process died. Of several who try at once one gets a row.
CLAIM = """
INSERT INTO outbox_savedreply AS kept (scope, key, fingerprint, body, ids, created_at)
VALUES (%(scope)s, %(key)s, %(fingerprint)s, '{}', '{}', clock_timestamp())
ON CONFLICT (scope, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = NULL, body = '{}', ids = '{}', created_at = clock_timestamp()
WHERE kept.created_at < now() - interval '24 hours'
   OR (kept.status IS NULL AND kept.fingerprint = excluded.fingerprint AND kept.created_at < now() - interval '60 seconds')
RETURNING created_at
"""
FOUND = """
SELECT fingerprint, status, body #>> '{}' AS body, ids #>> '{}' AS ids
FROM outbox_savedreply WHERE scope = %(scope)s AND key = %(key)s
"""
MINE = "WHERE scope = %(scope)s AND key = %(key)s AND created_at = %(since)s AND status IS NULL"
KEEP = f"UPDATE outbox_savedreply SET status = %(status)s, body = to_jsonb(%(body)s::text), ids = %(ids)s::jsonb {MINE}"  # noqa: S608
FORGET = f"DELETE FROM outbox_savedreply {MINE}"  # noqa: S608


def claim(scope: str, key: str, fingerprint: bytes) -> Claim | Answer:
    """The right to run the call, or the kept answer (its secret keys null). Refused: idempotency_key_reused, still_running."""
    taken = sql.one(CLAIM, {"scope": scope, "key": key, "fingerprint": fingerprint})
    if taken is not None:
        return Claim(scope, key, taken.created_at)
    found = sql.one(FOUND, {"scope": scope, "key": key})
    if found is not None and bytes(found.fingerprint) != fingerprint:
        raise Refused("idempotency_key_reused")
    if found is None or found.status is None:
        raise Refused("still_running")
    return Answer(json.loads(found.body), ids=json.loads(found.ids), status=found.status)


def once(scope: str, key: str, mark: bytes | None = None) -> bool:
    """Takes what may be used once; False when it was taken within the last day. No process has to live for it to hold.

    Who comes with the same mark again is the same call, tried again.
    """
    mark = mark or secrets.token_bytes(16)
    if sql.one(CLAIM, {"scope": scope, "key": key, "fingerprint": mark}) is not None:
        return True
    found = sql.one(FOUND, {"scope": scope, "key": key})
    return found is not None and bytes(found.fingerprint) == mark


def keep(claim: Claim, answer: Answer) -> None:
    """Keeps the answer without its secrets. Kept as text, since jsonb would sort the keys of a replay anew."""
    body = {name: None if name in answer.secret else value for name, value in answer.body.items()}
    kept = {"status": answer.status, "body": json.dumps(body, cls=JSONEncoder), "ids": json.dumps(answer.ids)}
    sql.rows(KEEP, {"scope": claim.scope, "key": claim.key, "since": claim.since, **kept})


def forget(claim: Claim) -> None:
    """Frees the key: failures are not kept."""
    sql.rows(FORGET, {"scope": claim.scope, "key": claim.key, "since": claim.since})
