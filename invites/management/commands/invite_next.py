"""`manage.py invite_next`: what cron runs once a day. The row of the day decides how many; running it twice is harmless."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from invites import policy
from invites.actions import releasing
from outbox.errors import Refused
from waitlist import queries

MOST = 1_000_000


class Command(BaseCommand):
    """Invites the next people in order."""

    help = "Invites the next eligible people of a launch, within its daily quota, on its release days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, help="at most so many; what the day still allows by default")
        parser.add_argument("--launch", help="the slug of the launch; the first one by default")

    def handle(self, *args: Any, **options: Any) -> None:
        launch = queries.launch_named(options["launch"])
        if launch is None:
            raise CommandError("There is no launch of that name.")
        if options["count"] is not None and not 1 <= options["count"] <= MOST:
            raise CommandError(f"--count takes a whole number from 1 to {MOST}.", returncode=2)
        today = queries.local_date(launch, timezone.now())
        if options["count"] is None and not policy.is_release_day(launch.release_days, today.isoweekday()):
            self.stdout.write("0 invited: today is not one of the launch's release days.")
            return
        try:
            batch = releasing.release(launch, options["count"], by="cron")
        except Refused as refused:
            if refused.reason == "pace_waits":
                self.stdout.write(f"0 invited: {refused.detail}")
                return
            closed = "This launch is closed or has no waitlist; open it in the console first."
            raise CommandError(refused.detail or closed) from refused
        today_so_far = f"{queries.granted_on(launch, today)} of {launch.daily_quota} today"
        self.stdout.write(f"{batch.released} invited (batch {batch.pk}, {today_so_far}).")
