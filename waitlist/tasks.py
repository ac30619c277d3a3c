"""Celery's way to the verbs of the queue."""

from celery import shared_task
from django.utils import timezone

from waitlist.actions import turning


@shared_task(name="waitlist.end_turns", ignore_result=True)
def end_turns() -> None:
    """Takes back what was turned for a time that is over."""
    turning.end_due(timezone.now())
