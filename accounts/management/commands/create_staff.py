"""Gives somebody a log-in to the console."""

import select
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions import create_staff
from accounts.scopes import ROLES
from outbox.errors import Refused

STDIN_SECONDS = 5  # an open stdin that nobody writes to must not hang the command


def password_given() -> str | None:
    """The first line of stdin, when something is piped in."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return None
    ready, _, _ = select.select([sys.stdin], [], [], STDIN_SECONDS)
    return sys.stdin.readline().rstrip("\r\n") or None if ready else None


class Command(BaseCommand):
    """Exit 0 done, 1 refused, 2 wrong usage."""

    help = "Make a staff user. The password is read from stdin; without one it is made and printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        """The address and the role."""
        parser.add_argument("--email", required=True)
        parser.add_argument("--role", required=True, choices=list(ROLES))

    def handle(self, *args: Any, **options: Any) -> None:
        """Makes the user."""
        try:
            user, made = create_staff(options["email"], options["role"], password_given(), by="cli")
        except Refused as error:
            raise CommandError(error.detail, returncode=1) from error
        self.stderr.write(f"{user.email} may open the console as {options['role']}.", self.style.SUCCESS)
        if made:
            self.stdout.write(made)
