"""What Celery runs for quality: a poke and nothing else; the rows decide."""

from celery import shared_task
from django.utils import timezone

from quality.actions import answering
from waitlist.models import Launch


@shared_task(name="quality.ask")
def ask() -> None:
    """Asks the members of every launch that has a question and whose day has come; poked once a day."""
    for launch in Launch.objects.exclude(question="").order_by("pk"):
        while answering.ask(launch, timezone.now(), by="beat"):
            pass
