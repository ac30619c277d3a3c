"""`manage.py check_invariants`: exit 0 when everything that must be true is, else 1 and a line for each that is not."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from config.invariants import INVARIANTS, broken


class Command(BaseCommand):
    """Asks the database."""

    help = "Checks what must be true of the rows; exit 1 and a line for each broken one."

    def handle(self, *args: Any, **options: Any) -> None:
        lines = broken()
        if lines:
            raise CommandError("\n".join(lines))
        self.stdout.write(f"All {len(INVARIANTS)} invariants hold.")
