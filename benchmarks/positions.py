"""S3, S9: one exact live position, at several sizes, and by counting the people."""

import math
import random
from functools import partial

from django.db import connection

from benchmarks.databases import use
from benchmarks.rounds import interleaved, median, seconds
from benchmarks.scale import MILLION, TEN, Scale
from benchmarks.table import Line, number
from outbox import sql
from waitlist import queries, ranking
from waitlist.models import Entry

# The best that counting can do: two ranges of the order's own index, which holds all that is asked.
COUNT = """
SELECT (SELECT count(*) FROM waitlist_entry
        WHERE launch_id = %(launch)s AND status IN ('waiting', 'approved') AND held_at IS NULL AND priority > %(priority)s)
     + (SELECT count(*) FROM waitlist_entry
        WHERE launch_id = %(launch)s AND status IN ('waiting', 'approved') AND held_at IS NULL AND priority = %(priority)s
          AND place < %(place)s) AS ahead
"""
COUNTS = 9


def lines(scale: Scale) -> list[Line]:
    """Look-ups of people drawn at random, as everything above the database makes them."""
    works = {name: partial(look_up, name, scale) for name in scale.people}
    found = interleaved(scale.rounds, {**works, "count": partial(count, MILLION, scale)})
    times = {name: median([one for times in every for one in times]) * 1e6 for name, every in found.items()}
    return told(scale, times)


def some_people(name: str, scale: Scale, how_many: int) -> list[Entry]:
    use(name)
    ranking.fold_and_sweep()  # as the relay does
    places = random.sample(range(1, scale.people[name] + 1), how_many)
    return list(Entry.objects.filter(place__in=places, status="waiting", held_at=None))


def look_up(name: str, scale: Scale) -> list[float]:
    """Seconds of each look-up."""
    people = some_people(name, scale, min(scale.look_ups, scale.people[name]))
    for entry in people[:20]:
        queries.position_of(entry)
    found = [seconds(partial(queries.position_of, entry)) for entry in people]
    connection.close()
    return found


def count(name: str, scale: Scale) -> list[float]:
    """Seconds of each count, which must say the same."""
    found = []
    for entry in some_people(name, scale, COUNTS):
        asked = {"launch": entry.launch_id, "priority": entry.priority, "place": entry.place}
        found.append(seconds(partial(sql.one, COUNT, asked)))
        assert sql.one(COUNT, asked).ahead + 1 == queries.position_of(entry)
    connection.close()
    return found


def told(scale: Scale, times: dict[str, float]) -> list[Line]:
    grown, gained = times[MILLION] / times[TEN], times["count"] / times[MILLION]
    people = scale.people
    most = times[scale.largest] / times[TEN]
    allowed = math.log(people[scale.largest]) / math.log(people[TEN])
    raw = ", ".join(f"{people[name]:,}: {number(times[name])} µs" for name in people)
    return [
        Line("S3", f"position at {people[MILLION]:,} ÷ at {people[TEN]:,}", "≤ 1.3", number(grown), grown <= 1.3, raw),
        Line("S3", "counting ÷ position", "≥ 300", number(gained), gained >= 300, f"COUNT {number(times['count'])} µs"),
        Line(
            "S9",
            f"cost of a position, {people[scale.largest]:,} ÷ {people[TEN]:,}",
            f"≤ {number(allowed)}",
            number(most),
            most <= allowed,
            "",
        ),
    ]
