"""What is kept no longer."""

from datetime import datetime, timedelta

from outbox.facts import Said
from outbox.states import verb
from waitlist import signals
from waitlist.models import Launch, Trace


@verb
def note_takeout(entry_id: int, rows: int, *, by: str) -> None:
    """Keeps in the trail that somebody took all that is kept about a person out of the house."""
    signals.entry_taken_out.announce([Said(f"entry:{entry_id}", {"rows": rows})], by=by)


@verb
def purge_traces(now: datetime) -> int:
    """Deletes network and browser of joins older than each launch keeps them; how many rows."""
    gone = 0
    for launch in Launch.objects.all():
        old = Trace.objects.filter(launch=launch, at__lt=now - timedelta(days=launch.trace_days))
        gone += old.delete()[0]
    return gone
