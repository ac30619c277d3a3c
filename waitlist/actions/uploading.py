"""A file of rows is brought, looked at, let go, and forgotten: what it says acts through the verbs of its kind alone."""

import codecs
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from outbox import reading, sql
from outbox.actions import Owed, owe, start_job
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import seal, seal_bytes
from outbox.models import Job
from outbox.policy import masked
from outbox.states import StaleState, move, move_one, verb
from waitlist import hot, signals, uploads
from waitlist.models import Launch, Upload, UploadBlock, UploadLine
from waitlist.uploads import BLOCK, Finding, Line, kinds

KEPT = timedelta(days=1)
HEAD_START = timedelta(seconds=3)  # of who asked for a dry run: most files are looked at before a worker comes


@dataclass(frozen=True, slots=True)
class Brought:
    """What somebody brings: rows of which kind, for which launch, and what is to be done with them."""

    launch: Launch
    kind: str
    act: str
    name: str
    size: int
    confirmed: bool = False


@verb
def bring(brought: Brought, parts: Iterable[bytes], *, by: str) -> Upload:
    """Keeps the file, sealed, and reads its top. Raises Unreadable, with what to do next, for what is no table."""
    upload = Upload.objects.create(
        launch=brought.launch,
        kind=brought.kind,
        act=brought.act,
        confirmed=brought.confirmed,
        name=masked(brought.name[-100:]),
        size=brought.size,
        rows=0,
        encoding="utf-8-sig",
        delimiter=",",
        by=by,
    )
    sample, is_utf8, rows = _keep_blocks(upload, parts)
    if rows > reading.MOST_ROWS:
        raise reading.Unreadable(MANY, n=rows, most=reading.MOST_ROWS)
    upload.encoding, upload.rows = reading.encoding_of(sample, is_utf8=is_utf8), rows
    decoder = codecs.getincrementaldecoder(upload.encoding)(errors="replace")
    upload.delimiter = reading.delimiter_of(decoder.decode(sample).removeprefix("\ufeff"))
    _map(upload)
    upload.save()
    data = {"kind": upload.kind, "act": upload.act, "bytes": upload.size, "launch": upload.launch_id}
    signals.upload_brought.announce([Said(f"upload:{upload.pk}", data)], by=by)
    return upload


BROKEN = gettext_noop(
    "Looking at the file met an error: %(error)s. Try again; should it come back, tell who runs this."
)
MANY = gettext_noop(
    "The file has %(n)d lines; at most %(most)d are taken at once. Split it, and bring one part after the other."
)


def _keep_blocks(upload: Upload, parts: Iterable[bytes]) -> tuple[bytes, bool, int]:
    """(The first bytes, whether all of it is UTF-8, about how many lines)."""
    sample, is_utf8, newlines, returns = b"", True, 0, 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    for part in parts:
        if not sample:
            reading.refuse_what_is_no_text(part)
        sample += part[: reading.SAMPLE - len(sample)]
        newlines, returns = newlines + part.count(b"\n"), returns + part.count(b"\r")
        is_utf8 = is_utf8 and _decodes(decoder, part)
        blocks = [part[start : start + BLOCK] for start in range(0, len(part), BLOCK)]
        UploadBlock.objects.bulk_create(UploadBlock(upload=upload, sealed=seal_bytes(block)) for block in blocks)
    if not sample:
        reading.refuse_what_is_no_text(b"")
    return sample, is_utf8 and _decodes(decoder, b"", final=True), newlines or returns


def _decodes(decoder: Any, part: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(part, final)
    except UnicodeDecodeError:
        return False
    return True


def _map(upload: Upload) -> None:
    """Finds our columns by the headings. A first row that names none of what is needed, and holds an address, is no heading."""
    kind = kinds[upload.kind]
    try:
        rows = uploads.first_rows(upload)
    except reading.Unreadable as error:
        upload.why, upload.told = error.why, error.told
        return
    heads = rows[0] if rows else []
    upload.mapping = uploads.mapping_of(kind, upload.act, heads)
    upload.headings = bool(upload.mapping) or not any("@" in cell for cell in heads)


@verb
def read_anew(upload: Upload, read: dict[str, Any], *, by: str) -> Upload:
    """A person says how the file is to be read (encoding, delimiter, headings, mapping, act): nothing was looked at yet."""
    row = Upload.objects.select_for_update(no_key=True).get(pk=upload.pk)
    if row.status != Upload.Status.ASKING:
        move_one(Upload.objects.filter(pk=row.pk), to="asking")
    UploadLine.objects.filter(upload=row).delete()
    Upload.objects.filter(pk=row.pk).update(looked=0, why="", told={}, **read)
    signals.upload_read.announce([Said(f"upload:{row.pk}", {"encoding": read.get("encoding", row.encoding)})], by=by)
    row.refresh_from_db()
    return row


@verb
def guess_columns(upload: Upload) -> Upload:
    """Finds our columns anew, after the file is read in another way."""
    _map(upload)
    upload.save(update_fields=["mapping", "headings", "why", "told"])
    return upload


@verb
def check(upload: Upload, *, by: str) -> None:
    """Has the dry run begin; a worker goes on where the caller stops. Raises StaleState when it runs, ended or cannot begin."""
    move_one(Upload.objects.filter(pk=upload.pk, looked=0), to="checking", why="", told={})
    signals.upload_checking.announce([Said(f"upload:{upload.pk}")], by=by)
    owe([Owed("upload", "upload", f"upload:{upload.pk}", due_at=timezone.now() + HEAD_START)])


@verb
def keep_lines(upload: Upload, rows: Sequence[tuple[int, list[str]]]) -> None:
    """Looks at the next rows and keeps what would come of each. Raises StaleState when somebody was faster."""
    looked = Upload.objects.filter(pk=upload.pk, status="checking", looked=upload.looked)
    if not looked.update(looked=F("looked") + len(rows)):
        raise StaleState("These rows were looked at, or the file is read anew.")
    kind = kinds[upload.kind]
    lines = [uploads.read_line(upload, kind, line, cells) for line, cells in rows]
    uploads.mark_twice(upload, lines)
    open_ones = [line for line in lines if line.finding is uploads.NEW]
    for line, finding in zip(open_ones, kind.look(upload, [line.said for line in open_ones]), strict=True):
        line.finding = finding
    sql.rows(hot.KEEP_LINES, _columns(upload, lines))
    upload.looked += len(rows)


def _columns(upload: Upload, lines: Sequence[Line]) -> dict[str, Any]:
    sealed = (seal(json.dumps([line.cells, line.said], ensure_ascii=False)) for line in lines)
    return {
        "upload": upload.pk,
        "lines": sql.joined(line.line for line in lines),
        "keys": sql.joined(line.key for line in lines),
        "sealed": sql.joined(sealed),
        "verdicts": sql.joined(line.finding.verdict for line in lines),
        "whys": sql.joined(line.finding.why or None for line in lines),
        "told": sql.joined(json.dumps(line.finding.told) for line in lines),
    }


@verb
def end_check(upload: Upload, error: reading.Unreadable | None = None, *, by: str) -> None:
    """The dry run came to the end, or to a line at which the file cannot be read any further."""
    changes = {"why": error.why, "told": error.told} if error else {"rows": upload.looked}
    move_one(Upload.objects.filter(pk=upload.pk, looked=upload.looked), to="asking" if error else "checked", **changes)
    data = {"rows": upload.looked, "whole": error is None}
    signals.upload_checked.announce([Said(f"upload:{upload.pk}", data)], by=by)


@verb
def break_off(pk: int, error: str, *, by: str) -> None:
    """The dry run met an error of ours: the page says so, and it can be tried again."""
    if move(Upload.objects.filter(pk=pk, status="checking"), to="asking", why=BROKEN, told={"error": error}):
        signals.upload_checked.announce([Said(f"upload:{pk}", {"whole": False, "error": error})], by=by)


@verb
def start(upload: Upload, reason: str, *, by: str, back: str = "") -> Job:
    """Lets a worker do what the dry run showed, with exactly the rows that change something. Raises StaleState, Refused."""
    lines = UploadLine.objects.filter(upload=upload, verdict__in=["new", "changed"]).order_by("line", "pk")
    ids = list(lines.values_list("pk", flat=True))
    if not ids:
        raise Refused("nothing_to_do", "No row of this file changes anything.")
    move_one(Upload.objects.filter(pk=upload.pk), to="started")
    job = start_job(kinds[upload.kind].needs, ids, reason, by=by, back=back)
    Upload.objects.filter(pk=upload.pk).update(job=job)
    data = {"job": job.pk, "kind": upload.kind, "act": upload.act, "rows": len(ids), "reason": reason}
    signals.upload_started.announce([Said(f"upload:{upload.pk}", data)], by=by)
    return job


@verb
def bring_lines(ids: Sequence[int], reason: str, *, by: str) -> int:
    """What the job does: brings these rows in through the verbs of their kind, and keeps what came of each; how many changed."""
    lines = list(UploadLine.objects.filter(pk__in=ids, verdict__in=["new", "changed"]).order_by("line", "pk"))
    if not lines:
        return 0
    upload = Upload.objects.select_related("launch").get(pk=lines[0].upload_id)
    said = [uploads.said_in(line)[1] for line in lines]
    found = kinds[upload.kind].bring(upload, said, reason, by=by)
    came: dict[str, tuple[Finding, list[int]]] = {}
    for line, finding in zip(lines, found, strict=True):
        came.setdefault(json.dumps(finding), (finding, []))[1].append(line.pk)
    for (verdict, why, told), pks in came.values():
        UploadLine.objects.filter(pk__in=pks).update(verdict=verdict, why=why, told=dict(told))
    return sum(finding.verdict == "done" for finding in found)


@verb
def forget(upload_ids: Sequence[int], *, by: str) -> int:
    """Deletes what these files said; how many files. What was done stays done."""
    gone = list(
        Upload.objects.select_for_update().filter(pk__in=upload_ids).order_by("pk").values_list("pk", flat=True)
    )
    Upload.objects.filter(pk__in=gone).delete()
    signals.upload_forgotten.announce([Said(f"upload:{pk}") for pk in gone], by=by)
    return len(gone)


@verb
def purge_uploads(now: datetime) -> int:
    """Deletes files that somebody brought a day ago, but for those that a worker is still at; how many."""
    old = Upload.objects.filter(created_at__lt=now - KEPT).exclude(job__status="running")
    return forget(list(old.values_list("pk", flat=True)), by="system")
