"""`manage.py rebuild_positions`: makes the counters of the queue anew from the entries."""

from typing import Any

from django.core.management import BaseCommand

from waitlist import ranking


class Command(BaseCommand):
    """Rebuilds them; joins wait meanwhile (about 1.3 s a million people)."""

    help = "Makes the counters behind everybody's position anew from the entries."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{ranking.rebuild()} counters made anew.")
