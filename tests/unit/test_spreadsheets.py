"""What a spreadsheet would run, it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.spreadsheets import escaped, unescaped


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tA", "\r1", "'=1", "%0A", "|cmd", " =1", "\u3000\uff1d1"]
)
def test_a_cell_that_would_run_is_marked(cell: str) -> None:
    assert escaped(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "marked"),
    [
        (";=1+1", ";'=1+1"),
        ("a,=cmd|' /C calc'!A0", "a,'=cmd|' /C calc'!A0"),
        ('a;"@SUM(1)', "a;\"'@SUM(1)"),
        ("\t=1", "'\t'=1"),
        ("a\n=1", "a\n'=1"),
        ("a;'=1", "a;''=1"),
        ("one, 'two'; -3", "one, 'two'; -3"),
    ],
)
def test_nothing_runs_where_a_spreadsheet_cuts_at_another_delimiter(cell: str, marked: str) -> None:
    assert escaped(cell) == marked


@given(st.text(alphabet=",;\"'=+-@ a\n"))
def test_the_markers_within_come_off_again(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(st.text(alphabet=st.characters(exclude_characters="\0")))
def test_the_marker_comes_off_again(text: str) -> None:
    assert unescaped(escaped(text)) == text


def test_nothing_is_an_empty_cell() -> None:
    assert (escaped(None), escaped(7)) == ("", "7")
