"""Takes what is owed and due, has it handled, and notes how it went. Any number of workers may drain at once.

The row is the promise; Celery and the loop (loop.py) only say when to look. A lease keeps a row for one worker for a
minute, is renewed while that worker goes on, and runs out when it died: then somebody else takes the row.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from outbox import registry, sql
from outbox.actions import hand_back, settle
from outbox.faults import Fault, apart
from outbox.models import Delivery
from outbox.policy import WAITS, End, described, masked
from outbox.registry import Outcome

CHUNK = 500  # rows leased at once
LEASE = 60.0  # seconds
RENEW_AFTER = 15.0  # seconds
ABANDONED = "the worker that had it did not come back"

# SKIP LOCKED: nobody waits for another worker, and no row is given to two. The ids are taken once, as an array, so the
# update goes by primary key whatever the planner believes of the table. A row whose lease ran out was abandoned; that is
# written down, for a row that kills its worker is then tried after the others, and in the end given up.
TAKE = """
UPDATE outbox_delivery AS row
SET leased_until = statement_timestamp() + %(seconds)s * interval '1 second', attempts = least(row.attempts + 1, 30000),
    last_error = CASE WHEN row.leased_until IS NOT NULL THEN %(abandoned)s ELSE row.last_error END
WHERE row.id = ANY(ARRAY(
    SELECT id FROM outbox_delivery
    WHERE status = 'owed' AND due_at <= statement_timestamp() AND (leased_until IS NULL OR leased_until <= statement_timestamp())
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING row.id, row.handler, row.name, row.subject, row.data::text, row.sealed, row.address_key, row.attempts,
          row.leased_until::text, row.last_error, row.message_id
"""
RENEW = """
UPDATE outbox_delivery SET leased_until = statement_timestamp() + %(seconds)s * interval '1 second'
WHERE id = ANY(%(ids)s) AND leased_until = %(lease)s
RETURNING id, leased_until
"""


def never() -> bool:
    """The answer of a drain that nobody wants to stop."""
    return False


def drain(limit: int = 10_000, *, seconds: float = float("inf"), stop: Callable[[], bool] = never) -> int:
    """Works through what is due, at most so many rows and so long; how many rows were settled.

    Must not run inside a transaction: each outcome is committed before the next row is touched.
    """
    end = time.monotonic() + seconds
    settled = taken = 0
    while taken < limit and not stop() and time.monotonic() < end:
        leased = lease(min(CHUNK, limit - taken))
        taken += len(leased)
        settled += work(leased, lambda: stop() or time.monotonic() >= end)
        if not leased:
            break
    return settled


def lease(limit: int) -> list[Delivery]:
    """Takes up to so many due rows for this worker alone, for a minute. What a handler does not need is read when asked for."""
    rows = sql.rows(TAKE, {"limit": limit, "seconds": LEASE, "abandoned": ABANDONED})
    if not rows:
        return []
    until = datetime.fromisoformat(rows[0].leased_until)  # one moment for all: the statement's
    return [delivery_of(row, until) for row in sorted(rows)]


def delivery_of(row: Any, until: datetime) -> Delivery:
    """The model's instance of one leased row."""
    data = {} if row.data == "{}" else json.loads(row.data)
    values = (*row[:4], data, *row[5:8], until, *row[9:])
    return Delivery.from_db(DEFAULT_DB_ALIAS, row._fields, values)


def work(leased: Sequence[Delivery], enough: Callable[[], bool] = never) -> int:
    """Has the leased rows handled and settles each outcome as it comes; frees the rest when it is enough."""
    left = {delivery.id: delivery for delivery in leased}
    settled, renewed_at = 0, time.monotonic()
    for outcomes in tried(leased):
        settled += settle(outcomes, by="system")
        for went in outcomes:
            left.pop(went.delivery.id, None)
        if left and enough():
            hand_back(list(left.values()), by="system")
            break
        if left and time.monotonic() - renewed_at > RENEW_AFTER:
            renew(list(left.values()))
            renewed_at = time.monotonic()
    return settled


def renew(deliveries: Sequence[Delivery]) -> None:
    """Keeps the leases for another minute. One that was lost meanwhile becomes None, and its row is left out."""
    by_lease = groupby((one for one in deliveries if one.leased_until), key=lambda one: one.leased_until)
    for lease_end, group in by_lease:
        ours = {one.pk: one for one in group}
        kept = sql.rows(RENEW, {"ids": list(ours), "lease": lease_end, "seconds": LEASE})
        until = {row.id: row.leased_until for row in kept}
        for pk, delivery in ours.items():
            delivery.leased_until = until.get(pk)


def tried(leased: Sequence[Delivery]) -> Iterator[list[Outcome]]:
    """Runs the handlers: first on what is fresh, then one by one, in any order, on what an earlier worker died with."""
    fresh = [one for one in leased if one.last_error != ABANDONED]
    abandoned = [one for one in leased if one.last_error == ABANDONED]
    random.shuffle(abandoned)
    for name, group in groupby(sorted(fresh, key=handler_of), key=handler_of):
        yield from run(name, list(group))
    for delivery in abandoned:
        if delivery.attempts > len(WAITS):
            yield [Outcome(delivery, End.REFUSED, f"{ABANDONED}, {delivery.attempts} times")]
        else:
            yield from run(delivery.handler, [delivery])


def handler_of(delivery: Delivery) -> str:
    return delivery.handler


def run(name: str, batch: Sequence[Delivery]) -> Iterator[list[Outcome]]:
    """Hands the batch to its handler; an error of the handler fails only the rows that cause it."""
    if name in registry.senders:
        yield from send(registry.senders[name], batch)
    elif name in registry.handlers:
        for part, failed in apart(registry.handlers[name], batch):
            if isinstance(failed, Exception):
                yield [Outcome(one, End.FAILED, described(failed)) for one in part]
            else:
                yield [outcome_of(one, failed.get(one.id)) for one in part]
    else:
        yield [Outcome(one, End.FAILED, f"nothing here handles {name!r}") for one in batch]


def outcome_of(delivery: Delivery, error: str | None) -> Outcome:
    return Outcome(delivery) if error is None else Outcome(delivery, End.FAILED, masked(error))


def send(sender: registry.Sender, batch: Sequence[Delivery]) -> Iterator[list[Outcome]]:
    """One outcome after the other. Should the sender itself break, what it had not reached fails and is tried again."""
    left = {delivery.pk: delivery for delivery in batch}
    with Fault() as fault:
        for went in sender(batch):
            del left[went.delivery.pk]
            yield [went]
    if fault.error is not None:
        yield [Outcome(one, End.FAILED, described(fault.error)) for one in left.values() if one.leased_until]
