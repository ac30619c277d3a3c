"""What a worker does for quality: look again at the people around one who was caught."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.utils import timezone

from outbox.faults import Fault
from outbox.models import Delivery
from outbox.policy import End, described
from outbox.registry import Outcome, sender
from quality.actions import assessing

SHARE = 5.0  # seconds that second looks may take of a batch; the rest waits, so that a flood of caught joins holds up no mail
REST = timedelta(seconds=10)


@sender("look_again")
def look_again(deliveries: Sequence[Delivery]) -> Iterator[Outcome]:
    """One transaction for each caught person. It tolerates being run twice."""
    end = time.monotonic() + SHARE
    for delivery in deliveries:
        if delivery.leased_until is not None:
            yield looked(delivery) if time.monotonic() < end else later(delivery)


def looked(delivery: Delivery) -> Outcome:
    """Looks, and says how it went."""
    with Fault() as fault:
        assessing.look_again(int(delivery.subject.partition(":")[2]))
    return Outcome(delivery) if fault.error is None else Outcome(delivery, End.FAILED, described(fault.error))


def later(delivery: Delivery) -> Outcome:
    """Not in this batch."""
    return Outcome(delivery, End.LATER, until=timezone.now() + REST)
