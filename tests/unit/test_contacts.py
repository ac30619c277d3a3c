"""Contacts: kept as typed, compared in canonical form."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waitlist.channels import read, read_any


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("a.d.a+news@gmail.com", "ada@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("a.da+x@example.com", "a.da+x@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ａｄａ@example.com", "ada@example.com"),
    ],
)
def test_addresses_of_one_mailbox_are_one_contact(typed: str, canonical: str) -> None:
    assert read("email", typed).canonical == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "ada@example",
        "a" * 250 + "@example.com",
        "ada@exa mple.com",
        "<ada@example.com>",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read("email", typed)


@pytest.mark.parametrize("typed", ["+442079460958", "+44 20 7946 0958", "+44 (0)20 7946 0958"])
def test_a_number_is_compared_in_international_form(typed: str) -> None:
    assert read("phone", typed).canonical == "+442079460958"


@pytest.mark.parametrize("typed", ["", "12", "020 7946 0958", "+99999", "phone"])
def test_what_is_no_number_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read("phone", typed)


def test_one_field_takes_either() -> None:
    assert read_any("ada@example.com").kind == "email"
    assert read_any("+442079460958").kind == "phone"


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(ValueError):
        assert read_any(text).canonical
