"""What Eve tried and must not get: a way round a limit, a word about who is on the list, a place in somebody else's name."""

import json
import re
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from pytest_django import Settings

from config import limits
from config.limits import Counters
from config.logs import masked
from tests.conftest import Api, Mailbox
from tests.signups import PASSWORD, address, shared_code, signs_up
from waitlist.models import Launch

RESEND, REDEEM, CONFIRM = "/api/waitlist/resend", "/api/invites/redeem", "/api/waitlist/confirm"
LOG_IN = "/_allauth/app/v1/auth/login"
ADA = "ada@example.com"
pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Limits in force, and passwords that cost nothing to check."""
    settings.RATELIMIT_ENABLE = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(limits, "counters", Counters())


# Round the limits


@pytest.mark.usefixtures("counted")
def test_a_field_that_the_door_does_not_read_is_no_new_contact(api: Api, launch: Launch) -> None:
    said = [api.post(RESEND, {"recipient_email": f"x{n}@example.com", "email": ADA}).status_code for n in range(6)]
    assert said == [200] * 5 + [429]


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(("path", "field"), [("/accounts/login/", "login"), ("/admin/login/", "username")])
def test_another_address_beside_the_log_in_is_no_new_try(path: str, field: str, client: Client, launch: Launch) -> None:
    def guess(n: int) -> int:
        return client.post(path, {field: ADA, "email": f"x{n}@example.com", "password": "wrong"}).status_code

    assert [guess(n) for n in range(11)] == [200] * 10 + [429]


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_another_content_type_is_no_way_round_the_limit(kind: str, client: Client, launch: Launch) -> None:
    body = json.dumps({"email": ADA, "password": "wrong"})
    said = [client.post(LOG_IN, body, content_type=kind).status_code for _n in range(11)]
    assert said == [400] * 10 + [429]


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
def test_no_content_type_breaks_the_headless_api(kind: str, launch: Launch) -> None:
    for where in ("app", "browser"):
        browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
        said = browser.post(f"/_allauth/{where}/v1/auth/login", b'{"email": "a@x.de"}', content_type=kind)
        assert said.status_code in (400, 403)


def test_a_code_counts_as_it_is_looked_up() -> None:
    def parts(typed: str) -> Any:
        return limits.Call(None, lambda: {"code": typed}, None).part("code")  # type: ignore[arg-type]

    assert parts("VES-OIS2-3456") == parts("ves 0152é3456") == parts("ＶＥＳ0I523456")


# Breaking things


def test_a_long_line_of_a_stranger_costs_the_log_nothing() -> None:
    began = time.monotonic()
    for line in ("a" * 200_000, "a?" * 100_000, "a@" * 100_000, "a." * 100_000 + "@", "?=" * 100_000):
        masked(line)
    assert time.monotonic() - began < 5  # each took minutes while its time grew with the square of its length


@pytest.mark.parametrize("path", ["/api/waitlist/join", RESEND, REDEEM])
def test_an_empty_name_of_a_launch_is_none(path: str, api: Api, launch: Launch) -> None:
    said = api.post(path, {"launch": " ", "email": ADA, "code": "VES-XXXX-XXXX-XXXX"})
    assert said.status_code in (200, 422)


# Somebody else's account


def comes_in_by_code(client: Client, name: str, mailbox: Mailbox) -> None:
    """Somebody logs in with nothing but a code from their mailbox."""
    client.post("/accounts/login/code/", {"email": address(name)})
    letter = next(mail.text for mail in mailbox.all(address(name)) if "code to sign in" in mail.subject)
    code = re.findall(r"[A-Z0-9]{4}-[A-Z0-9]{4}", letter)[0]
    client.post("/accounts/login/code/confirm/", {"code": code})


def logs_in(client: Client, name: str) -> bool:
    client.post("/accounts/login/", {"login": address(name), "password": PASSWORD})
    return "_auth_user_id" in client.session


def test_who_signed_ada_up_does_not_share_her_account(client: Client, launch: Launch, mailbox: Mailbox) -> None:
    signs_up(Client(), "ada", shared_code(launch))  # Eve, with a password of hers
    comes_in_by_code(client, "ada", mailbox)
    assert client.get("/accounts/email/").status_code == 200
    assert not logs_in(Client(), "ada")


def test_a_confirmed_user_keeps_the_password_beside_the_code(client: Client, launch: Launch, mailbox: Mailbox) -> None:
    signs_up(Client(), "ada", shared_code(launch))
    EmailAddress.objects.update(verified=True)
    comes_in_by_code(client, "ada", mailbox)
    assert "_auth_user_id" in client.session
    assert logs_in(Client(), "ada")
