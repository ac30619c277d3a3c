"""The handler "job": a worker does chunk after chunk of a job for a moment, then lets what else is owed go first."""

import time
from collections.abc import Iterator, Sequence

from django.db import InterfaceError, OperationalError

from outbox import actions
from outbox.faults import Fault
from outbox.models import Delivery
from outbox.policy import End, described
from outbox.registry import Outcome, sender

SHIFT = 2.0  # seconds; mails leased in the same go wait as long


@sender("job")
def work(deliveries: Sequence[Delivery]) -> Iterator[Outcome]:
    """Each job for its shift. A lost database is waited for; any other error stops the job until staff have seen it."""
    for delivery in deliveries:
        if delivery.leased_until is None:
            continue
        pk = int(delivery.subject.partition(":")[2])
        with Fault() as fault:
            more = shift(pk)
        if fault.error is None:
            yield Outcome(delivery, End.LATER if more else End.DONE)
        elif isinstance(fault.error, OperationalError | InterfaceError):
            yield Outcome(delivery, End.UNREACHED, described(fault.error))
        else:
            actions.fail_job(pk, described(fault.error), by="system")
            yield Outcome(delivery)


def shift(pk: int) -> bool:
    """Works for a moment; whether more is left."""
    end = time.monotonic() + SHIFT
    while actions.step_job(pk):
        if time.monotonic() >= end:
            return True
    return False
