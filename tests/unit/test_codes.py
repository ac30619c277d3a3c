"""The shape of codes, folding, and derivation."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invites import codes

ids = st.integers(min_value=1, max_value=2**62)


@given(ids, st.sampled_from(sorted(codes.FORMATS)))
def test_the_same_row_gives_the_same_code_however_it_is_typed(code_id: int, name: str) -> None:
    prefix = codes.prefix_of(name, "PRODUCTHUNT", date(2026, 11, 21))
    made = codes.derive(code_id, 0, name, prefix, 1)
    assert made == codes.derive(code_id, 0, name, prefix, 1)
    typed = " " + made.text.lower().replace("-", " ").replace("0", "o").replace("1", "i").replace("5", "s")
    assert codes.digest(codes.fold(typed), 1) == made.digest


@given(ids, ids)
def test_two_rows_give_two_codes(one: int, other: int) -> None:
    drawn = {codes.derive(one, 0, "standard", "VES-", 1).digest, codes.derive(other, 0, "standard", "VES-", 1).digest}
    assert len(drawn) == (1 if one == other else 2)


@given(ids)
def test_another_attempt_gives_another_code(code_id: int) -> None:
    assert codes.derive(code_id, 0, "plain", "", 1).text != codes.derive(code_id, 1, "plain", "", 1).text


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert codes.fold(codes.fold(text)) == codes.fold(text)


@pytest.mark.parametrize("text", ["VES-OIS5-0155", "ves 0 1 5 5 o i s s", "VES0155-0155", "ｖｅｓ-0155-0155"])
def test_look_alikes_case_spaces_and_dashes_are_folded(text: str) -> None:
    assert codes.fold(text) == "VE501550155"


def test_the_alphabet_has_thirty_characters_and_no_look_alikes() -> None:
    assert len(set(codes.ALPHABET)) == 30
    assert not set(codes.ALPHABET) & set("O0I1S5")


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("standard", "VES-"), ("hex", "VOBEE-"), ("quarter", "LPS-2026Q4-"), ("campaign", "PARTY-"), ("plain", "")],
)
def test_the_presets_have_their_prefixes(name: str, prefix: str) -> None:
    assert codes.prefix_of(name, "party", date(2026, 11, 21)) == prefix


@pytest.mark.parametrize("name", sorted(codes.FORMATS))
def test_a_code_has_as_many_characters_as_its_format_says(name: str) -> None:
    shape = codes.FORMATS[name]
    drawn = codes.derive(7, 0, name, "", 1).text.replace("-", "")
    assert len(drawn) == shape.length
    assert set(drawn) <= set(shape.alphabet)


def test_an_example_has_as_many_characters_as_its_format_promises() -> None:
    for name, shape in codes.FORMATS.items():
        drawn = codes.example_of(name, "fair", date(2026, 11, 27)).replace("-", "")
        prefix = codes.prefix_of(name, "fair", date(2026, 11, 27)).replace("-", "")
        assert len(drawn) == len(prefix) + shape.length, name
