"""Durations as people type them on a command line: 60d, 12h, 30m."""

import re
from argparse import ArgumentTypeError
from datetime import timedelta

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """The duration; an argparse error says how to write one."""
    found = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip().lower())
    if not found or not int(found[1]):
        raise ArgumentTypeError(f"{text!r} is no duration; write it like 60d, 12h or 30m")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
