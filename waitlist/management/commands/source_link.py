"""`manage.py source_link producthunt`: a public link that vouches for a source, printed alone on stdout."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from waitlist import queries, tokens
from waitlist.actions import vouching
from waitlist.durations import duration

LONGEST, MOST = 40, 1_000_000


class Command(BaseCommand):
    """Makes the link."""

    help = "Prints a link that vouches for a source, so that people who come by it get its points."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="such as producthunt or twitter")
        parser.add_argument("--expires-in", type=duration, default=timedelta(days=30), help="such as 30d (the default)")
        parser.add_argument("--cap", type=int, help="how many people it may vouch for; no limit by default")
        parser.add_argument("--launch", help="the slug of the launch; the first one by default")

    def handle(self, *args: Any, **options: Any) -> None:
        launch = queries.launch_named(options["launch"])
        if launch is None:
            raise CommandError("There is no launch of that name.")
        if not 1 <= len(options["source"].strip()) <= LONGEST:
            raise CommandError(f"The source takes 1 to {LONGEST} characters.", returncode=2)
        if options["cap"] is not None and not 1 <= options["cap"] <= MOST:
            raise CommandError(f"--cap takes 1 to {MOST}.", returncode=2)
        expires_at = timezone.now() + options["expires_in"]
        link = vouching.make_source_link(launch, options["source"], expires_at=expires_at, cap=options["cap"], by="cli")
        self.stdout.write(tokens.source_link(link, launch))
