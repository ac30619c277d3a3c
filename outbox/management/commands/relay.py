"""`manage.py relay`: the loop that sees to it that what is owed is delivered."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from outbox import registry, relay
from outbox.loop import Loop


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C. Several may run; one works, the others stand by."""

    help = "Delivers what is owed: pokes the workers, or delivers in its own process where no worker can be reached."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="deliver here what is due now, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            for tick in registry.ticks:
                tick()
            self.stdout.write(f"{relay.drain()} settled")
            return
        stop = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda _signum, _frame: stop.set())
        Loop(stop).run()
