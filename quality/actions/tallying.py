"""Counts what the console shows. A tally is its own record, as a reading is: no fact says it."""

import time
from collections.abc import Iterable
from datetime import datetime

from outbox.states import verb
from quality.models import Tally
from quality.queries.tallies import kept
from quality.tallying import TALLIES, is_cheap, is_due
from waitlist.models import Launch


def count_due(launch: Launch, now: datetime) -> list[str]:
    """Counts every tally that is due; a worker does this. Each is a transaction of its own: one may take a while."""
    found = kept(launch)
    due = [name for name in TALLIES if name not in found or is_due(found[name].at, found[name].seconds, now)]
    for name in due:
        count(launch, [name], now)
    return due


def count_cheap(launch: Launch, now: datetime) -> dict[str, Tally]:
    """The tallies for somebody who looks: what is due and took little is counted first, and so is what never was."""
    found = kept(launch)
    asked = [
        name
        for name in TALLIES
        if name not in found or (is_cheap(found[name].seconds) and is_due(found[name].at, found[name].seconds, now))
    ]
    return found | count(launch, asked, now) if asked else found


@verb
def count(launch: Launch, names: Iterable[str], now: datetime) -> dict[str, Tally]:
    """Counts these tallies, whenever they were counted last."""
    counted = []
    for name in names:
        began = time.perf_counter()
        counts = TALLIES[name](launch, now)
        counted.append(Tally(launch=launch, name=name, counts=counts, seconds=time.perf_counter() - began, at=now))
    Tally.objects.bulk_create(
        counted, update_conflicts=True, unique_fields=["launch", "name"], update_fields=["counts", "seconds", "at"]
    )
    return {one.name: one for one in counted}
