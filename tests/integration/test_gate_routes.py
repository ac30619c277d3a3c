"""The URL table, walked: whichever route could make a user makes none without a code."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.db import transaction
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import RegexPattern
from pytest_django import Settings

from accounts.models import User
from tests.signups import APP, BROWSER, PASSWORD, address, number, shared_code, single_sign_on, token_of_provider
from waitlist.models import Launch

JSON = "application/json"
SAMPLES = {"provider_id": "dummy", "uidb36": "1", "key": "set-password"}
numbers = count()


@pytest.fixture(autouse=True)
def walked(settings: Settings) -> Iterator[None]:
    """With a single sign-on, quick passwords, and no limits, so that only the gate refuses."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SIGN_UP_SECONDS = 0
    settings.RATELIMIT_ENABLE = False
    with single_sign_on():
        yield


def routes(inside: Any = None, path: str = "", name: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every route: its name, a path that leads to it, and its view."""
    for one in (inside or get_resolver()).url_patterns:
        place = path + sample(one.pattern)
        if isinstance(one, URLPattern):
            yield f"{name}{one.name or place}", f"/{place}", one.callback
        else:
            yield from routes(one, place, f"{name}{one.namespace}:" if one.namespace else name)


def sample(pattern: Any) -> str:
    """The pattern with its variables filled in."""
    text = simplify_regex(str(pattern))[1:] if isinstance(pattern, RegexPattern) else str(pattern)
    return re.sub(r"<(?:(\w+):)?(\w+)>", lambda found: SAMPLES.get(found[2], "1"), text)


def anything_said(code: str) -> dict[str, Any]:
    """Every field that any sign-up has ever asked for, by a person nobody has heard of."""
    name = f"stranger{next(numbers)}"
    dummy = {"id": str(number(name)), "process": "login", "provider": "dummy", "callback_url": "/"}
    passwords = dict.fromkeys(("password", "password1", "password2"), PASSWORD)
    token = json.loads(token_of_provider(name))["token"]
    login = {"username": address(name), "login": address(name), "token": token, "code": code, "key": "x"}
    return {"email": address(name), "name": name, "invite_code": code} | passwords | dummy | login


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def begun_elsewhere() -> tuple[str, str]:
    """The sessions of a browser and of an app in which a single sign-on has just said who this is."""
    body = token_of_provider(f"stranger{next(numbers)}", verified=True)
    client = Client()
    assert client.post(f"{BROWSER}/provider/token", body, content_type=JSON).status_code == 401
    app = client.post(f"{APP}/provider/token", body, content_type=JSON).json()
    return client.cookies["sessionid"].value, app["meta"]["session_token"]


def makers(code: str = "", *, of_allauth: bool = False) -> set[str]:
    """The routes by which somebody unheard of became a user; nothing that is sent may break a route."""
    made = set()
    browser, app = begun_elsewhere()
    for name, path, view in routes():
        if of_allauth and not view.__module__.startswith("allauth"):
            continue
        for kind in (MULTIPART_CONTENT, JSON):
            with undone():
                client, before = Client(raise_request_exception=False), User.objects.count()
                client.cookies["sessionid"] = browser
                said: Any = json.dumps(anything_said(code)) if kind == JSON else flat(anything_said(code))
                answer = client.post(path, said, content_type=kind, headers={"X-Session-Token": app})
                assert answer.status_code < 500, (path, answer.status_code)
                made |= {name} if User.objects.count() > before else set()
    return made


def flat(said: dict[str, Any]) -> dict[str, str]:
    return {field: value if isinstance(value, str) else json.dumps(value) for field, value in said.items()}


def sign_ups() -> set[str]:
    """What the routes call themselves."""
    return {name for name, _path, view in routes() if "signup" in name and view.__module__.startswith("allauth")}


def test_no_route_makes_a_user_without_a_code(launch: Launch) -> None:
    assert makers() == set()


def test_with_a_code_each_sign_up_makes_one(launch: Launch) -> None:
    assert makers(shared_code(launch, uses=10_000)) == sign_ups()
    assert len(sign_ups()) == 6  # two forms, and the JSON of both for apps and for sites


def test_in_an_open_launch_the_same_routes_need_none(launch: Launch) -> None:
    Launch.objects.update(mode=Launch.Mode.OPEN)
    assert makers(of_allauth=True) == sign_ups()


def test_every_route_of_allauth_is_behind_the_gate() -> None:
    views = {name: view for name, _path, view in routes() if view.__module__.startswith("allauth")}
    assert len(views) > 50
    assert [name for name, view in views.items() if not getattr(view, "gated", False)] == []
