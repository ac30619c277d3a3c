"""`manage.py import_entries FILE.csv`: people from an older list, through the same verb as every join."""

import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from outbox.callers import NOWHERE
from outbox.errors import Refused
from waitlist import queries
from waitlist.actions import joining
from waitlist.channels import read
from waitlist.resources import SILENT, silent_in

LARGEST = 64 * 1024 * 1024
COLUMNS = ("name", "use_case", "persona", "source", "locale", "referral_code")


class Command(BaseCommand):
    """Reads the file row by row; the same file twice adds nobody."""

    help = "Puts the people of a CSV file (UTF-8, a header with email or phone) on the list; they confirm by mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--launch", help="the slug of the launch; the first one by default")

    def handle(self, *args: Any, **options: Any) -> None:
        rules = queries.rules_of(options["launch"])
        if rules is None:
            raise CommandError("There is no launch of that name.")
        added = known = wrong = 0
        for line, row in rows_of(options["file"]):
            try:
                joined = joining.join(rules, wished(application_in(row)), by="import", origin=NOWHERE)
            except ValueError as error:
                wrong += 1
                self.stderr.write(f"line {line}: {error}")
            except Refused as refused:
                raise CommandError("This launch takes nobody onto its list now; open it first.") from refused
            else:
                added, known = added + joined.fresh, known + (not joined.fresh)
        self.stdout.write(f"{added} added, {known} on the list before, {wrong} lines could not be read.")


def rows_of(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with their line numbers; a plain error for a file that is not what it should be."""
    try:
        if path.stat().st_size > LARGEST:
            raise CommandError("The file is over 64 MiB; split it.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"email", "phone"} & set(reader.fieldnames or ()):
                raise CommandError("The first line must name the columns, one of them email or phone.")
            for row in reader:
                yield reader.line_num, {name: text_in(row, name) for name in row if isinstance(name, str)}
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The file cannot be read as UTF-8 text: {error}") from error


def text_in(row: dict[str, Any], name: str) -> str:
    """One field of a row; a line that is too short has none."""
    return (row[name] or "").strip()


def wished(one: joining.Application) -> joining.Application:
    """The same; ValueError where its owner was erased, or wants no mail: a confirmation is written only to who typed an address."""
    if silent_in([{"kind": one.contact.kind, "canonical": one.contact.canonical}]):
        raise ValueError(SILENT)
    return one


def application_in(row: dict[str, str]) -> joining.Application:
    """What a row says; ValueError when its contact is none."""
    if any("\0" in value for value in row.values()):
        raise ValueError("the line holds the character NUL")
    said: dict[str, Any] = {name: row[name][:2000] for name in COLUMNS if row.get(name)}
    kind = "phone" if row.get("phone") and not row.get("email") else "email"
    contact = read(kind, row.get(kind, ""))
    return joining.Application(contact=contact, vouched="source" in said, **{"source": "manual"} | said)
