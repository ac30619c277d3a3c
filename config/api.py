"""What every API door shares, reached through DRF's settings: who calls, what may be sent, and how errors are said."""

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError as VerbValidationError
from django.core.signals import got_request_exception
from django.http import HttpRequest
from rest_framework import exceptions, renderers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from accounts.actions import mark_used
from accounts.queries import key_behind, scopes_of
from config import overload
from config.console_door import lacks_second_factor
from config.problems import DJANGO_ERRORS, MEDIA_TYPE, UNAVAILABLE, document, problem_of, retry_seconds
from outbox.callers import Caller, caller_of
from outbox.errors import Refused
from outbox.states import StaleState
from quality import challenge
from waitlist.models import Entry
from waitlist.tokens import PERSON_COOKIE, entry_of

logger = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
DEEPEST = 20
LARGEST_NUMBER = 2**63
SAFE = ("GET", "HEAD", "OPTIONS")


# Who calls


class CrossSite(exceptions.PermissionDenied):
    """A browser sent this with our cookies from a page that is not ours."""

    default_code = "csrf_failed"


def same_site(request: HttpRequest) -> bool:
    """Whether a call that rides on a cookie was made by our own pages.

    Every browser of this decade sends Origin or Sec-Fetch-Site with a POST; what sends neither is no browser, and
    nobody can make it carry another person's cookie.
    """
    if request.method in SAFE:
        return True
    origin, site = request.META.get("HTTP_ORIGIN"), request.META.get("HTTP_SEC_FETCH_SITE")
    if origin is not None:
        return origin in settings.CSRF_TRUSTED_ORIGINS or origin == f"{request.scheme}://{request.get_host()}"
    return site in (None, "same-origin", "none")


def callers_of(request: Request) -> frozenset[str]:
    """Whom the door behind this request lets in."""
    return frozenset(getattr(request.parser_context["view"], "callers", ()))


def seat(request: Request, caller: Caller) -> None:
    """Remembers who calls, for the door, the limits and the trail."""
    request._request.caller = caller  # type: ignore[attr-defined]


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. A bad key is refused on every door, also where none is needed."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The key's row as request.auth."""
        scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = key_behind(secret.strip())
        if key is None:
            raise exceptions.AuthenticationFailed
        mark_used(key)
        seat(request, Caller("key", key, frozenset(key.scopes)))
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="vestibule"'


class PersonAuthentication(BaseAuthentication):
    """The token of a private link in X-Waitlist-Token, the cookie that the link left, or the log-in of a member.

    Asked only by doors that let persons in; without any of the three it reads nothing.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The person's entry as request.auth."""
        callers = callers_of(request)
        if "person" not in callers:
            return None
        token = request.META.get("HTTP_X_WAITLIST_TOKEN")
        entry = entry_of(token) if token is not None else self.behind_cookies(request._request)
        if entry is None and token is not None:
            raise exceptions.AuthenticationFailed
        if entry is None:
            return None
        if token is None and not same_site(request._request):
            # A public door treats it as anybody's call; the person's own doors stay closed.
            if "public" in callers:
                return None
            raise CrossSite
        seat(request, Caller("person", entry))
        return AnonymousUser(), entry

    def behind_cookies(self, request: HttpRequest) -> Entry | None:
        """The entry that this browser has shown before; a stale cookie is as good as none."""
        if PERSON_COOKIE in request.COOKIES:
            found = entry_of(request.COOKIES[PERSON_COOKIE])
            if found is not None:
                return found
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
            return None
        return Entry.objects.select_related("launch").filter(user_id=request.user.pk).first()


class StaffSession(SessionAuthentication):
    """Staff who are logged in may call what a key may, as far as their role goes, with Django's CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The user as request.user."""
        callers = callers_of(request)
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not any(one.startswith("key:") for one in callers):
            return None
        user = request._request.user
        scopes = scopes_of(user)
        if not scopes or lacks_second_factor(request._request):
            return None
        try:
            self.enforce_csrf(request._request)  # type: ignore[arg-type]
        except exceptions.PermissionDenied as error:
            if "public" in callers:
                return None
            raise CrossSite from error
        seat(request, Caller("staff", user, scopes))
        return user, None


class Callers(BasePermission):
    """Reads whom a door lets in. A key without the scope is refused, not treated as the public, where a scope is asked for."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether this caller is one of them."""
        callers = callers_of(request)
        caller = caller_of(request)
        asked = {one.removeprefix("key:") for one in callers if one.startswith("key:")}
        if caller.vouched and asked:
            return not asked.isdisjoint(caller.scopes)
        return "public" in callers or caller.kind in callers


# What may be sent


class TooLarge(exceptions.APIException):
    """The body is over the limit."""

    status_code = 413
    default_code = "too_large"


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, unless a key stands in it twice: two readers could then see two different requests."""
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key stands in an object twice")
    return read


def refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{name} is not JSON")


def check_text(text: str) -> None:
    """Refuses what no text column holds."""
    if "\0" in text:
        raise ValueError("a string holds the character NUL")
    if not text.isascii():
        text.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError


def check(value: Any, depth: int = 1) -> None:
    """Refuses what would break further in: NUL, lone surrogates, huge numbers, deep nesting. Raises ValueError."""
    if depth > DEEPEST + 1:
        raise ValueError(f"it is nested deeper than {DEEPEST}")
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_text(key)
            check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check(inner, depth + 1)
    elif isinstance(value, int | float) and not -LARGEST_NUMBER <= value < LARGEST_NUMBER:
        raise ValueError("a number is too large")


def read_json(raw: bytes) -> dict[str, Any]:
    """The object in the body. Raises ValueError (RecursionError for absurd depth) when it is no clean JSON object."""
    body = json.loads(raw.decode(), object_pairs_hook=unique_keys, parse_constant=refuse_constant)
    if not isinstance(body, dict):
        raise ValueError("it is not an object")
    check(body)
    return body


class StrictJSONParser(BaseParser):
    """One JSON object in UTF-8, at most 64 KiB."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The body as a dict."""
        request: HttpRequest = (parser_context or {})["request"]._request
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            raise TooLarge
        charset = request.content_params.get("charset", "utf-8") if request.content_params else "utf-8"
        if charset.lower() not in ("utf-8", "utf8"):
            raise exceptions.UnsupportedMediaType(f"application/json; charset={charset}")
        try:
            body = read_json(request.body)
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError from error
        # The launch may be named in the query as well as in the body.
        return {"launch": request.GET["launch"], **body} if "launch" in request.GET else body


class JSONRenderer(renderers.JSONRenderer):
    """Compact JSON in UTF-8."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """The answer as bytes; none for no answer."""
        if data is None:
            return b""
        return json.dumps(data, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


# How errors are said


class ChallengeRequired(exceptions.APIException):
    """Many wrong codes are tried everywhere: a stranger's try has to bring a proof of work."""

    status_code = 403
    default_code = "challenge_required"

    def __init__(self) -> None:
        super().__init__()
        self.more = {"challenge": challenge.made()}


# DRF's own errors say their word in default_code.
WORDS = {"parse_error": "malformed"}
OTHER_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (StaleState, "stale_state"),
    *((kind, "unavailable") for kind in UNAVAILABLE),
    *DJANGO_ERRORS,
)


def listed(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Field errors as one flat object: nested fields are named with a dot."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            found |= listed(inner, f"{prefix}.{name}" if prefix else str(name))
        return found
    if isinstance(detail, list) and any(isinstance(one, Mapping) for one in detail):
        return listed({str(place): one for place, one in enumerate(detail) if one}, prefix)
    sentences = detail if isinstance(detail, list) else [detail]
    return {prefix or "non_field_errors": [str(one) for one in sentences]}


def invalid(detail: Any) -> dict[str, Any]:
    """The document for input that does not fit."""
    errors = listed(detail)
    return document("invalid", errors=errors, fields=", ".join(errors))


def refused(error: Refused, caller: Caller) -> dict[str, Any]:
    """The document for a verb's no. Why in truth is told to keys and staff alone: a stranger must not learn which codes exist."""
    said = document(error.reason, error.detail)
    if caller.vouched and error.why != error.reason:
        said["detail"] = f"{said['detail']} ({error.why})"
    return said


def read_error(error: Exception, caller: Caller) -> dict[str, Any]:
    """The document for an exception; what nobody foresaw is "internal"."""
    if isinstance(error, exceptions.ValidationError):
        return invalid(error.detail)
    if isinstance(error, VerbValidationError):
        return invalid(error.message_dict if hasattr(error, "error_dict") else error.messages)
    if isinstance(error, Refused):
        return refused(error, caller)
    if isinstance(error, exceptions.Throttled):
        return document("rate_limited", seconds=seconds_to_wait(error, "rate_limited"))
    if isinstance(error, exceptions.APIException):
        return document(WORDS.get(error.default_code, error.default_code)) | getattr(error, "more", {})
    return document(next((code for kind, code in OTHER_ERRORS if isinstance(error, kind)), "internal"))


def seconds_to_wait(error: Exception, code: str) -> int:
    """When to come back: what the limit says, else the table."""
    return math.ceil(getattr(error, "wait", None) or problem_of(code).retry_after)


def headers_of(error: Exception, said: dict[str, Any]) -> dict[str, str]:
    """Retry-After and WWW-Authenticate, where they are due."""
    headers = {}
    wait = retry_seconds() if said["status"] == 503 else seconds_to_wait(error, said["code"])
    if wait:
        headers["Retry-After"] = str(wait)
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    return headers


def problem(error: Exception, context: Mapping[str, Any]) -> Response:
    """Every error of a door, as problem+json."""
    request = context["request"]
    said = read_error(error, caller_of(request))
    if said["code"] == "unavailable":
        overload.database.note(error)
    elif said["code"] == "internal":
        logger.error("Internal error: %s", request.path, exc_info=error, extra={"request": request._request})
        got_request_exception.send(sender=type(context["view"]), request=request._request)
    response = Response(said, status=said["status"], headers=headers_of(error, said), content_type=MEDIA_TYPE)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would write a line for every refusal
    return response
