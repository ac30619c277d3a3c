"""The console's door: one way to log in, the second factor that this install asks for, and when a session was last in use."""

from collections.abc import Callable

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.cache import cache
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _

from accounts.actions import SEEN_EVERY, mark_seen
from accounts.adapters import has_second_factor
from outbox.callers import client_ip


def to_log_in(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """Where the console sends strangers: to the one log-in there is, with its limits and its second factor.

    Django's own log-in view is never run: it knows neither, and would log in whoever posts a password to it.
    """
    asked = request.GET.get(REDIRECT_FIELD_NAME, "")
    ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    then = asked if ours else reverse("admin:index")
    if not request.user.is_authenticated:
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({REDIRECT_FIELD_NAME: then})}")
    if not request.user.is_staff:
        raise PermissionDenied("The console is for staff. Log out first, then log in as staff.")
    return HttpResponseRedirect(then)


def to_change_password(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """The one form for it, with its limits."""
    return redirect("account_change_password")


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether this install asks staff for a second factor, and whoever is logged in here has none.

    A session that was opened with one needs no look: taking it away ends the session.
    """
    if not settings.STAFF_SECOND_FACTOR:
        return False
    proofs = {one["method"] for one in get_authentication_records(request, request.user)}
    return "mfa" not in proofs and not has_second_factor(request.user)


class ConsoleDoor:
    """Stands before every page of the console."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Passes on who may; public pages and the API are not looked at, and cost nothing."""
        if request.path_info.startswith("/admin/") and request.user.is_authenticated and request.user.is_staff:
            if "%00" in request.META.get("QUERY_STRING", ""):
                raise BadRequest("The address holds the character NUL, which no text of the database can hold.")
            note_use(request)
            if lacks_second_factor(request) and request.path_info != reverse("admin:logout"):
                messages.warning(request, _("This console opens with a second factor only. Set yours up first."))
                return redirect("mfa_index")
        return self.get_response(request)


def note_use(request: HttpRequest) -> None:
    """When the session was last in use, and from where. Sessions that the log-in did not open have no row."""
    if get_authentication_records(request, request.user):
        key = str(request.session.session_key)
        if cache.add(f"seen:{key}", True, SEEN_EVERY.total_seconds()):
            mark_seen(key, client_ip(request) or "::")
