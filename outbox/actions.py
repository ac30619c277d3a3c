"""Verbs of the outbox: owe something to the outside, and replay what was given up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models.functions import Now

from outbox import sql
from outbox.models import Delivery, Suppression
from outbox.signals import address_suppressed, delivery_replayed
from outbox.facts import Said
from outbox.states import move, verb

DAILY_CAP = 12  # mails to one address in 24 hours, over all templates: nobody is mail-bombed through us


@dataclass(frozen=True, slots=True)
class Owed:
    """One delivery to be: who handles it, which message or work it is, and the ids it needs."""

    handler: str
    name: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    address_key: bytes | None = None
    cap: int | None = DAILY_CAP  # not written when this many were owed to the address in the last day; None: counts, never capped
    dedupe: str | None = None
    sealed: bytes | None = None
    due_at: datetime | None = None


# Counts before it writes, on the index (address_key, created_at): a stranger cannot make us mail somebody all day.
INSERT = """
INSERT INTO outbox_delivery (handler, name, subject, data, address_key, dedupe, sealed, due_at)
SELECT owed.handler, owed.name, owed.subject, owed.data, owed.address_key, owed.dedupe, owed.sealed, coalesce(owed.due_at, now())
FROM unnest(%(handler)s::text[], %(name)s::text[], %(subject)s::text[], %(data)s::jsonb[], %(address_key)s::bytea[],
            %(cap)s::int[], %(dedupe)s::text[], %(sealed)s::bytea[], %(due_at)s::timestamptz[])
     AS owed(handler, name, subject, data, address_key, cap, dedupe, sealed, due_at)
WHERE owed.address_key IS NULL OR owed.cap IS NULL OR owed.cap > (
    SELECT count(*) FROM outbox_delivery AS sent
    WHERE sent.address_key = owed.address_key AND sent.created_at > now() - interval '1 day')
ON CONFLICT (dedupe) DO NOTHING
RETURNING id
"""


@verb
def owe(owed: Sequence[Owed]) -> int:
    """Writes the deliveries, in the caller's transaction; how many. Beyond the cap or said before: not written."""
    if not owed:
        return 0
    columns: dict[str, Any] = {
        name: [getattr(one, name) for one in owed]
        for name in ("handler", "name", "subject", "address_key", "cap", "dedupe", "sealed", "due_at")
    }
    columns["data"] = [json.dumps(one.data) for one in owed]
    return len(sql.rows(INSERT, columns))


@verb
def replay(ids: Sequence[int], *, by: str) -> int:
    """Owes again what was given up; how many."""
    moved = move(Delivery.objects.filter(pk__in=ids), to="owed", attempts=0, due_at=Now(), leased_until=None)
    if moved:
        delivery_replayed.announce([Said(f"delivery:{pk}") for pk in ids], by=by)
    return moved


@verb
def suppress(address_key: bytes, reason: str, *, by: str) -> bool:
    """No more mail to this address; False when it was so already."""
    row, made = Suppression.objects.get_or_create(address_key=address_key, defaults={"reason": reason})
    if made:
        address_suppressed.announce([Said(f"suppression:{row.pk}", {"reason": reason})], by=by)
    return made
