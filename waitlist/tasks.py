"""What Celery runs for the queue: a poke and nothing else."""

from celery import shared_task
from django.utils import timezone

from waitlist.actions import turning, uploading


@shared_task(name="waitlist.purge_uploads")
def purge_uploads() -> None:
    """Files that somebody brought are forgotten after a day."""
    uploading.purge_uploads(timezone.now())


@shared_task(name="waitlist.end_turns", ignore_result=True)
def end_turns() -> None:
    """Takes back what was turned for a time that is over."""
    turning.end_due(timezone.now())
