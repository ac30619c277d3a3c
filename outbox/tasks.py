"""Celery shells: they say when to look; the rows say what to do. So a lost task loses nothing and a doubled one does no harm."""

import contextlib

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerLost

from outbox import actions, relay
from outbox.queries import oldest_due

SHIFT = 8.0  # seconds of one task, so that a worker that is asked to stop has stopped within ten
EXPIRES = 15  # seconds after which a poke that nobody took is forgotten: another one follows


@shared_task
def deliver() -> None:
    """Works through what is due; hands on to a fresh task when more is left."""
    relay.drain(seconds=SHIFT)
    if oldest_due() is not None:
        with contextlib.suppress(BrokerLost):  # the relay sees what is left
            poke()


def poke() -> None:
    """Asks a worker to look now. Raises when the broker cannot be reached, after seconds rather than minutes."""
    deliver.apply_async(expires=EXPIRES, retry=False)


@shared_task
def purge() -> None:
    """Deletes what is kept for a while only, chunk by chunk."""
    while actions.purge():
        pass
