"""The kinds of rows that a file may bring, as the apps declare them, and the reading of a file row by row.

A kind reads a row into plain values, looks at many of them at once (what would change, and why not), and brings them in
through the verbs. The same look is the dry run and the guard of the real one.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_noop

from outbox import reading
from outbox.keys import keyed, unseal, unseal_bytes
from outbox.policy import masked
from outbox.spreadsheets import unescaped
from waitlist.models import Upload, UploadLine

CHUNK = 500  # rows looked at in one transaction
FIRST_ROWS = 6  # shown, so that a person can see whether the file was read well
LONGEST_CELL = 4000
BLOCK = 512 * 1024  # bytes

Said = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ours, and how people head theirs (folded, English and Russian)."""

    name: str
    title: str | Promise
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """What may be done with rows of a kind: its title, the permissions, the columns it reads, and those without one of which it cannot."""

    title: str | Promise
    needs: tuple[str, ...]
    columns: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...]


class Finding(NamedTuple):
    """What would come of a row, or came of it; the sentence and its numbers apart, so that it can be translated."""

    verdict: str
    why: str = ""
    told: Mapping[str, Any] = {}


NEW, CHANGED = Finding("new"), Finding("changed")
DONE = Finding("done")


def refused(why: str, **told: Any) -> Finding:
    """A row that nothing will come of."""
    return Finding("refused", why, told)


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one sort. `read` gives the values and what tells two rows apart; it raises ValueError with a sentence."""

    title: str | Promise
    needs: str
    columns: tuple[Column, ...]
    acts: Mapping[str, Act]
    read: Callable[[Upload, dict[str, str]], tuple[Said, str]]
    look: Callable[[Upload, Sequence[Said]], list[Finding]]
    bring: Callable[..., list[Finding]]
    shown: Callable[[Said], str]  # how a row is called on the page


kinds: dict[str, Kind] = {}


@dataclass(slots=True)
class Line:
    """A row on its way into the table of lines."""

    line: int
    cells: list[str]
    said: Said = field(default_factory=dict)
    key: bytes | None = None
    finding: Finding = NEW


def blocks_of(upload: Upload) -> Iterator[bytes]:
    """The file as it came, a part at a time."""
    for pk in upload.blocks.order_by("pk").values_list("pk", flat=True):
        yield unseal_bytes(bytes(upload.blocks.values_list("sealed", flat=True).get(pk=pk)))


def rows_of(upload: Upload) -> Iterator[tuple[int, list[str]]]:
    """Its rows, the one with the headings left out."""
    rows = reading.rows_of(blocks_of(upload), upload.encoding, upload.delimiter)
    return islice(rows, 1 if upload.headings else 0, None)


def first_rows(upload: Upload) -> list[list[str]]:
    """What stands at the top of the file. Raises Unreadable."""
    rows = reading.rows_of(blocks_of(upload), upload.encoding, upload.delimiter)
    return [row for _line, row in islice(rows, FIRST_ROWS)]


def mapping_of(kind: Kind, act: str, heads: Sequence[str]) -> dict[str, int]:
    """Which column of the file is which of ours, as far as its headings say; the first of two alike counts."""
    found: dict[str, int] = {}
    wanted = [column for column in kind.columns if column.name in kind.acts[act].columns]
    for number, head in enumerate(heads):
        name = reading.folded(unescaped(head))
        for column in wanted:
            if column.name not in found and name in (reading.folded(column.name), *column.names):
                found[column.name] = number
                break
    return found


def lacking(kind: Kind, act: str, mapping: Mapping[str, int]) -> tuple[str, ...]:
    """The columns of which the act needs one, and the file has none; () when it has all it needs."""
    return next((names for names in kind.acts[act].one_of if not set(names) & set(mapping)), ())


def read_line(upload: Upload, kind: Kind, line: int, cells: list[str]) -> Line:
    """One row, read; what cannot be read is refused with a sentence."""
    made = Line(line, cells)
    values = {name: cells[at].strip() for name, at in upload.mapping.items() if at < len(cells)}
    values = {name: unescaped(value) for name, value in values.items()}
    try:
        refuse_odd(values.values())
        made.said, key = kind.read(upload, values)
    except reading.Unreadable as error:
        # The sentence does not stand sealed as the row does, and the wrong column may hold addresses.
        told = {name: masked(value) if isinstance(value, str) else value for name, value in error.told.items()}
        made.finding = refused(error.why, **told)
    except ValueError as error:
        made.finding = refused(str(error))
    else:
        made.key = keyed("upload", f"{upload.pk}:{key}")[:16]
    return made


def refuse_odd(values: Any) -> None:
    """Raises Unreadable for cells that no person wrote."""
    for value in values:
        if len(value) > LONGEST_CELL:
            raise reading.Unreadable(gettext_noop("A cell is longer than %(most)d characters."), most=LONGEST_CELL)
        if "\x1e" in value or "\x1f" in value:
            raise reading.Unreadable(gettext_noop("A cell holds a control character."))


def mark_twice(upload: Upload, lines: Sequence[Line]) -> None:
    """Finds what the file says twice: the first row counts, the others name its line."""
    keys = {line.key for line in lines if line.key}
    before = UploadLine.objects.filter(upload=upload, key__in=keys).values_list("key", "line")
    first = {bytes(key or b""): line for key, line in before}
    for line in lines:
        if line.key and line.key in first:
            line.finding = Finding("twice", gettext_noop("The same as line %(line)d."), {"line": first[line.key]})
            line.key = None
        elif line.key:
            first[line.key] = line.line


def said_in(line: UploadLine) -> tuple[list[str], Said]:
    """(The cells of the row as they came, what was read in them)."""
    cells, said = json.loads(unseal(bytes(line.sealed)))
    return cells, said
