"""Bad input: 400 with the field named, nothing written, never a 5xx."""

from typing import Any

import pytest

from outbox.models import Delivery, Event
from tests.conftest import Api
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
ADA = {"email": "ada@example.com"}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "email"),
        ({"email": ""}, "email"),
        ({"email": None}, "email"),
        ({"email": 7}, "email"),
        ({"email": ["ada@example.com"]}, "email"),
        ({"email": {"a": 1}}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": "a" * 400 + "@example.com"}, "email"),
        ({"email": "ada@example.com\r\nBcc: eve@example.com"}, "email"),
        ({"phone": "12"}, "phone"),
        ({**ADA, "phone": "+442079460958"}, "email"),
        ({**ADA, "name": "x" * 201}, "name"),
        ({**ADA, "name": 7}, "name"),
        ({**ADA, "use_case": "x" * 2001}, "use_case"),
        ({**ADA, "use_case": ["x"]}, "use_case"),
        ({**ADA, "persona": {"x": 1}}, "persona"),
        ({**ADA, "source": "x" * 41}, "source"),
        ({**ADA, "consent": False}, "consent"),
        ({**ADA, "consent": "banana"}, "consent"),
        ({**ADA, "utm": "x"}, "utm"),
        ({**ADA, "utm": {f"k{n}": "v" for n in range(11)}}, "utm"),
        ({**ADA, "launch": "nowhere"}, "launch"),
        ({**ADA, "launch": 7}, "launch"),
        ({**ADA, "locale": "x" * 11}, "locale"),
    ],
)
def test_a_join_that_does_not_fit_names_the_field(said: dict[str, Any], field: str, api: Api, launch: Launch) -> None:
    events = Event.objects.count()
    answer = api.post("/api/waitlist/join", said)
    assert answer.status_code == 400
    assert any(name.split(".")[0] == field for name in answer.json()["errors"]), answer.json()
    assert (Entry.objects.count(), Event.objects.count(), Delivery.objects.count()) == (0, events, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"email":"a@example.com","email":"b@example.com"}',
        b'{"email":"a\\u0000@example.com"}',
        b"\xff",
        b"[" * 50000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b'{"n":1e999}',
        b'{"n":NaN}',
        b'{"email":"\\ud800"}',
    ],
)
@pytest.mark.parametrize(
    "path", ["/api/waitlist/join", "/api/waitlist/confirm", "/api/invites/redeem", "/api/waitlist/resend"]
)
def test_broken_json_is_a_400(body: bytes, path: str, api: Api, launch: Launch) -> None:
    answer = api.post(path, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/waitlist/confirm", {}),
        ("/api/waitlist/confirm", {"token": "x"}),
        ("/api/waitlist/confirm", {"token": 7}),
        ("/api/waitlist/confirm", {"email": "ada@example.com"}),
        ("/api/invites/redeem", {}),
        ("/api/invites/redeem", {"code": "x"}),
        ("/api/invites/redeem", {**ADA, "code": ""}),
        ("/api/invites/redeem", {**ADA, "code": 7}),
        ("/api/invites/redeem", {**ADA, "code": "x" * 101}),
        ("/api/waitlist/validate-token", {}),
    ],
)
def test_other_doors_name_the_field_too(path: str, said: dict[str, Any], api: Api, launch: Launch) -> None:
    answer = api.post(path, said)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert answer.json()["errors"]


def test_keys_that_nobody_asked_for_have_no_effect(api: Api, launch: Launch) -> None:
    api.post("/api/waitlist/join", {**ADA, "priority": 200, "status": "registered", "position": 1, "place": 1})
    entry = Entry.objects.get()
    assert (entry.status, entry.priority, entry.place) == ("pending", 5, None)


def test_a_body_over_64_kib_is_refused(api: Api, launch: Launch) -> None:
    assert api.post("/api/waitlist/join", {**ADA, "use_case": "x" * 70_000}).status_code == 413


def test_a_form_is_not_json(api: Api, launch: Launch) -> None:
    answer = api.post("/api/waitlist/join", b"email=a", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
