"""What keeps a production install from starting, and that it is named."""

import pytest

from config.checks import refusals

GOOD = {
    "SECRET_KEY": "kX9-vQ2_mZ7pLr4Tn8Wc1Yb5",
    "CODE_KEYS": "2:Jd6fHs0aGk3uEo9iNw7q,1:Rt2yUi8oPl5kJh1gFd4s",
    "PUBLIC_BASE_URL": "https://join.example.com",
    "ALLOWED_HOSTS": "join.example.com",
}


def test_a_whole_set_is_refused_nothing() -> None:
    assert refusals(GOOD) == []


@pytest.mark.parametrize("name", ["SECRET_KEY", "CODE_KEYS", "PUBLIC_BASE_URL"])
def test_it_names_what_is_missing(name: str) -> None:
    assert [reason.split()[0] for reason in refusals(GOOD | {name: ""})] == [name]


def test_it_names_all_that_is_missing_at_once() -> None:
    assert len(refusals({})) == 3


@pytest.mark.parametrize(
    "secret", ["changeme", "change-me", "secret", "django-insecure-x2v9q", "Password", "aaaaaaaaaaaaaaaa"]
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "CODE_KEYS"])
def test_a_known_default_is_refused(name: str, secret: str) -> None:
    assert name in refusals(GOOD | {name: secret})[0]


def test_one_weak_code_key_among_good_ones_is_found() -> None:
    assert refusals(GOOD | {"CODE_KEYS": GOOD["CODE_KEYS"] + ",3:changeme"})


@pytest.mark.parametrize("hosts", ["*", "a.example.com, *"])
def test_any_host_is_refused(hosts: str) -> None:
    assert "ALLOWED_HOSTS" in refusals(GOOD | {"ALLOWED_HOSTS": hosts})[0]


@pytest.mark.parametrize("address", ["join.example.com", "ftp://join.example.com", "https://", "https://a.example/x"])
def test_an_address_must_be_scheme_and_host(address: str) -> None:
    assert "PUBLIC_BASE_URL" in refusals(GOOD | {"PUBLIC_BASE_URL": address})[0]
