"""The one wrapper around every URL of allauth: a transaction, so that a refused sign-up leaves nothing behind, and its answer.

allauth writes the user, the address and the social account one after the other, each on its own. Here they stand in
one transaction with the redemption: whatever fails, all of it is gone. Only what passes through here can make a user.
"""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import is_headless_request
from allauth.headless.internal.restkit.response import APIResponse
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext as _

from invites import carried, policy
from invites.actions import redeeming
from invites.actions.redeeming import Ask
from invites.admission import Admission
from outbox.errors import Refused
from waitlist.models import Launch
from waitlist.tokens import PERSON_COOKIE

View = Callable[..., HttpResponseBase]
Run = Callable[[], HttpResponseBase]
TRIES = 3
NOT_ADMITTED = "user_was_admitted"  # the check on users that nobody gets past
TAKEN = frozenset({"accounts_user_email_key", "unique_verified_email"})  # somebody made this user in the same instant


class Raced(Exception):
    """What was decided is not so any more: another session was faster. The view decides anew."""


@dataclass
class Passage:
    """One request on its way through the gate."""

    admission: Admission | None = None
    attempt: tuple[Launch, Ask, str] | None = None  # a code that was refused, to be noted
    refused: Refused | None = None  # came late; the form says it when the view runs again
    said: bool = False
    raced: bool = False
    passed: bool = False  # the form was good; what the browser carried is spent, whatever became of it


def passage_of(request: HttpRequest) -> Passage:
    """The passage of this request. A view that is not behind the gate has none, and makes no user."""
    found = getattr(request, "passage", None)
    if not isinstance(found, Passage):
        raise PermissionDenied("This address is not behind the gate, so it makes no user.")
    return found


def behind_gate(patterns: Sequence[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same routes, every view of them guarded."""
    return [_resolver(one) if isinstance(one, URLResolver) else _pattern(one) for one in patterns]


def _resolver(one: URLResolver) -> URLResolver:
    inner: Any = behind_gate(one.url_patterns)
    return URLResolver(one.pattern, inner, one.default_kwargs, one.app_name, one.namespace)


def _pattern(one: URLPattern) -> URLPattern:
    return URLPattern(one.pattern, guarded(one.callback), one.default_args, one.name)


def guarded(view: View) -> View:
    """The view as one transaction, and its refusals as answers."""

    @functools.wraps(view)
    def through(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        run = functools.partial(view, request, *args, **kwargs)
        # allauth runs a suspended request inside another one, which has its passage already.
        return run() if hasattr(request, "passage") else pass_through(request, run)

    through.gated = True  # type: ignore[attr-defined]
    return through


def pass_through(request: HttpRequest, run: Run) -> HttpResponseBase:
    """Runs the view until it was not overtaken, and notes what was refused once its transaction is over."""
    passage = request.passage = Passage()  # type: ignore[attr-defined]
    session, response, tries = request.session.session_key, None, TRIES
    was_signed_in, began = request.user.is_authenticated, time.monotonic()
    while response is None and tries:
        response = one_try(passage, run)
        if response is None:
            # The session is as before, too: what a rolled back view put into it never happened.
            request.session = type(request.session)(session)
            tries = tries - 1 if may_run_again(request, passage) else 0
    if passage.attempt:
        redeeming.note_attempt(*passage.attempt)
    if response is None:
        return turn_back(request, passage.refused or Refused(policy.NOT_ACCEPTED))
    if passage.passed:
        carried.forget(response)
    if request.user.is_authenticated and not was_signed_in:
        response.delete_cookie(PERSON_COOKIE, samesite="Lax")  # from now on their page is found by the log-in
    elif passage.passed:
        # Making somebody takes longer than writing to somebody known: both answers come when the longer one is sure to.
        time.sleep(max(0.0, began + settings.SIGN_UP_SECONDS - time.monotonic()))
    return response


def one_try(passage: Passage, run: Run) -> HttpResponseBase | None:
    """The view's answer, or None when all of it was rolled back."""
    passage.passed = False
    try:
        with transaction.atomic():
            return committed(run)
    except Raced:
        passage.raced = True
    except Refused as refused:
        note(passage, refused)
    except IntegrityError as error:
        broken = constraint_of(error)
        if broken == NOT_ADMITTED:
            raise PermissionDenied("A user whom nobody admitted was refused.") from None  # the error holds the row
        if broken not in TAKEN:
            raise
        passage.raced = True
    except (UnicodeEncodeError, RecursionError) as error:
        raise BadRequest from error  # text that is no text, or JSON nested without end
    return None


def may_run_again(request: HttpRequest, passage: Passage) -> bool:
    """After a race it decides anew; a form runs again to say what was refused. JSON is answered without it."""
    return passage.refused is None or not (is_headless_request(request) or passage.said)


def committed(run: Run) -> HttpResponseBase:
    """The view's answer. allauth also answers by an exception, which must not undo what the view did."""
    try:
        return run()
    except ImmediateHttpResponse as answer:
        response: HttpResponseBase = answer.response
        return response


def note(passage: Passage, refused: Refused) -> None:
    """Remembers the refusal, and the code for the trail. What is refused for another reason was no attempt at a code."""
    admission, passage.refused = passage.admission, refused
    if admission and refused.reason == policy.NOT_ACCEPTED and passage.attempt is None:
        passage.attempt = (admission.launch, admission.ask, refused.why)


def constraint_of(error: IntegrityError) -> str:
    """The name of the constraint that was broken."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnosis, "constraint_name", ""))


def sentence(refused: Refused) -> str:
    """What a refusal says to the person."""
    if refused.detail:
        return refused.detail
    if refused.reason == "launch_closed":
        return _("Nobody is let in at the moment. Come back later.")
    return _("This code cannot be accepted. Check it for a typing slip, or join the waitlist.")


def turn_back(request: HttpRequest, refused: Refused) -> HttpResponseBase:
    """The refusal in the words of whoever asks: as allauth's JSON says errors, or as a message above the form."""
    if is_headless_request(request):
        closed = refused.reason == "launch_closed"
        error = {"message": sentence(refused), "code": refused.reason}
        error |= {} if closed else {"param": "invite_code"}
        response: HttpResponseBase = APIResponse(request, errors=[error], status=403 if closed else 422)
        return response
    messages.error(request, sentence(refused))
    return redirect("account_signup")
