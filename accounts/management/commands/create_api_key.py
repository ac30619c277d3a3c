"""Makes an API key and prints it, alone, on stdout."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.actions import create_api_key
from accounts.scopes import SCOPES
from outbox.errors import Refused


class Command(BaseCommand):
    """Exit 0 done, 1 refused, 2 wrong usage (an unknown scope lists those there are)."""

    help = "Make an API key. It is printed once, on stdout, and kept only as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        """The key's name, its scopes and how long it lives."""
        parser.add_argument("--name", required=True, help="what you will know the key by")
        parser.add_argument(
            "--scope",
            required=True,
            nargs="+",
            action="extend",
            choices=list(SCOPES),
            metavar="SCOPE",
            help=", ".join(SCOPES),
        )
        parser.add_argument("--expires-in-days", type=int, help="the key dies by itself after so many days")

    def handle(self, *args: Any, **options: Any) -> None:
        """Makes the key."""
        days = options.get("expires_in_days")
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        try:
            _key, secret = create_api_key(options["name"], options["scope"], by="cli", expires_at=expires_at)
        except Refused as error:
            raise CommandError(error.detail, returncode=1) from error
        self.stdout.write(secret)
