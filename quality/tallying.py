"""What a tally is: a named count over a launch that the console shows, and the registry of them.

Everything is counted anew each time, by a few statements that read each table once: so no figure can drift from the rows,
old days included, and nothing has to be kept in step by every verb. What keeps it cheap is how often: a tally that took
long is counted seldom. In a small house it takes milliseconds and is as good as live; at a million people it takes a
second or two, in a worker, every few minutes.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from waitlist.models import Launch

SHARE = 100  # counting takes at most one second of so many
FRESH = timedelta(seconds=5)  # and is not done again sooner
CHEAP_SECONDS = 0.05  # what may be counted while somebody waits for the page

Count = Callable[[Launch, datetime], dict[str, Any]]
TALLIES: dict[str, Count] = {}


def tally(count: Count) -> Count:
    """Decorator: this function counts what the console shows. Its name is the name of the row, its answer is JSON."""
    TALLIES[count.__name__] = count
    return count


def is_due(at: datetime, seconds: float, now: datetime) -> bool:
    """Whether what was counted then, and took so long, is to be counted again."""
    return now - at >= max(FRESH, timedelta(seconds=SHARE * seconds))


def is_cheap(seconds: float) -> bool:
    """Whether a page may wait for the counting."""
    return seconds <= CHEAP_SECONDS
