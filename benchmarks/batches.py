"""S5, S6: inviting the next ten thousand of a million, and making ten thousand codes, against COPY of as many codes."""

import secrets
from datetime import timedelta
from functools import partial

from django.db import connection
from django.utils import timezone

from benchmarks.databases import open_one, use
from benchmarks.rounds import interleaved, median, ratio, seconds
from benchmarks.scale import MILLION, Scale
from benchmarks.table import Line, number
from invites.actions import making, releasing

COPY = """
COPY invites_code (launch_id, kind, digest, last4, format, prefix, key_version, max_uses, expires_at, by) FROM STDIN
"""


def lines(scale: Scale) -> list[Line]:
    """Batches, runs of codes and copies in turn."""
    launch = use(MILLION)
    expires_at = timezone.now() + timedelta(days=60)
    spec = making.Spec(scale.batch, expires_at)
    works = {
        "copy": partial(copy, scale.batch, expires_at.isoformat()),
        "release": partial(seconds, partial(releasing.release, launch, scale.batch, by="cron")),
        "make": partial(seconds, partial(making.make, launch, spec, run_id=None, by="system")),
    }
    interleaved(1, works)
    found = interleaved(scale.rounds, works)
    connection.close()
    s5, s6 = ratio(found["release"], found["copy"]), ratio(found["make"], found["copy"])
    people, copied = f"{scale.batch:,} of {scale.people[MILLION]:,}", f"COPY {number(median(found['copy']))} s"
    released, made = f"{number(median(found['release']))} s; {copied}", f"{number(median(found['make']))} s; {copied}"
    return [
        Line("S5", f"invite {people} ÷ COPY of as many codes", "≤ 6", number(s5), s5 <= 6, released),
        Line("S6", f"make {scale.batch:,} codes ÷ COPY", "≤ 1.7", number(s6), s6 <= 1.7, made),
    ]


def copy(count: int, expires_at: str) -> float:
    """Seconds of copying random codes into the table that ours go to, with its indexes and constraints."""
    line = "1\tbulk\t\\\\x{}\tABCD\tstandard\tVES-\t1\t1\t{}\tsystem\n"
    rows = "".join(line.format(secrets.token_hex(32), expires_at) for _n in range(count))
    with open_one(MILLION) as database, database.cursor() as cursor:

        def write() -> None:
            with cursor.copy(COPY) as into:
                into.write(rows)

        return seconds(write)
