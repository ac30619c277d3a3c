"""`manage.py generate_codes`: codes by hand and by the thousand, to stdout or a CSV file."""

import os
import re
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from invites import codes, queries, sheets
from invites.actions import making
from invites.api import CAMPAIGN, KINDS
from invites.models import CodeRun
from outbox.errors import Refused
from waitlist.channels import read
from waitlist.durations import duration
from waitlist.models import Launch
from waitlist.queries import launch_named

MOST = 1_000_000


class Command(BaseCommand):
    """Makes the codes in one transaction, then writes them out."""

    help = "Makes invite codes and prints them, or writes them to a CSV file that only its owner can read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=1)
        parser.add_argument("--campaign", default="")
        parser.add_argument("--channel", default="")
        parser.add_argument("--kind", choices=KINDS, default="bulk")
        parser.add_argument("--format", choices=list(codes.FORMATS))
        parser.add_argument("--max-uses", type=int, default=1)
        parser.add_argument("--tier", default="standard")
        parser.add_argument("--expires-in", type=duration, help="such as 60d; the launch's lifetime by default")
        parser.add_argument("--bind-email", default="")
        parser.add_argument("--batch-id", default="", help="the same batch again prints the same codes")
        parser.add_argument("--csv", type=Path, help="where to write code, expires_at and link; stdout by default")
        parser.add_argument("--launch", help="the slug of the launch; the first one by default")

    def handle(self, *args: Any, **options: Any) -> None:
        launch = launch_named(options["launch"])
        if launch is None:
            raise CommandError("There is no launch of that name.")
        try:
            run, fresh = making.generate(launch, spec_of(launch, options), by="cli")
        except Refused as refused:
            raise CommandError(refused.detail or refused.reason) from refused
        if options["csv"]:
            self.write_csv(run, options["csv"])
            said = "made" if fresh else "found again"
            self.stdout.write(
                f"{options['count']} codes {said} (batch_id {run.batch_id}), written to {options['csv']}."
            )
        else:
            for text in queries.run_texts(run.pk):
                self.stdout.write(text)

    def write_csv(self, run: CodeRun, path: Path) -> None:
        """Codes are secrets: the file is readable by its owner alone."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise CommandError(
                f"The codes are made (batch_id {run.batch_id}), but the file cannot be written: {error}"
            ) from error
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
            file.writelines(sheets.csv_lines(run))


def spec_of(launch: Launch, options: dict[str, Any]) -> making.Spec:
    """What was asked for; CommandError (exit 2) for what makes no sense."""
    if not (1 <= options["count"] <= MOST and 1 <= options["max_uses"] <= MOST):
        raise CommandError(f"--count and --max-uses take 1 to {MOST}.", returncode=2)
    if options["campaign"] and not re.fullmatch(CAMPAIGN, options["campaign"]):
        raise CommandError("--campaign takes letters, digits, - and _ only.", returncode=2)
    if "{campaign}" in codes.FORMATS[options["format"] or "standard"].prefix and not options["campaign"]:
        raise CommandError("This --format begins with the campaign: name one with --campaign.", returncode=2)
    try:
        bind = read("email", options["bind_email"]) if options["bind_email"] else None
    except ValueError as error:
        raise CommandError(str(error), returncode=2) from error
    return making.Spec(
        count=options["count"],
        expires_at=timezone.now() + (options["expires_in"] or timedelta(days=launch.code_days)),
        batch_id=options["batch_id"] or uuid4().hex,
        kind=options["kind"],
        campaign=options["campaign"],
        channel=options["channel"],
        format=options["format"] or ("campaign" if options["campaign"] else launch.code_format),
        max_uses=options["max_uses"],
        tier=options["tier"],
        bind=bind,
    )
