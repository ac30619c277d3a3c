"""How an error is said: one table from the stable word to status, title and next step; as problem+json or as a page."""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
MEDIA_TYPE = "application/problem+json"
UNAVAILABLE = (OperationalError, InterfaceError, psycopg.OperationalError)  # PoolTimeout is one of the last


@dataclass(frozen=True, slots=True)
class Problem:
    """A status, a title and a sentence with the next step."""

    status: int
    title: str
    detail: Text
    retry_after: int = 0


PROBLEMS: dict[str, Problem] = {
    "malformed": Problem(400, "Malformed request", _("The request cannot be read. Send one JSON object in UTF-8.")),
    "invalid": Problem(400, "Invalid input", _("Some fields need another look: %(fields)s. Nothing was changed.")),
    "not_authenticated": Problem(
        401, "Credential missing", _("This needs a credential: an API key, or the token of a private link.")
    ),
    "authentication_failed": Problem(
        401,
        "Credential refused",
        _("This credential is unknown, expired or revoked. Ask for a new key, or for a new link."),
    ),
    "permission_denied": Problem(
        403, "Not allowed", _("This credential may not do that. Use a key with the scope that the API page names.")
    ),
    "csrf_failed": Problem(
        403, "Sent from elsewhere", _("The request did not come from our own page. Reload the page and try again.")
    ),
    "challenge_required": Problem(
        403,
        "Proof of work asked for",
        _(
            "Many wrong codes are being tried at the moment. Solve the challenge and send the solution as altcha."
            " The link in our mail needs none."
        ),
    ),
    "launch_closed": Problem(403, "Closed", _("This launch takes nobody in at the moment. Come back later.")),
    "not_found": Problem(404, "Not found", _("There is nothing here. Check the address.")),
    "method_not_allowed": Problem(405, "Method not allowed", _("This address does not answer to that method.")),
    "stale_state": Problem(409, "Somebody was faster", _("The state changed in between. Look again, then decide.")),
    "still_running": Problem(
        409, "Still running", _("The first call with this Idempotency-Key is still running. Wait a second."), 1
    ),
    "batch_differs": Problem(409, "Batch exists", _("This batch_id was used for another request. Use a new one.")),
    "quota_reached": Problem(409, "Quota reached", _("Today's quota is used up. Try again tomorrow, or ask an owner.")),
    "gate_closed": Problem(
        409, "Gate closed", _("A quality gate is closed. Wait until it opens, or ask an owner to override it.")
    ),
    "pace_waits": Problem(
        409, "Not yet", _("The last batch has not proved itself yet. Wait, or say how many to invite.")
    ),
    "length_required": Problem(411, "Length required", _("Send the body in one piece, with its Content-Length.")),
    "too_large": Problem(413, "Too large", _("The body may have 64 KiB. Send less.")),
    "unsupported_media_type": Problem(415, "Unsupported media type", _("Send the body as application/json in UTF-8.")),
    "refused": Problem(422, "Refused", _("This cannot be done as things stand. Nothing was changed.")),
    "defer_out_of_range": Problem(
        422, "Date out of range", _("That date is in the past or too far away. Choose another.")
    ),
    "idempotency_key_reused": Problem(
        422,
        "Idempotency key reused",
        _("This Idempotency-Key was used for another request. Use a new one for a new request."),
    ),
    "invite_not_accepted": Problem(
        422, "Invite not accepted", _("This code cannot be accepted. Check it for a typing slip, or join the waitlist.")
    ),
    "code_wrong": Problem(
        422, "Wrong code", _("These are not the digits of our latest message. Check them, or ask for a new message.")
    ),
    "too_many_tries": Problem(
        429, "Too many tries", _("Too many wrong tries. Ask for a new message and use its digits."), 60
    ),
    "rate_limited": Problem(
        429, "Too many tries", _("Too many tries in a short time. Wait %(seconds)s seconds, then try again."), 60
    ),
    "internal": Problem(500, "Internal error", _("Something broke on our side and was noted. Try again later.")),
    "unavailable": Problem(
        503, "Unavailable", _("We are busy or being mended. Nothing is lost; try again in a moment.")
    ),
}


def retry_seconds() -> int:
    """When to come back after a 503: spread over a few seconds, so that not everybody comes at once."""
    return 1 + secrets.randbelow(5)


def problem_of(code: str) -> Problem:
    """The table's line for a word. A verb's own word without a line is a refusal."""
    return PROBLEMS.get(code) or Problem(422, code.replace("_", " ").capitalize(), PROBLEMS["refused"].detail)


def document(
    code: str, detail: Text = "", *, errors: Mapping[str, Any] | None = None, **words: object
) -> dict[str, Any]:
    """The members of RFC 9457, and beside them our stable word and the fields at fault. `words` fill the table's sentence."""
    problem = problem_of(code)
    sentence = problem.detail % words if words else problem.detail
    return {
        "type": f"urn:vestibule:problem:{code}",
        "title": problem.title,
        "status": problem.status,
        "detail": str(detail or sentence),
        "code": code,
        "errors": errors or {},
    }


def is_api(request: HttpRequest) -> bool:
    """Whether programs call this path, so that errors are said as JSON."""
    return request.path.startswith(("/api/", "/_allauth/", "/health", "/metrics"))


def page(request: HttpRequest, status: int, context: dict[str, Any]) -> HttpResponse:
    """The error page. From 500 on it is drawn without the request: what broke may be what the page would ask."""
    template = loader.get_template(f"{status}.html")
    return HttpResponse(template.render(context, request if status < 500 else None), status=status)


def respond(
    request: HttpRequest, code: str, *, detail: Text = "", retry_after: int = 0, more: Mapping[str, Any] | None = None
) -> HttpResponse:
    """The error as this path says errors: problem+json (with `more` members) or a page."""
    problem = problem_of(code)
    retry_after = retry_after or (retry_seconds() if problem.status == 503 else problem.retry_after)
    if is_api(request):
        said = document(code, detail, seconds=retry_after) if code == "rate_limited" else document(code, detail)
        response: HttpResponse = JsonResponse(said | dict(more or {}), status=problem.status, content_type=MEDIA_TYPE)
    else:
        response = page(request, problem.status, {"retry_after": retry_after})
    response["Cache-Control"] = "no-store"
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400."""
    return respond(request, "malformed")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403."""
    return respond(request, "permission_denied")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW."""
    if is_api(request):
        return respond(request, "csrf_failed")
    return HttpResponse(loader.get_template("403_csrf.html").render({}, request), status=403)


def not_found(request: HttpRequest, exception: Exception | None = None, **path: Any) -> HttpResponse:
    """handler404, and the last route under /api/."""
    return respond(request, "not_found")


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500; a lost database that a middleware met is a 503 all the same."""
    return respond(request, "unavailable" if isinstance(sys.exc_info()[1], UNAVAILABLE) else "internal")


DJANGO_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (RequestDataTooBig, "too_large"),
    (SuspiciousOperation, "malformed"),
    (BadRequest, "malformed"),
    (Http404, "not_found"),
    (PermissionDenied, "permission_denied"),
)
