"""CSV that a spreadsheet opens without running anything: what could be a formula gets a marker that reading takes off again.

Rows leave one after the other, in constant memory, and the trail knows how many.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MARKER = "'"
# Some spreadsheets in East Asia read the wide forms as the narrow ones.
RUNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
DANGEROUS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n", "|", "%", MARKER)
# Where Excel is set to the other delimiter than the file has, it cuts within our cells: ";=1" becomes a cell with a formula.
CUT = re.compile(rf"""([,;\t|\r\n]"*)(?='*[{RUNS}])""")
MARKED_CUT = re.compile(rf"""([,;\t|\r\n]"*)'(?='*[{RUNS}])""")


def escaped(value: Any) -> str:
    """The cell as text; what a spreadsheet would run in it, and what looks like the marker there, has the marker before it."""
    text = CUT.sub(rf"\1{MARKER}", "" if value is None else str(value).replace("\0", ""))
    return MARKER + text if text.startswith(DANGEROUS) or text.lstrip().startswith(DANGEROUS) else text


def unescaped(text: str) -> str:
    """What was escaped, as it was."""
    return MARKED_CUT.sub(r"\1", text.removeprefix(MARKER))


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
