"""Reads CSV as people have it: the usual encodings and delimiters, a row at a time, and a plain sentence for what is none."""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

LARGEST = 64 * 1024 * 1024  # bytes
MOST_ROWS = 200_000
MOST_COLUMNS = 100
LONGEST_LINE = 50_000  # characters
MOST_LINES = 100  # of one row: more is a quotation mark that was never closed
SAMPLE = 64 * 1024  # bytes from which the delimiter and an old encoding are guessed

ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp866": "CP866 (DOS, Cyrillic)",
    "koi8-r": "KOI8-R (Cyrillic)",
    "cp1252": "Windows-1252 (Western)",
}
DELIMITERS = {
    ",": gettext_noop("comma"),
    ";": gettext_noop("semicolon"),
    "\t": gettext_noop("tab"),
    "|": gettext_noop("bar"),
}
OLD = ("cp1251", "cp1252", "koi8-r", "cp866")  # likelier first
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

WORKBOOK = gettext_noop(
    "This is an Excel workbook or another packed file, not CSV. In Excel choose File, Save as, “CSV UTF-8”, and bring that."
)
PICTURE = gettext_noop("This is a picture or a document, not a table. Save the table as CSV and bring that.")
STARTS = {
    **dict.fromkeys(
        (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf"), WORKBOOK
    ),
    **dict.fromkeys(
        (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"RIFF", b"{\\rtf", b"<!DOCTYPE", b"<html"), PICTURE
    ),
}


class Unreadable(ValueError):
    """What is wrong with the file and what to do next, as a sentence with its numbers apart, so that it can be translated."""

    def __init__(self, why: str, **told: Any) -> None:
        super().__init__(why % told)
        self.why, self.told = why, told


def sentence(why: str, told: dict[str, Any]) -> str:
    """The sentence in the reader's language."""
    return _(why) % told if why else ""


def refuse_what_is_no_text(start: bytes) -> None:
    """Raises Unreadable for files that are known by their first bytes to be something else."""
    for magic, why in STARTS.items():
        if start.startswith(magic):
            raise Unreadable(why)
    if not start.strip():
        raise Unreadable(gettext_noop("The file is empty. Save the table again and bring that."))


def encoding_of(sample: bytes, *, is_utf8: bool) -> str:
    """The encoding that the first bytes speak for. `is_utf8` is whether the whole file can be read so."""
    for mark, name in MARKS.items():
        if sample.startswith(mark):
            return name
    nuls = sample.count(0)
    if nuls > len(sample) // 50:
        odd = sample[1::2].count(0)
        if odd > 0.9 * nuls or odd < 0.1 * nuls:
            return "utf-16-le" if odd > nuls / 2 else "utf-16-be"
    if nuls:
        raise Unreadable(
            gettext_noop("The file holds NUL bytes, so it is not text. Save the table as “CSV UTF-8” and bring that.")
        )
    return "utf-8-sig" if is_utf8 else max(OLD, key=lambda name: likeness(sample, name))


def likeness(sample: bytes, name: str) -> float:
    """How much the bytes look like words in this old encoding: of one script, and written as words are."""
    text = sample.decode(name, errors="replace")
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    good = sum(len(word) for word in words if is_word(word))
    odd = sum(1 for one in text if one > "\x7f" and not one.isalpha() and one not in "«»“”„’–—№…\xa0")
    return good - sum(len(word) for word in words if not is_word(word)) - 2 * odd


def is_word(word: str) -> bool:
    """Whether its letters are of one script, and small but for the first, or all great."""
    cyrillic = sum("\u0400" <= letter <= "\u04ff" for letter in word)
    one_script = cyrillic in (0, len(word))
    return one_script and (word[1:].islower() or word.isupper() or len(word) == 1)


def delimiter_of(text: str) -> str:
    """The delimiter that cuts the first lines into the same number of columns, and into most of them."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        return lines[0][4] if lines[0][4] in DELIMITERS else ","

    def fits(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return (widths.count(widths[0]) if widths and widths[0] > 1 else 0, widths[0] if widths else 0)

    return max(DELIMITERS, key=fits)


class Blocks(io.RawIOBase):
    """Blocks of bytes as one file, of which one is in memory at a time."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.blocks, self.left = iter(blocks), b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        """As io.RawIOBase has it; 0 at the end."""
        while not self.left:
            block = next(self.blocks, None)
            if block is None:
                return 0
            self.left = block
        part, self.left = self.left[: len(into)], self.left[len(into) :]
        into[: len(part)] = part
        return len(part)


def rows_of(blocks: Iterable[bytes], encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, with the number of the line each ends on. Raises Unreadable."""
    text = io.TextIOWrapper(io.BufferedReader(Blocks(blocks)), encoding=encoding, newline="")
    reader = csv.reader(lines_of(text), delimiter=delimiter)
    while True:
        begun = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            why = gettext_noop("Line %(line)d cannot be read as %(encoding)s. Choose another encoding below.")
            raise Unreadable(why, line=reader.line_num + 1, encoding=ENCODINGS[encoding]) from error
        except csv.Error as error:
            raise Unreadable(UNCLOSED, line=begun) from error
        if reader.line_num - begun > MOST_LINES:
            raise Unreadable(UNCLOSED, line=begun)
        if len(row) > MOST_COLUMNS:
            raise Unreadable(WIDE, line=reader.line_num, n=len(row), most=MOST_COLUMNS)
        if any(cell.strip() for cell in row) and not is_hint(reader.line_num, row):
            yield reader.line_num, row


UNCLOSED = gettext_noop(
    "Line %(line)d: a quotation mark is opened and not closed. Close it, or double it inside a cell."
)
WIDE = gettext_noop(
    "Line %(line)d has %(n)d columns; at most %(most)d are read. Delete the columns that are not needed."
)


def is_hint(line: int, row: list[str]) -> bool:
    """Whether this is the line that tells Excel the delimiter."""
    return line == 1 and row[0].removeprefix("\ufeff").lower().startswith("sep=")


def lines_of(text: io.TextIOWrapper) -> Iterator[str]:
    """The lines, none of them longer than memory likes."""
    number = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            why = gettext_noop(
                "Line %(line)d is longer than %(most)d characters. Is this really a table, one row a line?"
            )
            raise Unreadable(why, line=number, most=LONGEST_LINE)
        if "\0" in line:
            raise Unreadable(
                gettext_noop("Line %(line)d holds the character NUL. Choose another encoding below, or delete it."),
                line=number,
            )
        yield line.removeprefix("\ufeff") if number == 1 else line


def folded(heading: str) -> str:
    """A heading as it is compared: letters and digits alone, case folded ("E-Mail " is "email")."""
    text = unicodedata.normalize("NFKC", heading).casefold().replace("ё", "е")
    return "".join(letter for letter in text if letter.isalnum())


class Quota(FileUploadHandler):
    """Lets no file onto the disk that is larger than we read: the rest of it is read from the wire and forgotten."""

    taken = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Counts each file anew."""
        super().new_file(*args, **kwargs)
        self.taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """As Django has it. A form whose file was too large arrives without it."""
        self.taken += len(raw_data)
        if self.taken > LARGEST:
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The others keep the file."""
