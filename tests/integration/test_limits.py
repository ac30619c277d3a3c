"""Rate limits at the doors: an office gets in, somebody who mistypes gets in, Eve does not, and a lost Redis stops nobody else."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from pytest_django import Settings

from config.limits import FORMS, LIMITS, RULES, WRONG_CODES, Counters, Rule, spend
from invites.models import Attempt
from outbox.callers import DEVICE_COOKIE
from outbox.doors import Door
from tests.conftest import Api
from tests.limited import EVES_NETWORK, cache_at, in_force, redeems, refused, without_redis
from waitlist.models import Entry, Launch, Trace

JOIN, RESEND = "/api/waitlist/join", "/api/waitlist/resend"
ADA, BEN = "ada@example.com", "ben@example.com"
TRIES = 10  # joins of one contact from one network
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def counters(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Counters:
    """Limits in force, and counters that know nothing of earlier tests."""
    return in_force(monkeypatch, settings)


@pytest.fixture
def quick_passwords(settings: Settings) -> None:
    """Passwords that cost nothing to check: what is tested is how often they may be tried."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def lost_redis(settings: Settings) -> None:
    """A Redis that nobody answers for."""
    without_redis(settings)


@pytest.fixture
def hanging_redis(settings: Settings) -> Iterator[None]:
    """A Redis that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        settings.CACHES = cache_at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        yield


def join(api: Api, email: str = ADA, **meta: Any) -> int:
    """Tries to join; the status."""
    return int(api.post(JOIN, {"email": email}, **meta).status_code)


def use_up(api: Api, email: str = ADA, **meta: Any) -> None:
    """Joins as often as the limit lets one contact from one network."""
    assert {join(api, email, **meta) for _n in range(TRIES)} == {200}


def test_an_office_of_fifty_gets_in(api: Api, launch: Launch) -> None:
    assert {join(api, f"person{n}@example.com") for n in range(50)} == {200}
    assert Entry.objects.count() == 50


def test_one_contact_from_one_network_is_stopped_and_told_when_to_come_back(api: Api, launch: Launch) -> None:
    use_up(api)
    response = api.post(JOIN, {"email": ADA})
    assert (response.status_code, response["Content-Type"]) == (429, "application/problem+json")
    assert response.json()["code"] == "rate_limited"
    assert 1 <= int(response["Retry-After"]) <= 600
    assert response["Retry-After"] in response.json()["detail"]


def test_a_stranger_cannot_use_up_adas_tries(api: Api, launch: Launch) -> None:
    use_up(api, REMOTE_ADDR=EVES_NETWORK)
    assert join(api, REMOTE_ADDR=EVES_NETWORK) == 429
    assert join(api, REMOTE_ADDR="198.51.100.7") == 200


def test_her_colleagues_are_not_stopped_with_her(api: Api, launch: Launch) -> None:
    use_up(api)
    assert join(api) == 429
    assert join(api, BEN) == 200


@pytest.mark.parametrize("again", ["ADA.waits@gmail.com", "adawaits+2@googlemail.com", " adawaits@gmail.com "])
def test_writing_the_address_otherwise_is_no_new_try(api: Api, launch: Launch, again: str) -> None:
    use_up(api, "adawaits@gmail.com")
    assert join(api, again) == 429


def test_a_forged_header_is_no_new_network(api: Api, launch: Launch) -> None:
    for n in range(TRIES):
        join(api, HTTP_X_FORWARDED_FOR=f"198.51.100.{n}")
    assert join(api, HTTP_X_FORWARDED_FOR="198.51.100.99") == 429


@pytest.mark.parametrize("hops", [1, 2])
def test_behind_our_proxies_only_their_hops_are_believed(
    hops: int, api: Api, launch: Launch, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = hops
    ours = {1: EVES_NETWORK, 2: f"{EVES_NETWORK}, 10.0.0.2"}[hops]

    def forged(n: int, true: str = ours) -> int:
        return join(api, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}, 192.0.2.{n}, {true}")

    assert [forged(n) for n in range(TRIES + 1)] == [200] * TRIES + [429]
    assert forged(99, ours.replace(EVES_NETWORK, "203.0.113.67")) == 200


def test_a_header_shorter_than_our_hops_is_no_new_network(api: Api, launch: Launch, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 2
    said = [join(api, HTTP_X_FORWARDED_FOR=f"198.51.100.{n}") for n in range(TRIES + 1)]
    assert said == [200] * TRIES + [429]


def test_garbage_in_the_header_breaks_nothing(api: Api, launch: Launch, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    assert join(api, HTTP_X_FORWARDED_FOR="<script>, ,;\x7f") == 200


def test_a_new_address_in_the_same_64_bits_is_no_new_network(api: Api, launch: Launch) -> None:
    for n in range(TRIES):
        join(api, REMOTE_ADDR=f"2001:db8::{n + 1:x}")
    assert join(api, REMOTE_ADDR="2001:db8::ffff") == 429
    assert join(api, REMOTE_ADDR="2001:db8:0:1::1") == 200


def test_who_has_no_network_shares_no_count(api: Api, launch: Launch) -> None:
    assert {join(api, REMOTE_ADDR="") for _n in range(TRIES + 5)} == {200}


def test_a_call_without_the_contact_shares_no_count(api: Api, launch: Launch) -> None:
    assert {api.post(JOIN, {}).status_code for _n in range(TRIES + 5)} == {400}
    assert join(api) == 200


def test_a_key_speaks_for_many_people(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    api.with_key(key("waitlist:write"))
    assert {join(api) for _n in range(TRIES + 5)} == {200}


def test_the_mail_to_one_address_is_limited_from_everywhere(api: Api, launch: Launch) -> None:
    said = [api.post(RESEND, {"email": ADA}, REMOTE_ADDR=f"198.51.100.{n}").status_code for n in range(6)]
    assert said == [200] * 5 + [429]


def test_it_can_be_switched_off(api: Api, launch: Launch, settings: Settings) -> None:
    settings.RATELIMIT_ENABLE = False
    assert {join(api) for _n in range(TRIES + 5)} == {200}


def test_a_refusal_is_logged_without_the_address(api: Api, launch: Launch, caplog: pytest.LogCaptureFixture) -> None:
    use_up(api)
    join(api)
    assert "join:network+contact" in caplog.text
    assert ADA not in caplog.text


def parts(**known: str) -> Callable[[str], str]:
    """A call with these parts."""
    return lambda name: known.get(name, "")


def test_all_rules_count_and_the_first_broken_one_is_said() -> None:
    for n in range(100):
        assert spend("redeem", parts(network="192.0.2.1", contact=f"p{n}", code="ABC")).allowed
    decision = spend("redeem", parts(network="192.0.2.1", contact="p0", code="ABC"))
    assert (decision.rule, decision.count, decision.limit) == ("redeem:network+code", 101, 100)
    assert spend("redeem", parts(network="192.0.2.1", contact="p0", code="XYZ")).allowed


def test_a_browser_is_counted_by_its_own_cookie_and_no_program_with_another() -> None:
    for n in range(60):
        assert spend("join", parts(device="a", contact=f"p{n}")).allowed
    assert spend("join", parts(device="a", contact="x")).rule == "join:device"
    assert all(spend("join", parts(device=other, contact="x")).allowed for other in ("b", "", "", ""))


def test_mail_to_one_domain_is_limited_from_everywhere_but_not_to_a_free_mail_provider(
    api: Api, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tuple(Rule(one.name, one.parts, 3, 60) for one in RULES["resend"] if one.parts == ("domain",))
    monkeypatch.setitem(RULES, "resend", rules)
    for domain, said in (("example.com", [200] * 3 + [429]), ("gmail.com", [200] * 4)):
        sent = [api.post(RESEND, {"email": f"p{n}@{domain}"}, REMOTE_ADDR=f"198.51.100.{n}") for n in range(4)]
        assert [one.status_code for one in sent] == said


def test_a_forged_cookie_is_no_device(api: Api, launch: Launch) -> None:
    api.cookies[DEVICE_COOKIE] = "chosen:by-eve"
    use_up(api)
    assert not Trace.objects.exclude(device="").exists()


# Every door and every form


def routes(patterns: Any = None, namespaces: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every route's name and view."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from routes(pattern.url_patterns, inner)
        else:
            yield ":".join([*namespaces, pattern.name or ""]), pattern.callback


def test_every_door_names_a_limit_of_the_table() -> None:
    doors = {view.cls for _name, view in routes() if issubclass(getattr(view, "cls", object), Door)}
    assert {
        door.__name__ for door in doors if door.limit not in LIMITS and not door.__module__.endswith("health")
    } == set()


def test_every_form_that_asks_for_a_secret_or_sends_a_mail_has_a_limit() -> None:
    asks = re.compile(r"(login|signup|password|confirm|verif|code|authenticat|totp|webauthn|session|token$)")
    free = re.compile(
        r"(_done|_sent|_error|_cancelled|inactive|callback|connections|refresh|password_change|account_email_v|"
        r"view_recovery|download_recovery|list_webauthn|authenticators$)"  # the last ones only look
    )
    ours = ("account_", "socialaccount_", "headless:", "mfa_", "usersessions_", "admin:login")
    asked = {name for name, _view in routes() if name.startswith(ours) and asks.search(name) and not free.search(name)}
    short = {f"headless:{name.rpartition(':')[2]}" if name.startswith("headless") else name for name in asked}
    assert short - set(FORMS) == set()
    assert {FORMS[name] for name in short} <= set(LIMITS)


# Pages


def form(client: Client, address: str, **fields: str) -> Any:
    """Posts a form."""
    return client.post(address, fields)


def test_the_page_is_limited_like_the_door(client: Client, api: Api, launch: Launch) -> None:
    use_up(api)
    response = form(client, "/", contact=ADA, consent="on")
    assert (response.status_code, response["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert int(response["Retry-After"]) >= 1
    assert client.get("/").status_code == 200


@pytest.mark.usefixtures("quick_passwords")
@pytest.mark.parametrize(
    ("route", "field", "told"), [("account_login", "login", 200), ("admin:login", "username", 302)]
)
def test_a_log_in_is_limited_by_network_and_address(
    client: Client, launch: Launch, route: str, field: str, told: int
) -> None:
    for _n in range(10):
        assert form(client, reverse(route), **{field: ADA, "password": "wrong"}).status_code == told
    assert form(client, reverse(route), **{field: ADA, "password": "wrong"}).status_code == 429
    assert form(client, reverse(route), **{field: BEN, "password": "wrong"}).status_code == told


@pytest.mark.usefixtures("quick_passwords")
def test_the_headless_log_in_counts_with_the_form(client: Client, launch: Launch) -> None:
    for _n in range(10):
        form(client, reverse("account_login"), login=ADA, password="wrong")
    body = json.dumps({"email": ADA, "password": "wrong"})
    response = client.post("/_allauth/app/v1/auth/login", body, content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (429, "application/problem+json")


def test_broken_json_for_the_headless_api_is_a_bad_request(client: Client, launch: Launch) -> None:
    response = client.post("/_allauth/app/v1/auth/login", b'{"email":', content_type="application/json")
    assert response.status_code == 400


# Without Redis


def guess(api: Api) -> int:
    """Eve guesses a code; the status."""
    return int(redeems(api).status_code)


@pytest.mark.usefixtures("lost_redis")
def test_a_lost_redis_stops_nobody_from_joining(api: Api, launch: Launch) -> None:
    assert {join(api) for _n in range(TRIES + 5)} == {200}


@pytest.mark.usefixtures("lost_redis")
def test_a_lost_redis_does_not_open_the_door_to_guesses(api: Api, launch: Launch) -> None:
    refused(launch, WRONG_CODES - 1)
    assert guess(api) == 422
    assert guess(api) == 429


@pytest.mark.usefixtures("lost_redis")
def test_each_wrong_code_without_redis_leaves_its_row(api: Api, launch: Launch) -> None:
    assert guess(api) == 422
    assert Attempt.objects.filter(network=EVES_NETWORK).count() == 1


@pytest.mark.usefixtures("hanging_redis")
def test_a_hanging_redis_is_asked_once_and_then_left_alone(counters: Counters) -> None:
    spend("join", parts(network="192.0.2.1", contact="x"))
    began = time.monotonic()
    assert all(spend("join", parts(network="192.0.2.1", contact="x")).allowed for _n in range(100))
    assert time.monotonic() - began < 0.5  # a hundred looks at it would take a minute
    assert counters.lost()


def test_counting_goes_on_when_redis_is_back(counters: Counters) -> None:
    counters.lost_until = time.monotonic() - 1
    for _n in range(TRIES):
        assert spend("join", parts(network="192.0.2.1", contact="x")).allowed
    assert not spend("join", parts(network="192.0.2.1", contact="x")).allowed
    assert not counters.lost_until
