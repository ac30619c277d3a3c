"""What Celery runs for quality: a poke and nothing else; the rows decide."""

from celery import shared_task
from django.utils import timezone

from quality.actions import alerting, answering, gating, readings, refusals, tallying
from waitlist.models import Launch


@shared_task(name="quality.measure")
def measure() -> None:
    """Measures every launch that is open, and its gates decide about it at once."""
    for launch in Launch.objects.filter(enabled=True).order_by("pk"):
        readings.measure(launch)
        gating.decide(launch, by="system", now=timezone.now())


@shared_task(name="quality.decide")
def decide() -> None:
    """The gates of every launch decide about what was measured last: that it grew too old is a decision too."""
    for launch in Launch.objects.filter(gates__is_on=True).distinct().order_by("pk"):
        gating.decide(launch, by="system", now=timezone.now())


@shared_task(name="quality.watch")
def watch() -> None:
    """What a person should see is raised, counted or over; what is over is forgotten in time."""
    alerting.look_around(timezone.now(), by="system")
    while alerting.forget_old():
        pass


@shared_task(name="quality.tally")
def tally() -> None:
    """Counts what the console shows of every launch, as far as it is due; poked every minute."""
    for launch in Launch.objects.order_by("pk"):
        tallying.count_due(launch, timezone.now())


@shared_task(name="quality.purge_readings")
def purge_readings() -> None:
    """Deletes readings and decisions kept long enough, chunk by chunk."""
    while readings.purge_readings():
        pass
    while gating.purge_decisions(timezone.now()):
        pass


@shared_task(name="quality.purge_refusals")
def purge_refusals() -> None:
    """What the doors refused is deleted after some weeks, chunk by chunk."""
    while refusals.purge(timezone.now()):
        pass


@shared_task(name="quality.ask")
def ask() -> None:
    """Asks the members of every launch that has a question and whose day has come; poked once a day."""
    for launch in Launch.objects.exclude(question="").order_by("pk"):
        while answering.ask(launch, timezone.now(), by="beat"):
            pass
