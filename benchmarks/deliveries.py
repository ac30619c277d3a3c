"""S7: owing something to each of many people and working through it, without what the sending itself would cost."""

import os
import time
from collections.abc import Mapping, Sequence

from django.db import connection

from benchmarks import cpu
from benchmarks.databases import make, use
from benchmarks.rounds import interleaved, median
from benchmarks.scale import SMALL, Scale
from benchmarks.table import Line, number
from outbox import relay
from outbox.actions import Owed, owe
from outbox.keys import address_key
from outbox.models import Delivery
from outbox.registry import handler

QUIET = "quiet"  # a database where nothing else is owed
CHUNK = 500


@handler("benchmark")
def take_note(deliveries: Sequence[Delivery]) -> Mapping[int, str]:
    """Nothing fails."""
    return {}


def lines(scale: Scale) -> list[Line]:
    """Rounds of publishing and draining; our CPU is the figure, PostgreSQL's stands beside it."""
    make(QUIET, scale.people[SMALL])
    use(QUIET)
    rounds = iter(range(scale.rounds + 1))
    work = {"": lambda: publish_and_drain(scale.batch, next(rounds))}
    interleaved(1, work)
    found = interleaved(scale.rounds, work)[""]
    connection.close()
    ours, database = (median([one[part] for one in found]) for part in (0, 1))
    raw = f"{scale.batch:,} recipients; PostgreSQL {number(database)} µs more"
    return [Line("S7", "publish and drain, CPU a recipient", "≤ 20 µs", f"{number(ours)} µs", ours <= 20, raw)]


def publish_and_drain(recipients: int, number_of_round: int) -> tuple[float, float]:
    """Microseconds of CPU a recipient: ours, and PostgreSQL's."""
    keys = [address_key("email", f"p{number_of_round}-{n}@example.com") for n in range(recipients)]
    postmaster = int(os.environ["BENCH_POSTMASTER"])
    before, database = time.process_time(), cpu.seconds(postmaster)
    for start in range(0, recipients, CHUNK):
        owe([owed(number_of_round, n, keys[n]) for n in range(start, min(start + CHUNK, recipients))])
    assert relay.drain(recipients) == recipients
    ours = time.process_time() - before
    return 1e6 * ours / recipients, 1e6 * (cpu.seconds(postmaster) - database) / recipients


def owed(number_of_round: int, n: int, key: bytes) -> Owed:
    return Owed("benchmark", "hello", f"entry:{n}", address_key=key, cap=None, dedupe=f"{number_of_round}:{n}")
