"""Named reads of the outbox."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from outbox import sql
from outbox.keys import SHORT
from outbox.models import Delivery, Suppression

# A row is due when its time has come and nobody works on it. One index page (delivery_due), however long the table is.
OLDEST_DUE = """
SELECT due_at AS since, statement_timestamp() AS at, extract(epoch FROM statement_timestamp() - due_at)::float8 AS seconds
FROM outbox_delivery
WHERE status = 'owed' AND due_at <= statement_timestamp() AND (leased_until IS NULL OR leased_until <= statement_timestamp())
ORDER BY due_at LIMIT 1
"""
AT_WORK = """
SELECT EXISTS (SELECT FROM outbox_delivery
               WHERE status = 'owed' AND due_at <= statement_timestamp() AND leased_until > statement_timestamp()) AS somebody
"""


def oldest_due() -> Any:
    """(since, at, seconds): since when the oldest due delivery waits, and the database's clock; None when none waits."""
    return sql.one(OLDEST_DUE)


def oldest_owed_seconds() -> float:
    """How long the delivery that is due longest has waited for a worker; 0 when none waits. Grows in a long batch too."""
    found = oldest_due()
    return max(0.0, found.seconds) if found else 0.0


def relay_lag_seconds() -> float:
    """The same, but 0 while some worker is at work: it grows only when nobody takes what is due."""
    return 0.0 if sql.one(AT_WORK).somebody else oldest_owed_seconds()


LOOKED_THROUGH = (
    10_000  # deliveries: no index finds those of one endpoint, and none is worth keeping for a page of staff
)


def latest_webhooks(endpoint_id: int, count: int = 20) -> list[Delivery]:
    """The newest deliveries to an endpoint, among the last ten thousand of all."""
    newest = Delivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    recent = Delivery.objects.filter(pk__gt=newest - LOOKED_THROUGH, handler="webhook", data__endpoint=endpoint_id)
    return list(recent.order_by("-pk")[:count])


def phone_allowed() -> bool:
    """Whether text messages can be sent here: without a backend, joining by phone is off."""
    return bool(settings.SMS_BACKEND)


def suppressed_for(address_keys: Iterable[bytes]) -> dict[bytes, str]:
    """Why each of these addresses gets no mail, by the short form of its key; who may be mailed is left out."""
    shorts = {bytes(key)[:SHORT] for key in address_keys}
    found = Suppression.objects.filter(address_key__in=shorts).values_list("address_key", "reason") if shorts else []
    return {bytes(key): reason for key, reason in found}


# Each a probe of its own index; the jobs are few.
FAILED = """
SELECT (SELECT count(*) FROM outbox_delivery WHERE status = 'given_up') AS dead_letters,
       (SELECT count(*) FROM outbox_job WHERE status = 'failed') AS failed_jobs
"""


def failed() -> Any:
    """(dead_letters, failed_jobs): what was given up, and what a person may let go on."""
    return sql.one(FAILED)
