"""The table: target, measured ratio, verdict and raw figures, as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One target of the table; without `met` there is only something to read."""

    name: str
    what: str
    target: str
    measured: str
    met: bool | None
    raw: str


VERDICTS = {True: "met", False: "short", None: ""}
HEADS = ("", "what", "target", "measured", "verdict", "raw")


def table(lines: Sequence[Line]) -> str:
    """All lines, in columns that read well as plain text too."""
    cells = [HEADS, *((one.name, one.what, one.target, one.measured, VERDICTS[one.met], one.raw) for one in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADS))]
    rows = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]])


def number(value: float) -> str:
    """Three figures that count: 0.104, 12.3, 1790."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
