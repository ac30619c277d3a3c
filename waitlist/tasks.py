"""What Celery runs for the queue: a poke and nothing else."""

from celery import shared_task
from django.utils import timezone

from waitlist.actions import uploading


@shared_task(name="waitlist.purge_uploads")
def purge_uploads() -> None:
    """Files that somebody brought are forgotten after a day."""
    uploading.purge_uploads(timezone.now())
