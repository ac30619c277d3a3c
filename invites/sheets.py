"""The codes of a run as what leaves the house: lines of a file, and cards with a QR code for a sheet of paper."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import segno
from django.utils.safestring import SafeString, mark_safe

from invites import queries, tokens
from invites.models import CodeRun

CARDS = 15  # on a page of A4, three by five
PAGES = 16  # of one sheet; more codes are more sheets
SHEET = CARDS * PAGES
AT_A_TIME = 2_000


def csv_lines(run: CodeRun) -> Iterator[str]:
    """A header and a line a code: code, expires_at, link."""
    yield line(["code", "expires_at", "link"])
    for code in queries.run_codes(run.pk).iterator(chunk_size=AT_A_TIME):
        if text := queries.whole_text(code):
            yield line([text, code.expires_at.isoformat(), tokens.share_url(text)])


def line(cells: Sequence[str]) -> str:
    """One line of a CSV file."""
    file = io.StringIO()
    csv.writer(file).writerow(cells)
    return file.getvalue()


def text_lines(run: CodeRun) -> Iterator[str]:
    """A line a code and nothing else."""
    return (f"{text}\n" for text in queries.run_texts(run.pk))


class Card(NamedTuple):
    """What is printed of one code."""

    text: str
    square: SafeString
    ends: datetime
    uses: int


def square_of(text: str) -> SafeString:
    """The QR code of the code's link, as SVG that stands in a page and scales."""
    drawn = segno.make(tokens.share_url(text), error="m", micro=False)
    return mark_safe(drawn.svg_inline(border=4, omitsize=True))  # noqa: S308 - drawn here, from a code of ours


def pages(run: CodeRun, first: int) -> list[list[Card]]:
    """The pages of one sheet, from that code on (0 is the run's first)."""
    found = queries.run_codes(run.pk)[first : first + SHEET]
    texts = [(queries.whole_text(code), code) for code in found]
    cards = [Card(text, square_of(text), code.expires_at, code.max_uses) for text, code in texts if text]
    return [cards[at : at + CARDS] for at in range(0, len(cards), CARDS)]
