"""`manage.py replay_assessments`: what today's rules say of the evidence kept, beside what the rules said then."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from quality.queries.assessments import reassessed
from waitlist.queries import launch_named

LONGEST_DAYS = 3650
SHOWN = 20


class Command(BaseCommand):
    """Changes nothing: it shows whom a change of the rules would have held or let go."""

    help = "Replays the kept evidence with today's rules and thresholds, and says whose verdict would be another. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How far back, and on which launch."""
        parser.add_argument("--days", type=int, default=30, metavar="N", help="how far back; 30 by default")
        parser.add_argument("--launch", help="the slug of the launch; the first one by default")

    def handle(self, *args: Any, **options: Any) -> None:
        """Counts the pairs of verdicts and names the first people who would change."""
        launch = launch_named(options["launch"])
        if launch is None:
            raise CommandError("There is no launch of that name.")
        if not 1 <= options["days"] <= LONGEST_DAYS:
            raise CommandError(f"--days takes a whole number from 1 to {LONGEST_DAYS}.", returncode=2)
        changed = 0
        counts: dict[tuple[str, str], int] = {}
        for assessment, finding in reassessed(launch, timezone.now() - timedelta(days=options["days"])):
            pair = (str(assessment.verdict), finding.verdict)
            counts[pair] = counts.get(pair, 0) + 1
            changed += pair[0] != pair[1]
            if pair[0] != pair[1] and changed <= SHOWN:
                self.stdout.write(
                    f"entry {assessment.entry_id}: {pair[0]} → {pair[1]} ({', '.join(finding.rules) or 'no rule'})"
                )
        for (then, now), count in sorted(counts.items()):
            self.stdout.write(f"{then:>7} → {now:<7} {count}")
        self.stdout.write(f"{changed} of {sum(counts.values())} would be judged otherwise.")
