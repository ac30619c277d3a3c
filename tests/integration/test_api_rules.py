"""The common rules of the API (docs of every door): what may be sent, who may call, how errors are said, safe retries.

The doors here are as small as a door can be, so that each test sees one rule; they go through the whole of the real
settings: middleware, parser, authentication, limits, error handler.
"""

import ast
import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404
from django.test import Client
from django.urls import include, path, re_path
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework import serializers
from rest_framework.request import Request

from accounts.actions import create_api_key, create_staff, revoke_api_key
from accounts.models import ApiKey, User
from config import problems
from outbox.actions import purge
from outbox.doors import Door
from outbox.errors import Refused
from outbox.models import SavedReply
from outbox.replies import Answer
from outbox.states import StaleState
from waitlist.models import Entry, Launch
from waitlist.tokens import PERSON, person_token, sign

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
runs: list[str] = []

ERRORS: dict[str, Exception] = {
    "stale": StaleState("somebody was faster"),
    "missing": Http404(),
    "lost": OperationalError("server closed the connection unexpectedly"),
    "closed": InterfaceError("connection already closed"),
    "pool": psycopg.OperationalError("couldn't get a connection after 3.00 sec"),
    "code": Refused("invite_not_accepted", why="expired"),
    "new-word": Refused("frobnicated", "This cannot be frobnicated."),
    "bug": ZeroDivisionError("ada@example.com"),
}


class Echo(Door):
    """Says back what it read, and who called."""

    callers = frozenset({"public", "person", "key:waitlist:write"})

    class Input(serializers.Serializer[Any]):
        """A name, and perhaps more."""

        name = serializers.CharField(max_length=20)
        count = serializers.IntegerField(required=False, max_value=9)
        utm = serializers.DictField(child=serializers.CharField(max_length=5), required=False)

    def post(self, request: Request) -> Answer:
        """The echo."""
        return Answer({"read": self.input, "actor": self.actor, "at": timezone.now()})


class Make(Door):
    """Makes something with a secret, and notes that it ran."""

    callers = frozenset({"public", "key:codes:write"})

    def post(self, request: Request) -> Answer:
        """The first answer."""
        runs.append(self.actor)
        if self.sent.get("fail"):
            raise Refused("quota_reached")
        return Answer(
            {"status": "success", "code": "ABCD-1", "n": len(runs)}, secret=("code",), ids={"code": 1}, status=201
        )

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        """The code, derived again."""
        return {"code": f"ABCD-{ids['code']}"}


class Read(Door):
    """For keys that may read codes."""

    callers = frozenset({"key:codes:read"})

    def get(self, request: Request, code: str = "") -> Answer:
        """Who called."""
        return Answer({"actor": self.actor})


class Write(Door):
    """For keys that may make codes."""

    callers = frozenset({"key:codes:write"})

    def post(self, request: Request) -> Answer:
        """Who called."""
        return Answer({"actor": self.actor})


class Mine(Door):
    """For a person about themselves."""

    callers = frozenset({"person"})

    def get(self, request: Request) -> Answer:
        """Who called."""
        return Answer({"actor": self.actor})

    post = get


class Fails(Door):
    """Fails in the way the path names."""

    callers = frozenset({"public", "key:codes:redeem"})

    def get(self, request: Request, how: str) -> Answer:
        """Never answers."""
        raise ERRORS[how]


urlpatterns = [
    path("api/test/echo", Echo.as_view(), name="echo"),
    path("api/test/make", Make.as_view(), name="make"),
    path("api/test/read", Read.as_view(), name="read"),
    path("api/test/read/<str:code>", Read.as_view(), name="read-code"),
    path("api/test/write", Write.as_view(), name="write"),
    path("api/test/mine", Mine.as_view(), name="mine"),
    path("api/test/fails/<str:how>", Fails.as_view(), name="fails"),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    re_path(r"^api/", problems.not_found),
]
handler404 = problems.not_found
handler500 = problems.server_error


@pytest.fixture(autouse=True)
def _no_runs() -> None:
    runs.clear()


@pytest.fixture
def ada() -> Entry:
    """Ada waits."""
    launch = Launch.objects.create(slug="rules", name="Rules")
    return Entry.objects.create(
        launch=launch, contact="ada@example.com", canonical="ada@example.com", referral_code="ada"
    )


def post(client: Client, where: str, body: Any, **headers: str) -> Any:
    """POSTs JSON; text and bytes go as they are."""
    raw = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(f"/api/test/{where}", raw, content_type="application/json", headers=headers or None)


def key(*scopes: str, **more: Any) -> tuple[ApiKey, dict[str, str]]:
    """A key with these scopes, and the header that carries it."""
    row, secret = create_api_key("test", scopes, by="cli", **more)
    return row, {"Authorization": f"Bearer {secret}"}


def staff(client: Client, role: str) -> User:
    """Somebody of that role, logged in."""
    user, _password = create_staff(f"{role}@example.com", role, by="cli")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def is_problem(response: Any, status: int, code: str) -> bool:
    """Whether the response says this problem, in the form of RFC 9457."""
    said = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert set(said) == {"type", "title", "status", "detail", "code", "errors"}
    assert (said["status"], said["code"]) == (response.status_code, code), said
    assert said["detail"]
    assert "%(" not in said["detail"]
    return bool(response.status_code == status)


# What may be sent


def test_it_reads_json_and_says_times_in_utc(client: Client) -> None:
    response = post(client, "echo", {"name": "Ада"})
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json()["read"] == {"name": "Ада"}
    assert response.json()["at"].endswith("Z")


def test_answers_are_kept_by_nobody(client: Client) -> None:
    assert post(client, "echo", {"name": "Ada"})["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_it_refuses_other_media_types(client: Client, media_type: str) -> None:
    response = client.post("/api/test/echo", b"name=Ada", content_type=media_type)
    assert is_problem(response, 415, "unsupported_media_type")


def test_it_refuses_other_charsets(client: Client) -> None:
    response = client.post("/api/test/echo", b'{"name":"Ada"}', content_type="application/json; charset=latin-1")
    assert is_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 200), (64 * 1024 + 1, 413)])
def test_a_body_may_have_64_kib(client: Client, size: int, status: int) -> None:
    body = b'{"name":"Ada","more":"' + b"x" * (size - 24) + b'"}'
    assert len(body) == size
    assert post(client, "echo", body).status_code == status


def test_a_body_in_chunks_is_asked_for_in_one_piece(client: Client) -> None:
    response = client.generic("POST", "/api/test/echo", headers={"Transfer-Encoding": "chunked"})
    assert is_problem(response, 411, "length_required")


MALFORMED = {
    "nothing": b" ",
    "half": b'{"name":',
    "a list": b'[{"name":"Ada"}]',
    "a string": b'"Ada"',
    "duplicate key": b'{"name":"Ada","name":"Eve"}',
    "nested duplicate key": b'{"name":"Ada","utm":{"a":"1","a":"2"}}',
    "NUL": b'{"name":"A\\u0000da"}',
    "NUL in a key": b'{"name":"Ada","a\\u0000":1}',
    "raw NUL": b'{"name":"A\x00da"}',
    "lone surrogate": b'{"name":"\\ud800"}',
    "NaN": b'{"name":"Ada","count":NaN}',
    "Infinity": b'{"name":"Ada","count":-Infinity}',
    "infinite float": b'{"name":"Ada","count":1e999}',
    "huge number": b'{"name":"Ada","count":9223372036854775808}',
    "endless number": b'{"name":"Ada","count":' + b"9" * 5000 + b"}",
    "too deep": b'{"name":"Ada","more":' + b"[" * 21 + b"]" * 21 + b"}",
    "absurdly deep": b'{"name":' + b"[" * 60_000,
    "not UTF-8": b'{"name":"\xff\xfe"}',
    "UTF-16": '{"name":"Ada"}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_it_refuses_what_is_no_clean_json_object(client: Client, body: bytes) -> None:
    assert is_problem(post(client, "echo", body), 400, "malformed")


def test_twenty_levels_are_not_too_deep(client: Client) -> None:
    body = b'{"name":"Ada","more":' + b"[" * 19 + b"]" * 19 + b"}"
    assert post(client, "echo", body).status_code == 200


def test_it_names_the_fields_at_fault(client: Client) -> None:
    response = post(client, "echo", {"name": "x" * 21, "count": "many", "utm": {"source": "too long"}})
    assert is_problem(response, 400, "invalid")
    assert set(response.json()["errors"]) == {"name", "count", "utm.source"}
    assert all(isinstance(sentences, list) for sentences in response.json()["errors"].values())


def test_a_missing_field_is_named(client: Client) -> None:
    assert set(post(client, "echo", {}).json()["errors"]) == {"name"}


def test_unknown_keys_have_no_effect(client: Client) -> None:
    assert post(client, "echo", {"name": "Ada", "priority": 200}).json()["read"] == {"name": "Ada"}


@pytest.mark.parametrize("address", ["/api/test/read/%00", "/api/test/read/a%00b"])
def test_a_nul_in_the_path_is_nothing_there(client: Client, address: str) -> None:
    assert is_problem(client.get(address), 404, "not_found")


def test_a_nul_in_the_query_is_malformed(client: Client) -> None:
    assert is_problem(client.get("/api/test/read?code=%00"), 400, "malformed")


def test_it_answers_in_json_whatever_is_accepted(client: Client) -> None:
    response = post(client, "echo", {"name": "Ada"}, Accept="application/xml")
    assert response["Content-Type"] == "application/json"


# How errors are said


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("stale", 409, "stale_state"),
        ("missing", 404, "not_found"),
        ("lost", 503, "unavailable"),
        ("closed", 503, "unavailable"),
        ("pool", 503, "unavailable"),
        ("code", 422, "invite_not_accepted"),
        ("new-word", 422, "frobnicated"),
    ],
)
def test_each_error_has_its_status_and_word(client: Client, how: str, status: int, code: str) -> None:
    assert is_problem(client.get(f"/api/test/fails/{how}"), status, code)


def test_a_lost_database_says_when_to_come_back(client: Client) -> None:
    assert 1 <= int(client.get("/api/test/fails/lost")["Retry-After"]) <= 5


def test_what_nobody_foresaw_says_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    response = Client(raise_request_exception=False).get("/api/test/fails/bug")
    assert is_problem(response, 500, "internal")
    assert "ada@" not in response.content.decode()
    assert "ZeroDivisionError" in caplog.text


def test_the_true_reason_is_for_keys_alone(client: Client) -> None:
    _row, header = key("codes:redeem")
    public = client.get("/api/test/fails/code").json()
    assert "expired" not in json.dumps(public)
    assert "expired" in client.get("/api/test/fails/code", headers=header).json()["detail"]


def test_an_unknown_path_and_a_trailing_slash_are_not_found(client: Client) -> None:
    assert is_problem(client.get("/api/test/nothing"), 404, "not_found")
    assert is_problem(client.get("/api/test/echo/"), 404, "not_found")


def test_a_wrong_method_is_said(client: Client) -> None:
    response = client.get("/api/test/echo")
    assert is_problem(response, 405, "method_not_allowed")
    assert "POST" in response["Allow"]


def bare_refusals() -> set[str]:
    """Every reason that a verb of ours gives without a sentence of its own."""
    found = set()
    for app in ("outbox", "accounts", "waitlist", "invites", "referrals", "config"):
        for file in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused" and len(node.args) == 1:
                    said = node.args[0]
                    found |= {said.value} if isinstance(said, ast.Constant) and isinstance(said.value, str) else set()
    return found


def test_every_refusal_has_a_next_step() -> None:
    assert bare_refusals() - set(problems.PROBLEMS) == set()


# How it is described


@pytest.mark.urls(settings.ROOT_URLCONF)
def test_the_description_is_valid_and_complete() -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=os.devnull)


@pytest.mark.urls(settings.ROOT_URLCONF)
def test_every_door_is_described_with_its_problems(client: Client) -> None:
    said = client.get("/api/schema?format=json").json()
    join = said["paths"]["/api/waitlist/join"]["post"]
    assert set(join["responses"]) >= {"200", "400", "401", "403", "409", "413", "415", "422", "429", "503"}
    assert join["security"] == [{"key": []}, {"session": []}, {"person": []}, {}]
    assert {parameter["name"] for parameter in join["parameters"]} == {"Idempotency-Key", "launch"}


@pytest.mark.urls(settings.ROOT_URLCONF)
def test_the_page_of_the_api_comes_from_our_own_host(client: Client) -> None:
    response = client.get("/api/docs")
    sources = re.findall(r'(?:src|href)="([^"]*)"', response.content.decode())
    assert len(sources) >= 4
    assert all(one.startswith("/") for one in sources)
    assert "script-src" not in response["Content-Security-Policy"]
    assert "unsafe-inline" not in client.get("/health")["Content-Security-Policy"]


# Who may call


def test_a_missing_credential_is_401(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = client.get("/api/test/read")
    assert is_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("secret", ["", "x", "abcdefgh.short", "abcdefgh." + "é" * 32, "'; DROP TABLE--", "a" * 5000])
def test_what_is_no_key_is_refused_before_any_look_up(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, secret: str
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/api/test/read", headers={"Authorization": f"Bearer {secret}"})
    assert is_problem(response, 401, "authentication_failed")


def test_an_unknown_key_is_refused_after_one(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        response = client.get("/api/test/read", headers={"Authorization": f"Bearer abcdefgh.{'x' * 32}"})
    assert is_problem(response, 401, "authentication_failed")


def test_a_bad_key_is_refused_on_a_public_door_too(client: Client) -> None:
    assert is_problem(post(client, "echo", {"name": "Ada"}, Authorization="Bearer no"), 401, "authentication_failed")


def test_a_key_with_the_scope_may_call(client: Client) -> None:
    row, header = key("codes:read")
    assert client.get("/api/test/read", headers=header).json() == {"actor": f"key:{row.pk}"}


def test_a_known_key_costs_one_read(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    _row, header = key("codes:read")
    client.get("/api/test/read", headers=header)
    with django_assert_num_queries(1):
        client.get("/api/test/read", headers=header)


def test_the_wrong_scope_is_403(client: Client) -> None:
    _row, header = key("codes:write")
    assert is_problem(client.get("/api/test/read", headers=header), 403, "permission_denied")


def test_a_key_without_the_scope_is_not_taken_for_the_public(client: Client) -> None:
    _row, header = key("codes:read")
    assert is_problem(post(client, "echo", {"name": "Ada"}, **header), 403, "permission_denied")


def test_a_revoked_key_dies_at_once(client: Client) -> None:
    row, header = key("codes:read")
    assert client.get("/api/test/read", headers=header).status_code == 200
    revoke_api_key(row, by="cli")
    assert is_problem(client.get("/api/test/read", headers=header), 401, "authentication_failed")


def test_an_expired_key_opens_nothing(client: Client) -> None:
    row, header = key("codes:read", expires_at=timezone.now() + timedelta(hours=1))
    ApiKey.objects.filter(pk=row.pk).update(expiry_date=timezone.now())
    assert is_problem(client.get("/api/test/read", headers=header), 401, "authentication_failed")


def test_a_key_is_kept_hashed_and_its_last_use_to_the_minute(client: Client) -> None:
    row, header = key("codes:read")
    client.get("/api/test/read", headers=header)
    first = ApiKey.objects.get(pk=row.pk)
    client.get("/api/test/read", headers=header)
    assert header["Authorization"][7:] not in first.hashed_key
    assert first.last_used_at is not None
    assert ApiKey.objects.get(pk=row.pk).last_used_at == first.last_used_at


def test_a_person_calls_with_the_token_of_their_link(client: Client, ada: Entry) -> None:
    response = client.get("/api/test/mine", headers={"X-Waitlist-Token": person_token(ada)})
    assert response.json() == {"actor": f"person:{ada.pk}"}


@pytest.mark.parametrize("token", ["", "x", "eyJhIjoxfQ", "a:b:c", "é"])
def test_a_forged_token_is_refused_before_any_look_up(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, token: str
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/api/test/mine", headers={"X-Waitlist-Token": token})
    assert is_problem(response, 401, "authentication_failed")


def test_a_token_meant_for_something_else_is_refused(client: Client, ada: Entry) -> None:
    response = client.get("/api/test/mine", headers={"X-Waitlist-Token": sign("vestibule.invite", ada.pk, 1)})
    assert is_problem(response, 401, "authentication_failed")


def test_a_renewed_link_ends_the_old_one(client: Client, ada: Entry) -> None:
    response = client.get("/api/test/mine", headers={"X-Waitlist-Token": sign(PERSON, ada.pk, ada.link_version - 1)})
    assert is_problem(response, 401, "authentication_failed")


def test_the_cookie_of_the_link_is_as_good(client: Client, ada: Entry) -> None:
    client.cookies["vestibule_person"] = person_token(ada)
    assert client.get("/api/test/mine").json() == {"actor": f"person:{ada.pk}"}
    assert post(client, "echo", {"name": "Ada"}).json()["actor"] == f"person:{ada.pk}"


def test_a_stale_cookie_is_as_good_as_none(client: Client) -> None:
    client.cookies["vestibule_person"] = "stale"
    assert post(client, "echo", {"name": "Ada"}).json()["actor"] == "public"
    assert is_problem(client.get("/api/test/mine"), 401, "not_authenticated")


def test_a_member_who_is_logged_in_is_the_person(client: Client, ada: Entry) -> None:
    user = User.objects.create_user("ada@example.com", admitted_by="code:1")
    Entry.objects.filter(pk=ada.pk).update(user=user)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/test/mine").json() == {"actor": f"person:{ada.pk}"}


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_cannot_use_the_cookie(client: Client, ada: Entry, headers: dict[str, str]) -> None:
    client.cookies["vestibule_person"] = person_token(ada)
    assert is_problem(post(client, "mine", {}, **headers), 403, "csrf_failed")
    assert post(client, "echo", {"name": "Ada"}, **headers).json()["actor"] == "public"


@pytest.mark.parametrize("headers", [{"Origin": settings.PUBLIC_BASE_URL}, {"Sec-Fetch-Site": "same-origin"}, {}])
def test_our_own_pages_can(client: Client, ada: Entry, headers: dict[str, str]) -> None:
    client.cookies["vestibule_person"] = person_token(ada)
    assert post(client, "mine", {}, **headers).status_code == 200


def test_a_public_call_without_credentials_reads_nothing_about_callers(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert post(client, "echo", {"name": "Ada"}).json()["actor"] == "public"


def test_an_owner_in_a_session_may_call_what_keys_may(client: Client) -> None:
    owner = staff(client, "owner")
    assert client.get("/api/test/read").json() == {"actor": f"staff:{owner.pk}"}
    assert post(client, "write", {}).json() == {"actor": f"staff:{owner.pk}"}


def test_a_session_needs_the_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    staff(browser, "owner")
    assert is_problem(post(browser, "write", {}), 403, "csrf_failed")
    assert post(browser, "echo", {"name": "Ada"}).json()["actor"] == "public"


def test_a_viewer_may_look_but_not_write(client: Client) -> None:
    staff(client, "viewer")
    assert client.get("/api/test/read").status_code == 200
    assert is_problem(post(client, "write", {}), 403, "permission_denied")


def test_a_member_in_a_session_is_no_key(client: Client) -> None:
    member = User.objects.create_user("cleo@example.com", admitted_by="code:1")
    member.groups.add(Group.objects.get_or_create(name="owner")[0])
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    assert is_problem(client.get("/api/test/read"), 401, "not_authenticated")


# Safe retries


def test_the_same_key_gives_the_same_answer_and_runs_once(client: Client) -> None:
    first = post(client, "make", {"a": 1}, **{"Idempotency-Key": "k1"})
    again = post(client, "make", {"a": 1}, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, len(runs)) == (201, 201, 1)
    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first


def test_without_a_key_each_call_runs(client: Client) -> None:
    post(client, "make", {})
    post(client, "make", {})
    assert len(runs) == 2


def test_secrets_are_not_kept_but_derived_again(client: Client) -> None:
    post(client, "make", {}, **{"Idempotency-Key": "k1"})
    kept = SavedReply.objects.get()
    assert "ABCD" not in json.dumps([kept.body, kept.ids, kept.scope])
    assert post(client, "make", {}, **{"Idempotency-Key": "k1"}).json()["code"] == "ABCD-1"


def test_another_body_under_the_same_key_is_refused(client: Client) -> None:
    post(client, "make", {"a": 1}, **{"Idempotency-Key": "k1"})
    assert is_problem(post(client, "make", {"a": 2}, **{"Idempotency-Key": "k1"}), 422, "idempotency_key_reused")
    assert len(runs) == 1


def test_failures_are_not_kept(client: Client) -> None:
    assert is_problem(post(client, "make", {"fail": True}, **{"Idempotency-Key": "k1"}), 409, "quota_reached")
    assert not SavedReply.objects.exists()
    assert post(client, "make", {"a": 1}, **{"Idempotency-Key": "k1"}).status_code == 201


def age(**columns: Any) -> None:
    """Makes the one kept answer as the columns say."""
    assert SavedReply.objects.update(**columns) == 1


def test_a_call_that_is_still_running_is_said(client: Client) -> None:
    post(client, "make", {}, **{"Idempotency-Key": "k1"})
    age(status=None)
    response = post(client, "make", {}, **{"Idempotency-Key": "k1"})
    assert is_problem(response, 409, "still_running")
    assert int(response["Retry-After"]) >= 1


def test_a_call_that_died_is_taken_over_after_a_minute(client: Client) -> None:
    post(client, "make", {}, **{"Idempotency-Key": "k1"})
    age(status=None, created_at=timezone.now() - timedelta(seconds=61))
    assert post(client, "make", {}, **{"Idempotency-Key": "k1"}).status_code == 201
    assert len(runs) == 2
    assert SavedReply.objects.get().status == 201


def test_a_key_is_free_again_after_a_day(client: Client) -> None:
    post(client, "make", {"a": 1}, **{"Idempotency-Key": "k1"})
    age(created_at=timezone.now() - timedelta(hours=25))
    assert post(client, "make", {"a": 2}, **{"Idempotency-Key": "k1"}).json()["n"] == 2


def test_old_answers_are_purged(client: Client) -> None:
    post(client, "make", {"a": 1}, **{"Idempotency-Key": "old"})
    age(created_at=timezone.now() - timedelta(hours=25))
    post(client, "make", {"a": 2}, **{"Idempotency-Key": "new"})
    assert purge() == 1
    assert SavedReply.objects.get().key == "new"


def test_callers_do_not_share_their_keys(client: Client) -> None:
    _row, header = key("codes:write")
    post(client, "make", {}, **{"Idempotency-Key": "k1"})
    post(client, "make", {}, **{"Idempotency-Key": "k1"}, **header)
    assert len(runs) == 2


@pytest.mark.parametrize("name", ["", "x" * 201, "a\tb"])
def test_a_key_that_cannot_be_one_is_named(client: Client, name: str) -> None:
    response = post(client, "make", {}, **{"Idempotency-Key": name})
    assert is_problem(response, 400, "invalid")
    assert set(response.json()["errors"]) == {"Idempotency-Key"}


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE outbox_savedreply ADD CONSTRAINT none_kept CHECK (status IS NULL) NOT VALID")
    assert post(client, "make", {}, **{"Idempotency-Key": "k1"}).status_code == 201
