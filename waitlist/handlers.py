"""The handler "upload": a worker looks at a file's rows for a moment, then lets what else is owed go first."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice

from django.db import InterfaceError, OperationalError

from outbox.faults import Fault
from outbox.models import Delivery
from outbox.policy import End, described
from outbox.reading import Unreadable
from outbox.registry import Outcome, sender
from outbox.states import StaleState
from waitlist import uploads
from waitlist.actions import uploading
from waitlist.models import Upload

SHIFT = 4.0  # seconds; each begins to read the file from its top


@sender("upload")
def look(deliveries: Sequence[Delivery]) -> Iterator[Outcome]:
    """Each file for its shift. Any error but a lost database ends the dry run, and its page says so."""
    for delivery in deliveries:
        if delivery.leased_until is None:
            continue
        pk = int(delivery.subject.partition(":")[2])
        with Fault() as fault:
            more = shift(pk, SHIFT)
        if fault.error is None:
            yield Outcome(delivery, End.LATER if more else End.DONE)
        elif isinstance(fault.error, OperationalError | InterfaceError):
            yield Outcome(delivery, End.UNREACHED, described(fault.error))
        else:
            uploading.break_off(pk, described(fault.error), by="system")
            yield Outcome(delivery)


def shift(pk: int, seconds: float) -> bool:
    """Looks at the rows that nobody looked at yet, for so long; whether more are left."""
    upload = Upload.objects.select_related("launch").filter(pk=pk, status="checking").first()
    if upload is None:
        return False
    end, rows = time.monotonic() + seconds, islice(uploads.rows_of(upload), upload.looked, None)
    try:
        while chunk := list(islice(rows, uploads.CHUNK)):
            uploading.keep_lines(upload, chunk)
            if time.monotonic() >= end:
                return True
    except StaleState:
        return Upload.objects.filter(pk=pk, status="checking").exists()  # somebody looks at it, who may stop
    except Unreadable as error:
        uploading.end_check(upload, error, by=upload.by)
    else:
        uploading.end_check(upload, by=upload.by)
    return False
