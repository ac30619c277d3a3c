"""What Eve tried and must not get: a way round a limit, a word about who is on the list, a place in somebody else's name."""

import json
import logging
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from config import limits
from config.limits import Counters
from config.logs import RouteFilter, masked
from invites import tokens
from invites.models import Reservation
from outbox.models import Delivery, Event
from tests import cast
from tests.conftest import Api, Mailbox
from tests.signups import PASSWORD, address, shared_code, signs_up
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch

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
def test_another_address_beside_the_log_in_is_no_new_try(client: Client, launch: Launch) -> None:
    def guess(n: int) -> int:
        return client.post(
            "/accounts/login/", {"login": ADA, "email": f"x{n}@example.com", "password": "wrong"}
        ).status_code

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


def test_a_header_of_a_stranger_does_not_fill_the_log() -> None:
    record = logging.LogRecord("django.security", logging.ERROR, __file__, 1, "Invalid: %s", ("a" * 8000,), None)
    RouteFilter().filter(record)
    assert len(record.getMessage()) < 2_100


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


# Who is on the list


def status_of(api: Api, code: str, name: str, **meta: Any) -> int:
    return int(api.post(REDEEM, {"code": code, "email": address(name)}, **meta).status_code)


def test_a_spent_code_tells_nobody_who_is_in(api: Api, launch: Launch) -> None:
    cast.ben(launch)
    spent = shared_code(launch)
    assert status_of(api, spent, "ada") == 200
    assert [status_of(api, spent, name) for name in ("ben", "nobody")] == [422, 422]
    assert status_of(api, spent, "ada") == 200  # her own call, retried
    assert status_of(api, spent, "ada", REMOTE_ADDR="203.0.113.66") == 422


def test_a_suspended_member_does_not_come_back_by_the_same_code(
    api: Api, launch: Launch, key: Callable[..., str]
) -> None:
    code = shared_code(launch, uses=5)
    assert status_of(api, code, "ada") == 200
    deciding.suspend([Entry.objects.get().pk], "abuse", by="staff:1")
    assert status_of(api, code, "ada") == 422
    assert status_of(api.with_key(key("codes:redeem")), code, "ada") == 422


def completion(api: Api, launch: Launch) -> str:
    """Somebody used a code with Ada's address, and Ada has the mailed token."""
    cast.ada(launch)
    status_of(api, shared_code(launch), "ada")
    return unquote(tokens.completion_url(Reservation.objects.get()).partition("token=")[2])


def test_a_mailed_link_completes_nothing_while_the_launch_is_closed(api: Api, launch: Launch, client: Client) -> None:
    token = completion(api, launch)
    tuning.tune(launch, {"enabled": False}, by="staff:1")
    client.post("/redeem", {"token": token})
    assert Entry.objects.get().status == "waiting"


def test_a_spent_link_is_no_key_for_ever(api: Api, launch: Launch) -> None:
    token = completion(api, launch)
    first, again, late = Client(), Client(), Client()
    for one in (first, again):
        one.post("/redeem", {"token": token})
        assert "vestibule_person" in one.cookies
    Reservation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    late.post("/redeem", {"token": token})
    assert "vestibule_person" not in late.cookies


def rows_after(api: Api, path: str, body: dict[str, str]) -> list[int]:
    """How many rows of each kind the call left."""
    before = [Event.objects.count(), Delivery.objects.count()]
    api.post(path, body)
    return [now - then for now, then in zip([Event.objects.count(), Delivery.objects.count()], before, strict=True)]


@pytest.mark.parametrize(("path", "more"), [(RESEND, {}), (CONFIRM, {"code": "000000"})])
def test_an_unknown_address_costs_the_same_work(
    path: str, more: dict[str, str], api: Api, launch: Launch, mailbox: Mailbox
) -> None:
    cast.joins(launch, "ada")
    known, unknown = (rows_after(api, path, {"email": address(name), **more}) for name in ("ada", "nobody"))
    assert known == unknown
    assert sum(known) > 0
    assert mailbox.all(address("nobody")) == []


def test_asking_often_takes_no_digits_away_and_buys_no_tries(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    ada = cast.joins(launch, "ada")
    for _n in range(8):
        api.post(RESEND, {"email": ADA})
    digits = re.findall(r"\b\d{6}\b", mailbox.newest(ADA).text)[0]
    assert cast.now(ada).confirm_round == 5  # as many as messages went
    assert api.post(CONFIRM, {"email": ADA, "code": digits}).json()["state"] == "waiting"


def test_a_stranger_uses_up_no_messages_of_who_has_yet_to_join(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    for _n in range(8):
        api.post(RESEND, {"email": ADA})
    cast.joins(launch, "ada")
    assert len(mailbox.all(ADA)) == 1
