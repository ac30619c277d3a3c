"""A real Celery worker does what the relay pokes it for, on the same database."""

from collections.abc import Callable
from typing import Any

from outbox import tasks
from outbox.models import Delivery
from tests import cast
from waitlist.models import Launch


def test_a_poked_worker_sends_what_is_owed(launch: Launch, worker: None, until: Callable[..., Any]) -> None:
    cast.joins(launch, "ada")
    tasks.poke()
    until(lambda: Delivery.objects.filter(name="confirm", status="done").exists())
