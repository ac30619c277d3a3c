"""`manage.py erase_again`: after a dump was restored, erases again who had been erased. `--list` prints what it needs for that."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from waitlist.actions.erasing import erase_again
from waitlist.models import Tombstone


class Command(BaseCommand):
    """Reads tombstones, one a line, from files or the standard input: the number of an entry and a keyed hash."""

    help = "Erases again who came back with a restored dump. Keep the output of --list apart from your dumps."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="what --list printed; left out, it is read from the standard input")
        parser.add_argument("--list", action="store_true", help="print who was erased: numbers and keyed hashes alone")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            for stone in Tombstone.objects.order_by("pk").iterator():
                self.stdout.write(f"{stone.entry_id} {bytes(stone.address_key).hex()}")
            return
        lines = Path(options["file"]).read_text().splitlines() if options["file"] else sys.stdin.read().splitlines()
        self.stdout.write(f"{erase_again(read(lines), by='cli')} erased again.")


def read(lines: Iterable[str]) -> list[tuple[int, bytes]]:
    """The tombstones in the lines."""
    try:
        return [(int(number), bytes.fromhex(key)) for number, key in (line.split() for line in lines if line.strip())]
    except ValueError as error:
        raise CommandError("A line is not what --list printed: the number of an entry and a hash.") from error
