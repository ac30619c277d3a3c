"""CSV that a spreadsheet opens without running anything: what could be a formula gets a marker that reading takes off again.

Rows leave one after the other, in constant memory, and the trail knows how many.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MARKER = "'"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", MARKER)


def escaped(value: Any) -> str:
    """The cell as text; one that a spreadsheet would run, or that begins like the marker, has the marker before it."""
    text = "" if value is None else str(value).replace("\0", "")
    return MARKER + text if text.startswith(DANGEROUS) else text


def unescaped(text: str) -> str:
    """What was escaped, as it was."""
    return text[1:] if text.startswith(MARKER) else text


class Echo:
    """A file that hands back what is written, for csv.writer."""

    def write(self, text: str) -> str:
        return text


def lines_of(rows: Iterable[Sequence[Any]], *, for_excel: bool = False) -> Iterator[str]:
    """The rows as lines of CSV with every cell escaped. For Excel: a byte order mark first, and semicolons."""
    writer = csv.writer(Echo(), delimiter=";" if for_excel else ",")
    mark = "\ufeff" if for_excel else ""
    for row in rows:
        yield mark + writer.writerow([escaped(cell) for cell in row])
        mark = ""
