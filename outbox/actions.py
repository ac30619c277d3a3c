"""Verbs of the outbox: owe something to the outside, note how it went, replay what was given up, suppress an address, and
say which endpoints hear of what."""

import base64
import json
import random
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from outbox import facts, keys, reach, registry, sql
from outbox.errors import Refused
from outbox.facts import Fact, Said
from outbox.models import Delivery, Endpoint, Job, Suppression
from outbox.policy import BOUNCED, UNSUBSCRIBED, End, after
from outbox.registry import Outcome
from outbox.signals import (
    address_restored,
    address_suppressed,
    delivery_given_up,
    delivery_replayed,
    endpoint_disabled,
    endpoint_enabled,
    endpoint_made,
    endpoint_rotated,
    export_begun,
    export_ended,
    job_ended,
    job_failed,
    job_resumed,
    job_started,
    job_stopped,
)
from outbox.states import StaleState, move, move_one, verb

# Mails to one address in 24 hours, over all templates: nobody is mail-bombed through us. Mails about an account count
# apart, so that joining in somebody's name does not keep their sign-in codes away.
DAILY_CAP = 12
PURGED_AT_ONCE = 5_000
ROTATION = timedelta(days=1)  # how long the secret before the newest one signs as well


@dataclass(frozen=True, slots=True)
class Owed:
    """One delivery to be: who handles it, which message or work it is, and the ids it needs."""

    handler: str
    name: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    address_key: bytes | None = None
    cap: int | None = (
        DAILY_CAP  # not written when this many were owed to the address in the last day; None: counts, never capped
    )
    dedupe: str | None = None
    sealed: bytes | None = None
    due_at: datetime | None = None


# Counts before it writes, on the index (address_key, created_at): a stranger cannot make us mail somebody all day.
INSERT = """
INSERT INTO outbox_delivery (handler, name, subject, data, address_key, dedupe, sealed, due_at)
SELECT owed.handler, owed.name, owed.subject, owed.data, owed.address_key, owed.dedupe, owed.sealed, coalesce(owed.due_at, now())
FROM unnest(string_to_array(%(handler)s, E'\\x1f'), string_to_array(%(name)s, E'\\x1f'),
            string_to_array(%(subject)s, E'\\x1f'), string_to_array(%(data)s, E'\\x1f')::jsonb[],
            string_to_array(%(address_key)s, E'\\x1f', E'\\x1e')::bytea[], string_to_array(%(cap)s, E'\\x1f', E'\\x1e')::int[],
            string_to_array(%(dedupe)s, E'\\x1f', E'\\x1e'), string_to_array(%(sealed)s, E'\\x1f', E'\\x1e')::bytea[],
            string_to_array(%(due_at)s, E'\\x1f', E'\\x1e')::timestamptz[])
     AS owed(handler, name, subject, data, address_key, cap, dedupe, sealed, due_at)
WHERE owed.address_key IS NULL OR owed.cap IS NULL OR owed.cap > (
    SELECT count(*) FROM outbox_delivery AS sent
    WHERE sent.address_key = owed.address_key AND sent.created_at > now() - interval '1 day'
      AND (sent.name = 'account') = (owed.name = 'account'))
ON CONFLICT (dedupe) DO NOTHING
RETURNING id
"""


@verb
def owe(owed: Sequence[Owed]) -> int:
    """Writes the deliveries, in the caller's transaction; how many. Beyond the cap or said before: not written."""
    return len(sql.rows(INSERT, _columns(owed))) if owed else 0


def _columns(owed: Sequence[Owed]) -> dict[str, str]:
    columns = {
        name: sql.joined(getattr(one, name) for one in owed)
        for name in ("handler", "name", "subject", "address_key", "cap", "dedupe", "sealed", "due_at")
    }
    return columns | {"data": sql.joined(json.dumps(one.data) if one.data else "{}" for one in owed)}


TELL_AND_OWE = f"WITH told AS ({facts.INSERT}) {INSERT}"
TELL_HEARD_AND_OWE = f"{facts.TOLD}, heard AS ({facts.OWED_TO_ENDPOINTS}) {INSERT}"


@verb
def announce_and_owe(fact: Fact, said: Sequence[Said], owed: Sequence[Owed], *, by: str) -> None:
    """Announces a fact and owes what follows from it, written in one round trip; for the hot paths."""
    statement = TELL_HEARD_AND_OWE if fact.heard() else TELL_AND_OWE
    sql.rows(statement, fact.columns(said, by=by) | _columns(owed))
    fact.reach(said, by=by)


@verb
def owe_sealed(
    to: str, subject: str, text: str, html: str = "", *, subject_ref: str, by: str, address_key: bytes | None = None
) -> int:
    """Owes a mail that somebody else wrote (allauth). Its text stands encrypted in the row until it is sent; 0 when capped.

    `subject_ref` is what the delivery is about ("user:3"). Without `address_key` the address is counted as it is typed,
    in lower case.
    """
    sealed = keys.seal(json.dumps({"to": to, "subject": subject, "text": text, "html": html}))
    key = address_key or keys.address_key("email", to.casefold())
    return owe([Owed("mail", "account", subject_ref, {"by": by}, address_key=key, sealed=sealed)])


# The check is the write: only a row whose lease is still the one we took, and only what is owed is leased (a constraint
# says so; naming the status here would let the planner walk the whole backlog). `until` wins over `wait`.
SETTLE = """
UPDATE outbox_delivery AS row
SET status = went.status, leased_until = NULL,
    last_error = CASE WHEN went.status = 'owed' AND went.note IS NULL THEN row.last_error ELSE coalesce(went.note, '') END,
    message_id = coalesce(went.message_id, row.message_id),
    attempts = row.attempts - went.uncounted,
    due_at = coalesce(went.until, now() + went.wait * interval '1 second', row.due_at),
    done_at = CASE WHEN went.status = 'done' THEN now() END,
    sealed = CASE WHEN went.status = 'owed' THEN row.sealed END
FROM unnest(string_to_array(%(id)s, E'\\x1f')::bigint[], string_to_array(%(lease)s, E'\\x1f', E'\\x1e')::timestamptz[],
            string_to_array(%(status)s, E'\\x1f'), string_to_array(%(note)s, E'\\x1f', E'\\x1e'),
            string_to_array(%(message_id)s, E'\\x1f', E'\\x1e'),
            string_to_array(%(uncounted)s, E'\\x1f')::int[], string_to_array(%(wait)s, E'\\x1f', E'\\x1e')::float8[],
            string_to_array(%(until)s, E'\\x1f', E'\\x1e')::timestamptz[])
     AS went(id, lease, status, note, message_id, uncounted, wait, until)
WHERE row.id = went.id AND row.leased_until = went.lease
RETURNING row.id, row.status
"""


@verb
def settle(outcomes: Sequence[Outcome], *, by: str) -> int:
    """Notes how leased deliveries went: done, back off, or given up; how many. One whose lease was lost is left alone."""
    nexts = [after(went.end, went.delivery.attempts, random.random()) for went in outcomes]
    columns = {
        "id": sql.joined(went.delivery.id for went in outcomes),
        "lease": sql.joined(went.delivery.leased_until for went in outcomes),
        "status": sql.joined(status for status, _wait in nexts),
        "wait": sql.joined(wait for _status, wait in nexts),
        "note": sql.joined(went.note or None for went in outcomes),
        "message_id": sql.joined(went.message_id or None for went in outcomes),
        "uncounted": sql.joined(int(went.end == End.LATER) for went in outcomes),
        "until": sql.joined(went.until for went in outcomes),
    }
    status_of = {row.id: row.status for row in sql.rows(SETTLE, columns)}
    kept = [went for went in outcomes if went.delivery.id in status_of]
    _tell_given_up([went.delivery for went in kept if status_of[went.delivery.id] == "given_up"], by)
    _suppress_bounced(kept, by)
    _tell_listeners(kept)
    return len(kept)


def _tell_given_up(deliveries: Sequence[Delivery], by: str) -> None:
    said = [Said(f"delivery:{one.pk}", {"name": one.name, "about": one.subject}) for one in deliveries]
    delivery_given_up.announce(said, by=by)


def _suppress_bounced(outcomes: Sequence[Outcome], by: str) -> None:
    for went in outcomes:
        if went.end == End.BOUNCED and went.delivery.address_key:
            suppress(bytes(went.delivery.address_key), BOUNCED, by=by)


def _tell_listeners(outcomes: Sequence[Outcome]) -> None:
    heard = [went for went in outcomes if went.end in (End.DONE, End.REFUSED, End.BOUNCED)]
    heard = [went for went in heard if went.delivery.name in registry.listeners]
    for (name, end), group in groupby(sorted(heard, key=_name_and_end), key=_name_and_end):
        registry.listeners[name]([went.delivery for went in group], end)


def _name_and_end(went: Outcome) -> tuple[str, End]:
    return went.delivery.name, went.end


# What goes to other programs is left: it names nobody, and they must hear of the end as well.
FORGET = """
UPDATE outbox_delivery
SET status = CASE status WHEN 'owed' THEN 'done' ELSE status END, done_at = coalesce(done_at, now()), leased_until = NULL,
    sealed = NULL, address_key = NULL, data = '{}', last_error = ''
WHERE subject = ANY(%(subjects)s::text[]) AND handler IN ('mail', 'sms')
RETURNING id
"""


@verb
def forget_deliveries(subjects: Sequence[str]) -> int:
    """Takes what names somebody out of the messages about these subjects; what was still owed is owed no more. How many."""
    return len(sql.rows(FORGET, {"subjects": list(subjects)}))


@verb
def hand_back(deliveries: Sequence[Delivery], *, by: str) -> int:
    """Frees leased deliveries that were not tried, so that the next worker takes them at once; how many."""
    return settle([Outcome(delivery, End.LATER) for delivery in deliveries], by=by)


@verb
def replay(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Owes again what was given up; how many. A sealed text is gone by then, so such a row will say that it is empty."""
    found = Delivery.objects.filter(pk__in=ids, status=Delivery.Status.GIVEN_UP).select_for_update()
    given_up = list(found.order_by("pk").values_list("pk", flat=True))
    moved = move(Delivery.objects.filter(pk__in=given_up), to="owed", attempts=0, due_at=Now(), leased_until=None)
    delivery_replayed.announce([Said(f"delivery:{pk}", {"reason": reason}) for pk in given_up], by=by)
    return moved


# What was asked for stays: a bounce is told over an unsubscribe, nothing is told over a bounce.
SUPPRESS = """
INSERT INTO outbox_suppression AS kept (address_key, reason) VALUES (%(key)s, %(reason)s)
ON CONFLICT (address_key) DO UPDATE SET reason = excluded.reason, at = now()
WHERE kept.reason = 'unsubscribed' AND excluded.reason <> 'unsubscribed'
RETURNING id
"""


@verb
def suppress(address_key: bytes, reason: str, *, by: str) -> bool:
    """No more mail to this address (policy.ANSWERS tells which still go); False when it was so already."""
    row = sql.one(SUPPRESS, {"key": address_key[: keys.SHORT], "reason": reason})
    if row is not None:
        address_suppressed.announce([Said(f"suppression:{row.id}", {"reason": reason})], by=by)
    return row is not None


@verb
def lift(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Lets mail go to these addresses again, after a bounce that was a mistake or a wish that changed; how many."""
    found = list(Suppression.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    Suppression.objects.filter(pk__in=[row.pk for row in found]).delete()
    said = [Said(f"suppression:{row.pk}", {"reason": row.reason, "why": reason}) for row in found]
    address_restored.announce(said, by=by)
    return len(found)


@verb
def lift_wish(address_keys: Sequence[bytes], *, by: str) -> int:
    """Somebody who wanted no more mail asks for it again by a gesture of their own; a bouncing address stays as it is."""
    short = [key[: keys.SHORT] for key in address_keys]
    wishes = Suppression.objects.filter(address_key__in=short, reason=UNSUBSCRIBED)
    ids = list(wishes.values_list("pk", flat=True))
    return lift(ids, "asked for mail again", by=by) if ids else 0


def make_endpoint(url: str, events: Sequence[str] = (), *, by: str, full_contact: bool = False) -> tuple[Endpoint, str]:
    """The endpoint and its secret, which nobody can read again; no event named means all of them.

    Refused: url_invalid, url_not_https, host_unknown, address_private, event_unknown.
    """
    reach.addresses_of(reach.place_of(url))
    return _make_endpoint(url, sorted(set(events)), full_contact, by=by)


@verb
def _make_endpoint(url: str, events: list[str], full_contact: bool, *, by: str) -> tuple[Endpoint, str]:
    known = {name for name, fact in facts.catalogue.items() if fact.public}
    if unknown := set(events) - known:
        raise Refused(
            "event_unknown", f"No such event: {', '.join(sorted(unknown))}. docs/events.md lists the public ones."
        )
    secret = _new_secret()
    made = Endpoint.objects.create(url=url, events=events, secret=keys.seal(secret), full_contact=full_contact, by=by)
    endpoint_made.announce([Said(f"endpoint:{made.pk}", {"events": events, "full_contact": full_contact})], by=by)
    facts.forget_kept()
    return made, secret


def _new_secret() -> str:
    """As Standard Webhooks write one: 32 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@verb
def rotate_secret(endpoint_id: int, reason: str, *, by: str) -> str:
    """A new secret, shown once. The one before it signs as well for a day, so that the other side can change over."""
    secret = _new_secret()
    row = Endpoint.objects.select_for_update().get(pk=endpoint_id)
    Endpoint.objects.filter(pk=row.pk).update(
        secret=keys.seal(secret), old_secret=row.secret, old_secret_until=Now() + ROTATION
    )
    endpoint_rotated.announce([Said(f"endpoint:{row.pk}", {"reason": reason})], by=by)
    return secret


@verb
def disable_endpoints(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Nothing goes to them from now on; how many were active. What is owed to them already is given up, to be replayed."""
    return _move_endpoints(endpoint_disabled, ids, "disabled", reason, by)


@verb
def enable_endpoints(ids: Sequence[int], reason: str, *, by: str) -> int:
    """They hear again of what happens from now on; how many were disabled."""
    return _move_endpoints(endpoint_enabled, ids, "active", reason, by)


def _move_endpoints(fact: Fact, ids: Sequence[int], to: str, reason: str, by: str) -> int:
    found = Endpoint.objects.filter(pk__in=ids).exclude(status=to).select_for_update().order_by("pk")
    moving = list(found.values_list("pk", flat=True))
    why = reason if to == "disabled" else ""
    moved = move(Endpoint.objects.filter(pk__in=moving), to=to, disabled_reason=why)
    fact.announce([Said(f"endpoint:{pk}", {"reason": reason}) for pk in moving], by=by)
    facts.forget_kept()
    return moved


JOB_CHUNK = 500  # rows changed in one transaction


@verb
def start_job(name: str, ids: Sequence[int], reason: str, *, by: str, back: str = "") -> Job:
    """Has a worker do on these rows what `registry.works` has under that name. `back` is the page it was asked for on."""
    job = Job.objects.create(name=name, ids=list(ids), total=len(ids), reason=reason, by=by, back=back)
    job_started.announce([Said(f"job:{job.pk}", {"name": name, "rows": job.total, "reason": reason})], by=by)
    owe([Owed("job", "job", f"job:{job.pk}")])
    return job


@verb
def step_job(pk: int) -> bool:
    """Does the next chunk in one transaction with the cursor; whether more is left. The row is locked, so a stop is exact."""
    job = Job.objects.select_for_update(no_key=True).get(pk=pk)
    if job.status != Job.Status.RUNNING:
        return False
    chunk = job.ids[job.done : job.done + JOB_CHUNK]
    changed, unchanged = work_on(registry.works[job.name], chunk, job.reason, by=job.by)
    counts = Counter(job.unchanged) + Counter(unchanged)
    job.done, job.changed, job.unchanged = job.done + len(chunk), job.changed + changed, dict(counts)
    job.save(update_fields=["done", "changed", "unchanged"])
    if job.done < job.total:
        return True
    move_one(Job.objects.filter(pk=pk), to="done", ended_at=Now())
    job_ended.announce([Said(f"job:{pk}", {"changed": job.changed, "unchanged": job.unchanged})], by=job.by)
    return False


@verb
def work_on(
    work: registry.Work, ids: list[int], reason: str, *, by: str, alone: bool = True
) -> tuple[int, Mapping[str, int]]:
    """How many were changed, and how many were not, by where they stand or by the refusal; a refusal stops only its own row.

    Unless `alone`: then it is raised, for whoever has the room to say all of it.
    """
    try:
        with transaction.atomic():
            before = work.states(ids) if work.states else {}
            changed = work.verb(ids, reason, by=by)
    except (Refused, StaleState) as error:
        if not alone:
            raise
        if len(ids) == 1:
            return 0, {getattr(error, "reason", "stale"): 1}
        parts = [work_on(work, [pk], reason, by=by) for pk in ids]
        return sum(part[0] for part in parts), sum((Counter(part[1]) for part in parts), Counter())
    return changed, _why_not(work, ids, before, len(ids) - changed)


def _why_not(work: registry.Work, ids: list[int], before: Mapping[int, str], rest: int) -> Mapping[str, int]:
    if not rest or not work.states:
        return {"stale": rest} if rest else {}
    after = work.states(ids)
    same = Counter(before.get(pk, "gone") for pk in ids if after.get(pk) == before.get(pk))
    return same if same.total() == rest else {"stale": rest}


@verb
def stop_job(pk: int, reason: str, *, by: str) -> None:
    """Nothing more is changed once this is answered; what was changed stays. Raises StaleState when it has ended."""
    job = Job.objects.select_for_update(no_key=True).get(pk=pk)
    move_one(Job.objects.filter(pk=pk), to="stopped", ended_at=Now())
    job_stopped.announce([Said(f"job:{pk}", {"done": job.done, "reason": reason})], by=by)


@verb
def resume_job(pk: int, reason: str, *, by: str) -> None:
    """Lets a stopped or failed job go on from where it stands. Raises StaleState when it runs or is done."""
    move_one(Job.objects.filter(pk=pk), to="running", ended_at=None, error="")
    job_resumed.announce([Said(f"job:{pk}", {"reason": reason})], by=by)
    owe([Owed("job", "job", f"job:{pk}")])


@verb
def fail_job(pk: int, error: str, *, by: str) -> None:
    """It met an error that trying again would meet too; staff are told, and may let it go on."""
    if move(Job.objects.filter(pk=pk), to="failed", error=error, ended_at=Now()):
        job_failed.announce([Said(f"job:{pk}", {"error": error})], by=by)


@verb
def begin_export(subject: str, columns: Sequence[str], filters: str, *, by: str) -> str:
    """Keeps in the trail that somebody begins to take rows out of the house, so that one broken off is seen too; its name."""
    export = secrets.token_hex(8)
    export_begun.announce([Said(subject, {"export": export, "columns": list(columns), "filters": filters})], by=by)
    return export


@verb
def end_export(subject: str, export: str, rows: int, *, whole: bool, by: str) -> None:
    """Keeps in the trail how many rows left, and whether the reader stayed to the end."""
    export_ended.announce([Said(subject, {"export": export, "rows": rows, "whole": whole})], by=by)


PURGE_REPLIES = """
DELETE FROM outbox_savedreply WHERE id IN (
    SELECT id FROM outbox_savedreply WHERE created_at < now() - interval '24 hours' LIMIT %(limit)s)
RETURNING id
"""
PURGE_DONE = """
DELETE FROM outbox_delivery WHERE id IN (
    SELECT id FROM outbox_delivery WHERE status = 'done' AND done_at < now() - interval '30 days' LIMIT %(limit)s)
RETURNING id
"""


@verb
def purge(*, limit: int = PURGED_AT_ONCE) -> int:
    """Deletes one chunk of saved replies older than a day and of deliveries done a month ago; how many rows."""
    return len(sql.rows(PURGE_REPLIES, {"limit": limit})) + len(sql.rows(PURGE_DONE, {"limit": limit}))
