"""S10, S11: a file of a hundred thousand people brought in among a million, and a million taken out, beside COPY of as many rows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from django.db import connection

from benchmarks.databases import open_one, use
from benchmarks.rounds import interleaved, median, ratio, seconds
from benchmarks.scale import MILLION, Scale
from benchmarks.stack import database_url
from benchmarks.table import Line, number
from outbox import relay
from outbox.exports import rows_of
from outbox.models import Delivery
from outbox.spreadsheets import lines_of
from waitlist.actions import uploading
from waitlist.handlers import shift
from waitlist.models import Entry, Launch
from waitlist.resources import EntryResource

MOST_SECONDS, MOST_MEGABYTES = 120, 200
COPY = """
COPY waitlist_entry (launch_id, status, place, contact_kind, contact, canonical, name, use_case, persona, referral_code) FROM STDIN
"""
COLUMNS = ["id", "contact", "name", "status", "priority", "created_at"]
numbers = count(1)


def lines(scale: Scale) -> list[Line]:
    """Files, copies and exports in turn; the memory is that of a process that does nothing else."""
    launch = use(MILLION)
    rows = scale.batch * 10
    works = {
        "copy": partial(copy, launch, rows),
        "bring": partial(seconds, partial(bring, launch, rows)),
        "take": partial(seconds, take_all),
        "copy out": partial(seconds, copy_out),
    }
    found = interleaved(max(1, scale.rounds // 2), works)
    people = Entry.objects.count()
    connection.close()
    memory, base = alone("bring", rows), alone("nothing", rows)
    bring_s, take_s = median(found["bring"]), median(found["take"])
    is_met = bring_s <= MOST_SECONDS and memory <= MOST_MEGABYTES
    of_copy = number(ratio(found["bring"], found["copy"]))
    raw = f"{number(bring_s)} s, {memory:.0f} MB at most ({base:.0f} MB before it begins); COPY {number(median(found['copy']))} s"
    out = f"{number(take_s)} s; COPY TO {number(median(found['copy out']))} s"
    taken = number(ratio(found["take"], found["copy out"]))
    return [
        Line("S10", f"bring in {rows:,} people ÷ COPY", "≤ 120 s, 200 MB", of_copy, is_met, raw),
        Line("S11", f"take out {people:,} people ÷ COPY TO", "", taken, None, out),
    ]


def table_of(rows: int) -> Iterator[bytes]:
    """A file as people bring it, a part at a time."""
    run = next(numbers)
    yield "Имя;Почта;Зачем\n".encode("cp1251")
    for start in range(0, rows, 1000):
        people = range(start, min(start + 1000, rows))
        text = "".join(f"Анна {n};anna{n}.{run}.{os.getpid()}@example{n % 97}.org;план для команды\n" for n in people)
        yield text.encode("cp1251")


def bring(launch: Launch, rows: int) -> None:
    """Uploads, looks at every row, lets it go, and has the job done; nothing is left out."""
    brought = uploading.Brought(launch, "entries", "join", "list.csv", 0, confirmed=True)
    upload = uploading.bring(brought, table_of(rows), by="staff:1")
    uploading.check(upload, by="staff:1")
    while shift(upload.pk, 4.0):
        pass
    job = uploading.start(upload, "a benchmark", by="staff:1")
    while Delivery.objects.filter(subject=f"job:{job.pk}", status="owed").exists():
        relay.drain(1)
    job.refresh_from_db()
    assert (job.status, job.changed) == ("done", rows), (job.status, job.changed, job.unchanged, job.error)
    uploading.forget([upload.pk], by="staff:1")


def copy(launch: Launch, rows: int) -> float:
    """Seconds of copying as many people into the same table, with its indexes, triggers and constraints."""
    run = next(numbers)
    line = "{0}\twaiting\t{1}\temail\tcopy{1}.{2}.{3}@example.org\tcopy{1}.{2}.{3}@example.org\tAnna\tplan\tother\tcopy{1}.{2}.{3}\n"
    text = "".join(line.format(launch.pk, n, run, os.getpid()) for n in range(rows))
    with open_one(MILLION) as database, database.cursor() as cursor:

        def write() -> None:
            with cursor.copy(COPY) as into:
                into.write(text)

        return seconds(write)


def take_all() -> None:
    """Everybody as CSV, streamed as the console does."""
    for _line in lines_of(rows_of(EntryResource(), Entry.objects.select_related(None), COLUMNS)):
        pass


def copy_out() -> None:
    """The same columns by COPY TO."""
    statement = f"COPY (SELECT {', '.join(COLUMNS)} FROM waitlist_entry ORDER BY id) TO STDOUT (FORMAT csv)"
    with open_one(MILLION) as database, database.cursor() as cursor, cursor.copy(statement.encode()) as out:
        for _part in out:
            pass


def alone(what: str, rows: int) -> float:
    """The most megabytes that a fresh process of ours had in memory while it did this."""
    code = f"import django; django.setup(); from benchmarks.imports import measured; measured({what!r}, {rows})"
    environ = {**os.environ, "DATABASE_URL": database_url(Path(os.environ["BENCH_FOLDER"]), MILLION)}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
    return float(said.split()[-1])


def measured(what: str, rows: int) -> None:
    """Does it, and prints the high-water mark of this process (Linux counts it in kilobytes)."""
    if what == "bring":
        bring(use(MILLION), rows)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(float(peak.split()[1]) / 1024)
