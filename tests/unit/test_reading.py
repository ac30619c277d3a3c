"""CSV as people have it is read, or it is said why not and what to do."""

from collections.abc import Iterator

import pytest

from outbox import reading
from outbox.reading import Unreadable, delimiter_of, encoding_of, folded, refuse_what_is_no_text, rows_of

RUSSIAN = "Почта;Имя\nанна@пример.рф;Анна Иванова\nboris@example.ru;Борис Ёлкин\n"


def rows(raw: bytes, encoding: str = "utf-8-sig", delimiter: str = ",") -> list[tuple[int, list[str]]]:
    return list(rows_of([raw[start : start + 7] for start in range(0, len(raw), 7)], encoding, delimiter))


@pytest.mark.parametrize("name", [name for name in reading.ENCODINGS if name not in ("utf-8-sig", "cp1252")])
def test_an_encoding_is_known_by_what_the_words_look_like(name: str) -> None:
    raw = RUSSIAN.encode(name)
    assert encoding_of(raw, is_utf8=False) == name
    assert rows(raw, name, ";")[1] == (2, ["анна@пример.рф", "Анна Иванова"])


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-8"])
def test_a_byte_order_mark_says_it_and_is_read_away(name: str) -> None:
    raw = ("\ufeff" + RUSSIAN).encode(name)
    found = encoding_of(raw, is_utf8=name == "utf-8")
    assert found.startswith(name)
    assert rows(raw, found, ";")[0] == (1, ["Почта", "Имя"])


def test_western_words_are_told_from_russian_ones() -> None:
    assert encoding_of("name\nJürgen Müller\nZoë\nFrançois Lefèvre".encode("cp1252"), is_utf8=False) == "cp1252"


@pytest.mark.parametrize("delimiter", reading.DELIMITERS)
def test_the_delimiter_is_the_one_that_cuts_all_lines_alike(delimiter: str) -> None:
    line = ["email", "name", "note"]
    assert delimiter_of("\n".join(delimiter.join(line) for _n in range(3))) == delimiter


def test_the_line_that_tells_excel_the_delimiter_is_heard_and_left_out() -> None:
    text = "sep=;\nemail;name\na@x.de;Ada\n"
    assert delimiter_of(text) == ";"
    assert rows(text.encode(), delimiter=";")[0] == (2, ["email", "name"])


def test_blank_lines_are_no_rows_and_cells_may_hold_line_breaks() -> None:
    assert rows(b'a,b\r\n\r\n,,\r\n"x\ny",2\r\n') == [(1, ["a", "b"]), (5, ["x\ny", "2"])]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "Excel workbook"),
        (b"\x1f\x8brest", "packed file"),
        (b"\x89PNG\r\n", "picture"),
        (b"%PDF-1.7", "document"),
        (b"  \n", "empty"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(raw: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        refuse_what_is_no_text(raw)


def test_bytes_of_nothing_are_no_text() -> None:
    with pytest.raises(Unreadable, match="NUL"):
        encoding_of(b"email\0\0\0name\n" * 9, is_utf8=True)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"a,b\n\xff\xfe,x\n", "Line 1 cannot|Line 2 cannot"),
        (b"a,b\nx\0,y\n", "Line 2 holds the character NUL"),
        (b"a,b\n" + b"x" * 60_000, "Line 2 is longer"),
        (b"a" + b",a" * 101, "Line 1 has 102 columns"),
        (b'a,b\n"x,y\n' + b"c,d\n" * 200, "Line 2: a quotation mark"),
    ],
)
def test_a_file_that_breaks_off_says_at_which_line(raw: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        rows(raw)


def test_a_line_without_end_never_stands_in_memory() -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b"x" * 65_536

    with pytest.raises(Unreadable, match="longer"):
        list(rows_of(endless(), "utf-8-sig", ","))
    assert given < 5


def test_headings_are_compared_by_letters_and_digits() -> None:
    assert folded(" E-Mail ") == "email"
    assert folded("Имя, фамилия") == folded("имя фамилия")
