"""What a spreadsheet would run, it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.spreadsheets import escaped, unescaped


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "%0A", "|cmd"])
def test_a_cell_that_would_run_is_marked(cell: str) -> None:
    assert escaped(cell) == f"'{cell}"


@given(st.text(alphabet=st.characters(exclude_characters="\0")))
def test_the_marker_comes_off_again(text: str) -> None:
    assert unescaped(escaped(text)) == text


def test_nothing_is_an_empty_cell() -> None:
    assert (escaped(None), escaped(7)) == ("", "7")
