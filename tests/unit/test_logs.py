"""No code, token, query or address stands in a log line."""

import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import path

from config.logs import RouteFilter

pytestmark = pytest.mark.urls(__name__)


def nothing(request: Any, code: str = "") -> HttpResponse:
    """A view."""
    return HttpResponse(code)


urlpatterns = [path("api/invites/<str:code>/status", nothing), path("me", nothing)]


def line(message: str, *args: Any, **extra: Any) -> str:
    """What the log says of a record."""
    record = logging.LogRecord(
        "django.request", logging.WARNING, __file__, 1, message, args, extra.pop("exc_info", None)
    )
    record.__dict__.update(extra)
    assert RouteFilter().filter(record)
    return logging.Formatter().format(record)


def test_a_path_is_said_as_its_route() -> None:
    request = SimpleNamespace(path="/api/invites/SECRET2345/status")
    said = line("Not Found: %s", request.path, request=request)
    assert said == "Not Found: /api/invites/<str:code>/status"


def test_a_path_without_a_route_is_not_said() -> None:
    request = SimpleNamespace(path="/SECRET2345")
    assert line("Not Found: %s", request.path, request=request) == "Not Found: (no route)"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ('"GET /me?token=SECRET HTTP/1.1" 302', '"GET /me HTTP/1.1" 302'),
        ('"POST /api/invites/SECRET/status?x=1 HTTP/1.1" 200', '"POST /api/invites/<str:code>/status HTTP/1.1" 200'),
        ("sent to https://join.example.com/me?token=SECRET", "sent to https://join.example.com/me"),
        ("bounced: Ada.Waits+x@example.co.uk", "bounced: (e-mail)"),
        ("Key (canonical)=(ada@example.com) already exists", "Key (canonical)=((e-mail)) already exists"),
        ("to '+442079460958'", "to '(phone)'"),
        ("what now? all is well", "what now? all is well"),
        ("took 1234567 ms, 50 + 5000000 rows", "took 1234567 ms, 50 + 5000000 rows"),
    ],
)
def test_secrets_and_addresses_are_cut_out(message: str, said: str) -> None:
    assert line(message) == said


def test_a_traceback_says_no_address_either() -> None:
    try:
        raise ValueError("Key (canonical)=(ada@example.com) already exists")
    except ValueError:
        said = line("broken", exc_info=sys.exc_info())
    assert "ValueError" in said
    assert "ada@" not in said


def test_arguments_may_be_anything() -> None:
    assert line("%s of %d", {"a": 1}, 3) == "{'a': 1} of 3"
