"""What is kept no longer."""

from datetime import datetime, timedelta

from outbox.states import verb
from waitlist.models import Launch, Trace


@verb
def purge_traces(now: datetime) -> int:
    """Deletes network and browser of joins older than each launch keeps them; how many rows."""
    gone = 0
    for launch in Launch.objects.all():
        old = Trace.objects.filter(launch=launch, at__lt=now - timedelta(days=launch.trace_days))
        gone += old.delete()[0]
    return gone
