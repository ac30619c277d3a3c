#!/usr/bin/env python
"""The command line. What keeps a command from starting is said in a sentence, with exit code 1."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from config import embedded


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    database_given = os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE")
    if sys.argv[1:2] == ["run"] and not database_given:
        os.environ.setdefault("DEBUG", "true")
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, embedded.NotStarted) as error:
        sys.exit(str(error))
    except OperationalError as error:
        sys.exit(unreachable(error))


def unreachable(error: OperationalError) -> str:
    """Why the database did not answer, and what to do about it."""
    if settings.DATABASE_URL or embedded.database_runs(settings.DATA_DIR):
        return f"The database did not answer as it should: {error}"
    return (
        f"The embedded database in {settings.DATA_DIR} is not running. Start it with `make run` and leave that running "
        "while you use this command, or set DATABASE_URL to a PostgreSQL server."
    )


if __name__ == "__main__":
    main()
