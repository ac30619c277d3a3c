"""Middleware of libraries, spared the work that would come out the same every time: each call of the API pays for it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest, HttpResponse

from outbox.callers import DEVICE_COOKIE, new_device

DEVICE_SECONDS = 365 * 24 * 3600

VARIED = {
    "_csp_config",
    "_csp_update",
    "_csp_replace",
    "_csp_exempt",
}  # what the library's decorators leave on a response


class ContentPolicy(CSPMiddleware):
    """The content policy: one text, made once, for every answer that asks for nothing else."""

    @cached_property
    def usual(self) -> str:
        """The policy of the settings as it is sent."""
        return build_policy()

    @cached_property
    def of_console(self) -> str:
        """The console's policy: its theme needs more than a public page may."""
        return build_policy(settings.CONSOLE_CONTENT_SECURITY_POLICY)

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Puts the policy on the answer."""
        if request.path_info.startswith("/admin/"):
            response.setdefault(HEADER, self.of_console)
            return response
        if hasattr(request, "_csp_nonce") or not VARIED.isdisjoint(vars(response)):
            return super().process_response(request, response)
        response.setdefault(HEADER, self.usual)
        return response


class Device:
    """Gives each browser that looks at a public page a random number of its own, in a cookie that no script can read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Sets the cookie with the page; reading a page still writes nothing here."""
        response = self.get_response(request)
        page = request.method == "GET" and response.get("Content-Type", "").startswith("text/html")
        if page and DEVICE_COOKIE not in request.COOKIES and not request.path_info.startswith("/admin/"):
            response.set_cookie(
                DEVICE_COOKIE,
                new_device(),
                max_age=DEVICE_SECONDS,
                httponly=True,
                samesite="Lax",
                secure=settings.HTTPS,
            )
        return response


class PageMessages(MessageMiddleware):
    """Messages from one page to the next; calls of the API have none."""

    def __call__(self, request: HttpRequest) -> Any:
        """Passes calls of the API by."""
        return self.get_response(request) if request.path_info.startswith("/api/") else super().__call__(request)
