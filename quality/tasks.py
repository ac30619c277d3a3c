"""What Celery runs for quality: a poke and nothing else; the rows decide."""

from celery import shared_task
from django.utils import timezone

from quality.actions import alerting, gating
from waitlist.models import Launch


@shared_task(name="quality.watch")
def watch() -> None:
    """What a person should see is raised, counted or over; what is over is forgotten in time."""
    alerting.look_around(timezone.now(), by="system")
    while alerting.forget_old():
        pass


@shared_task(name="quality.decide")
def decide() -> None:
    """The gates of every launch decide about what was measured last."""
    for launch in Launch.objects.filter(gates__is_on=True).distinct().order_by("pk"):
        gating.decide(launch, by="system", now=timezone.now())
