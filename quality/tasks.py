"""What Celery runs for quality: a poke and nothing else; the rows decide."""

from celery import shared_task
from django.utils import timezone

from quality.actions import alerting


@shared_task(name="quality.watch")
def watch() -> None:
    """What a person should see is raised, counted or over; what is over is forgotten in time."""
    alerting.look_around(timezone.now(), by="system")
    while alerting.forget_old():
        pass
