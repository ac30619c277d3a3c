"""Keyed hashes, sealed text, and the token that ends mail to an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from outbox import keys, sql

ADA = keys.address_key("email", "ada@example.com")


def test_a_token_has_22_characters_and_names_the_address() -> None:
    token = keys.unsubscribe_token(ADA)
    assert len(token) == 22
    assert keys.unsubscriber(token) == ADA[: keys.SHORT]


@given(st.binary(min_size=32, max_size=32))
def test_every_address_has_a_token_of_its_own(key: bytes) -> None:
    assert keys.unsubscriber(keys.unsubscribe_token(key)) == key[: keys.SHORT]


@pytest.mark.parametrize("token", ["", "x", "A" * 22, "é" * 22, "A" * 21 + "=", "../../etc/passwd", "\x00" * 22])
def test_a_made_up_token_names_nobody(token: str) -> None:
    assert keys.unsubscriber(token) is None


def test_an_altered_token_names_nobody() -> None:
    token = keys.unsubscribe_token(ADA)
    assert keys.unsubscriber(token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]) is None
    assert keys.unsubscriber(("A" if token[0] != "A" else "B") + token[1:]) is None


def test_an_older_key_still_opens_what_it_made(settings: Settings) -> None:
    settings.CODE_KEYS = {1: settings.CODE_KEYS[1]}
    token, sealed = keys.unsubscribe_token(ADA), keys.seal("secret")
    settings.CODE_KEYS = {**settings.CODE_KEYS, 2: "a newer one"}
    assert keys.unsubscriber(token) == ADA[: keys.SHORT]
    assert keys.unseal(sealed) == "secret"


def test_sealed_text_without_its_key_stays_shut(settings: Settings) -> None:
    sealed = keys.seal("secret")
    assert b"secret" not in sealed
    settings.CODE_KEYS = {9: "another one"}
    with pytest.raises(ValueError, match="no key"):
        keys.unseal(sealed)


def test_a_column_of_values_becomes_one_text() -> None:
    assert sql.joined([1, None, b"\x01\xff", "a b"]) == "1\x1f\x1e\x1f\\x01ff\x1fa b"


def test_a_value_that_would_split_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match="control character"):
        sql.joined(["a\x1fb"])
