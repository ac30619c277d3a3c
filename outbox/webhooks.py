"""The handler "webhook": a fact goes to an endpoint as Standard Webhooks write it, signed, with ids and no code."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any

from django.utils import timezone
from standardwebhooks import Webhook
from urllib3.exceptions import HTTPError

from outbox import keys, reach, registry
from outbox.actions import disable_endpoints
from outbox.errors import Refused
from outbox.faults import Fault
from outbox.models import Delivery, Endpoint, Event
from outbox.policy import End, described
from outbox.registry import Outcome, sender

GONE = 410
SHARE = 5.0  # seconds that one endpoint may take of a batch; the rest waits, so that a slow one holds up no mail
REST = timedelta(seconds=30)
WORDS = ("reason",)  # what staff wrote, which may name somebody: only for who may know the contact


@sender("webhook")
def send_webhooks(deliveries: Sequence[Delivery]) -> Iterator[Outcome]:
    """One call after the other."""
    events = Event.objects.in_bulk({int(one.data["event"]) for one in deliveries})
    batch = Round()
    for delivery in deliveries:
        if delivery.leased_until is not None:
            yield batch.tried(delivery, events.get(delivery.data["event"]))


@dataclass
class Round:
    """What one batch learns of the endpoints: who does not answer, and how long each takes."""

    silent: set[int] = field(default_factory=set)
    seconds: Counter[int] = field(default_factory=Counter)

    def tried(self, delivery: Delivery, event: Event | None) -> Outcome:
        """Sends one, unless there is nobody to send it to, or their endpoint has had its share."""
        endpoint = Endpoint.objects.filter(pk=delivery.data["endpoint"]).first()
        if event is None or endpoint is None:
            return Outcome(delivery, End.DROPPED, "not sent: there is nothing to say any more")
        if endpoint.status != Endpoint.Status.ACTIVE:
            return Outcome(delivery, End.REFUSED, "not sent: the endpoint is disabled")
        if endpoint.pk in self.silent:
            return Outcome(delivery, End.FAILED, "not tried: the endpoint did not answer a moment ago")
        if self.seconds[endpoint.pk] > SHARE:
            return Outcome(delivery, End.LATER, until=timezone.now() + REST)
        return self.timed(delivery, endpoint, event)

    def timed(self, delivery: Delivery, endpoint: Endpoint, event: Event) -> Outcome:
        begun = time.monotonic()
        with Fault() as fault:
            went = self.sent(delivery, endpoint, event)
        self.seconds[endpoint.pk] += time.monotonic() - begun  # type: ignore[assignment]
        return went if fault.error is None else Outcome(delivery, End.FAILED, described(fault.error))

    def sent(self, delivery: Delivery, endpoint: Endpoint, event: Event) -> Outcome:
        """Looks the place up, signs and sends. An error of the network or a name that leads astray fails this try."""
        body = json.dumps(body_of(event, endpoint), separators=(",", ":"))
        try:
            place = reach.place_of(endpoint.url)
            addresses = reach.addresses_of(place)
            status = reach.post(place, addresses, headers(delivery, endpoint, body), body)
        except Refused as error:
            return Outcome(delivery, End.FAILED, f"not sent: {error.reason}", message_id=webhook_id(delivery))
        except (OSError, HTTPError, HTTPException) as error:
            self.silent.add(endpoint.pk)
            return Outcome(delivery, End.FAILED, described(error), message_id=webhook_id(delivery))
        return answered(delivery, endpoint, status)


def answered(delivery: Delivery, endpoint: Endpoint, status: int) -> Outcome:
    """What the status means: 2xx is heard, 410 wants no more, everything else is tried again. No redirect is followed."""
    if status == GONE:
        disable_endpoints([endpoint.pk], "It answered 410: gone.", by="system")
        return Outcome(delivery, End.REFUSED, "410: the endpoint was disabled", message_id=webhook_id(delivery))
    heard = 200 <= status < 300
    note = "" if heard else f"it answered {status}"
    return Outcome(delivery, End.DONE if heard else End.FAILED, note, message_id=webhook_id(delivery))


def webhook_id(delivery: Delivery) -> str:
    """The same at every try, so that the other side can tell what it has heard already."""
    return delivery.message_id or f"msg_{keys.keyed('webhook-id', str(delivery.pk))[:16].hex()}"


def headers(delivery: Delivery, endpoint: Endpoint, body: str) -> dict[str, str]:
    """Who this is and that it is ours: one signature for each secret that holds."""
    now, name = datetime.now(UTC), webhook_id(delivery)
    signatures = [Webhook(secret).sign(name, now, body) for secret in secrets_of(endpoint, now)]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Vestibule",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def secrets_of(endpoint: Endpoint, now: datetime) -> list[str]:
    """The newest secret, and the one before it while its day lasts."""
    sealed = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > now:
        sealed.append(endpoint.old_secret)
    return [keys.unseal(bytes(each)) for each in sealed]


def body_of(event: Event, endpoint: Endpoint) -> dict[str, Any]:
    """The name of the fact, when it happened, and its ids; who it is about only where the endpoint may know that."""
    kind, _colon, number = event.subject.partition(":")
    said = event.data if endpoint.full_contact else {k: v for k, v in event.data.items() if k not in WORDS}
    ids = {kind: int(number) if number.isdigit() else number, "event": event.pk}
    contact = contact_of(kind, int(number)) if endpoint.full_contact and number.isdigit() else {}
    at = event.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"type": event.kind, "timestamp": at, "data": ids | said | contact}


def contact_of(kind: str, number: int) -> dict[str, Any]:
    """Who or what the fact is about, as the app that knows says it."""
    if kind not in registry.describers:
        return {}
    found = registry.describers[kind]([number]).get(number)
    return {"contact": found} if found else {}
