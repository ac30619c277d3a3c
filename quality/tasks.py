"""What Celery runs for quality: a poke and nothing else; the rows decide."""

from celery import shared_task
from django.utils import timezone

from quality.actions import refusals


@shared_task(name="quality.purge_refusals")
def purge_refusals() -> None:
    """What the doors refused is deleted after some weeks, chunk by chunk."""
    while refusals.purge(timezone.now()):
        pass
