"""What the doors refused: noted in one row for each rule, key, result and minute, and deleted after some weeks."""

import threading
from collections import Counter
from datetime import datetime, timedelta

from outbox import sql
from outbox.keys import keyed
from outbox.states import verb
from quality.models import Refusal

KEPT = timedelta(days=90)
CHUNK = 5_000
ROUNDS = 3
Spot = tuple[str, str, str]  # rule, key and result: with the minute, one row

NOTE = """
INSERT INTO quality_refusal AS kept (rule, key, result, minute, count, "limit", network, times, last_at)
VALUES (%(rule)s, %(key)s, %(result)s, date_trunc('minute', clock_timestamp()), %(count)s, %(limit)s,
        %(network)s::inet, %(times)s, clock_timestamp())
ON CONFLICT (rule, key, result, minute) DO UPDATE
SET times = kept.times + excluded.times, count = greatest(kept.count, excluded.count), last_at = excluded.last_at
"""


class Tally:
    """What waits for the row that this process is writing: a flood from one key stands in no queue for that row's lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.writing: set[Spot] = set()
        self.waiting: Counter[Spot] = Counter()

    def take(self, spot: Spot) -> int:
        """How many there are to write, this one among them; 0 when somebody is writing, who takes it along."""
        with self.lock:
            if spot in self.writing:
                self.waiting[spot] += 1
                return 0
            self.writing.add(spot)
            return 1 + self.waiting.pop(spot, 0)

    def came_meanwhile(self, spot: Spot) -> int:
        """How many have come since; where there are none, the next one writes again."""
        with self.lock:
            more = self.waiting.pop(spot, 0)
            if not more:
                self.writing.discard(spot)
            return more

    def leave(self, spot: Spot) -> None:
        """The next one writes what is left."""
        with self.lock:
            self.writing.discard(spot)


tally = Tally()


def hashed(counted: str) -> str:
    """What was counted, as the row's key: nobody who has the table alone can try addresses against it."""
    return keyed("refusal", counted).hex()


def note(
    rule: str, counted: str, result: Refusal.Result, *, count: int = 1, limit: int = 0, network: str | None = None
) -> None:
    """Keeps that a door said no, or looked as if it had not. Raises what a lost database raises: the door decides what then."""
    spot = (rule, hashed(counted), str(result))
    times = tally.take(spot)
    try:
        for _round in range(ROUNDS):
            if not times:
                return
            _write(spot, times, count, limit, network)
            times = tally.came_meanwhile(spot)
    finally:
        tally.leave(spot)


@verb
def _write(spot: Spot, times: int, count: int, limit: int, network: str | None) -> None:
    rule, key, result = spot
    params = {"rule": rule, "key": key, "result": result, "times": times, "count": count, "limit": limit}
    sql.rows(NOTE, params | {"network": network})


@verb
def purge(now: datetime) -> int:
    """Deletes a chunk of what is kept long enough; how many rows."""
    old = Refusal.objects.filter(minute__lt=now - KEPT).values("pk")[:CHUNK]
    return Refusal.objects.filter(pk__in=old).delete()[0]
