"""What Celery runs for quality: a poke and nothing else; the rows decide."""

from celery import shared_task

from quality.actions import readings
from waitlist.models import Launch


@shared_task(name="quality.measure")
def measure() -> None:
    """Measures every launch that is open."""
    for launch in Launch.objects.filter(enabled=True).order_by("pk"):
        readings.measure(launch)


@shared_task(name="quality.purge_readings")
def purge_readings() -> None:
    """Deletes readings kept long enough, chunk by chunk."""
    while readings.purge_readings():
        pass
