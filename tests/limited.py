"""Limits in force, with a Redis or without, and Eve who tries codes."""

from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from config import limits
from config.limits import Counters
from invites.models import Attempt
from tests.conftest import Api
from waitlist.models import Launch

REDEEM = "/api/invites/redeem"
EVES_NETWORK = "203.0.113.66"
WRONG = "NOTACODE2345"


def in_force(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Counters:
    """Counters that know nothing of earlier tests."""
    settings.RATELIMIT_ENABLE = True
    if settings.REDIS_URL:
        settings.CACHES = cache_at(settings.REDIS_URL, patience=10)  # a busy machine is no lost Redis
    fresh = Counters()
    monkeypatch.setattr(limits, "counters", fresh)
    return fresh


def cache_at(url: str, patience: float = 0.5) -> dict[str, Any]:
    """The cache as production has it, elsewhere; `patience` in seconds."""
    production = (
        configured.CACHES["default"].get("OPTIONS", {}) if configured.REDIS_URL else {"IGNORE_EXCEPTIONS": True}
    )
    options = {**production, "SOCKET_CONNECT_TIMEOUT": patience, "SOCKET_TIMEOUT": patience}
    return {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "OPTIONS": options}}


def without_redis(settings: Settings) -> None:
    """A Redis that nobody answers for."""
    settings.CACHES = cache_at("redis://127.0.0.1:1/0")


def refused(launch: Launch, count: int, **said: Any) -> None:
    """So many codes were refused to Eve just now, or as it is said."""
    kept = {"network": EVES_NETWORK, "door": "api", "reason": "code_unknown", "digest": b"x", **said}
    Attempt.objects.bulk_create([Attempt(launch=launch, **kept) for _n in range(count)])


def redeems(api: Api, code: str = WRONG, email: str = "eve@example.com", **more: Any) -> Any:
    """Somebody in Eve's network tries a code, with whatever else they send along; names in capitals are headers."""
    headers = {"REMOTE_ADDR": EVES_NETWORK} | {name: more[name] for name in more if name.isupper()}
    beside = {name: more[name] for name in more if not name.isupper()}
    return api.post(REDEEM, {"code": code, "email": email, **beside}, **headers)
