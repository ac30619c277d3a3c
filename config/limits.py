"""The one table of rate limits, the guard that counts by it, and how both reach the API's doors and the pages' forms.

Limits on a network are wide, since an office may stand behind one address; limits on a network together with a contact
or a code are tight. A contact or a domain alone is limited only where the effect is a message to it: otherwise a stranger
could use up somebody's tries. An account is whoever has shown a password or is logged in, so no stranger uses up its tries
at a second factor; passwords that strangers guess for one account from everywhere have allauth's brake. What follows
wrong codes beside the table stands in config/guesses.py.
"""

import hashlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import BadRequest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from django.utils import timezone
from django_ratelimit.core import get_usage
from rest_framework.throttling import BaseThrottle

from config import api, guesses, overload, problems
from invites import cooling
from invites.codes import fold
from invites.policy import NOT_ACCEPTED
from invites.queries import wrong_codes
from outbox.callers import Caller, caller_of, client_ip, device, network
from quality import challenge
from quality.actions import refusals
from quality.challenge import Asked
from quality.models import Refusal
from waitlist.channels import read_any
from waitlist.queries import limit_percent
from waitlist.scoring import FREE_MAIL

__all__ = ["LIMITS", "Decision", "DoorThrottle", "LimitsMiddleware", "client_ip", "spend"]

logger = logging.getLogger(__name__)

# A rule is what it counts by, and how many in which time: "10/10m" is ten in ten minutes. A caller without one of the
# parts (no contact in the form, no cookie of ours, a Unix socket) skips the rule: nobody shares a count with strangers.
# Keys and staff speak for many people from one network, so the rules by network and device are not for them. Everybody
# has an address at a free mail provider, so those have no domain.
LIMITS: dict[str, dict[str, str]] = {
    "join": {
        "network": "600/h",
        "network+contact": "10/10m",
        "network+domain": "200/h",
        "device": "60/h",
        "key": "6000/m",
    },
    "confirm": {"network": "300/h", "network+contact": "20/10m", "device": "60/10m"},
    "resend": {"network": "120/h", "contact": "5/h", "domain": "600/h", "device": "30/h"},
    "redeem": {
        "network": "300/h",
        "network+contact": "20/10m",
        "network+code": "100/10m",
        "device": "60/10m",
        "person": "60/10m",
        "key": "6000/m",
    },
    "hold": {
        "network": "300/h",
        "network+contact": "20/10m",
        "network+code": "60/10m",
        "device": "60/10m",
        "person": "60/10m",
        "key": "6000/m",
    },
    "sign-up": {"network": "300/h", "network+contact": "20/10m", "network+code": "100/10m", "device": "60/10m"},
    "log-in": {"network": "600/h", "network+contact": "10/10m", "device": "100/10m", "account": "10/10m"},
    "log-in-mail": {"network": "120/h", "contact": "6/h", "domain": "600/h", "device": "30/h"},
    "password-reset": {"network": "120/h", "contact": "5/h", "domain": "600/h", "device": "30/h"},
    "share": {"network": "300/h", "person": "60/h", "key": "600/m"},
    "earn": {"network": "600/h", "person": "60/h", "key": "600/m"},
    "quality": {"network": "600/h", "person": "60/h", "key": "1200/m"},
    "me": {"network": "1200/10m", "person": "300/10m"},
    "act": {"network": "600/10m", "person": "60/10m"},
    "validate": {"network": "120/m"},
    "stats": {"network": "600/m"},
    "opened": {"network": "600/h", "device": "30/h"},
    "partner": {"network": "120/10m", "device": "60/10m"},
    "reveal": {"staff": "20/h"},
    "keyed": {"key": "1200/m"},
}

# Where a wrong guess could open something: while the counters are lost, the database's own count of refused codes
# stands in for them. Where codes are tried, the same rows bring a wait in any case (config/guesses.py).
GUESSED = frozenset({"confirm"})
WRONG_CODES, WRONG_WITHIN = 50, timedelta(minutes=10)

# Where something could be guessed or somebody mail-bombed: no owner makes these wider or narrower.
FIXED = frozenset({"confirm", "resend", "log-in", "log-in-mail", "password-reset"})

# Forms of allauth and Django, by the name of their route; `headless` ones by their last word.
FORMS: dict[str, str] = {
    "account_signup": "sign-up",
    "account_login": "log-in",
    "account_reauthenticate": "log-in",
    "account_confirm_login_code": "log-in",
    "account_request_login_code": "log-in-mail",
    "account_reset_password": "password-reset",
    "account_reset_password_from_key": "log-in",
    "account_change_password": "log-in",
    "account_set_password": "log-in",
    "mfa_authenticate": "log-in",
    "mfa_reauthenticate": "log-in",
    "mfa_activate_totp": "log-in",
    "mfa_deactivate_totp": "log-in",
    "mfa_generate_recovery_codes": "log-in",
    "mfa_add_webauthn": "log-in",
    "mfa_edit_webauthn": "log-in",
    "mfa_remove_webauthn": "log-in",
    "mfa_reauthenticate_webauthn": "log-in",
    "usersessions_list": "act",
    "account_email": "password-reset",
    "account_email_verification_sent": "confirm",
    "account_confirm_email": "confirm",
    "socialaccount_signup": "sign-up",
    "admin:login": "log-in",
    "headless:signup": "sign-up",
    "headless:provider_signup": "sign-up",
    "headless:provider_token": "log-in",
    "headless:login": "log-in",
    "headless:reauthenticate": "log-in",
    "headless:confirm_login_code": "log-in",
    "headless:authenticate": "log-in",
    "headless:authenticate_webauthn": "log-in",
    "headless:reauthenticate_webauthn": "log-in",
    "headless:manage_totp": "log-in",
    "headless:manage_recovery_codes": "log-in",
    "headless:manage_webauthn": "log-in",
    "headless:sessions": "act",
    "headless:current_session": "act",
    "headless:request_login_code": "log-in-mail",
    "headless:resend_login_code": "log-in-mail",
    "headless:request_password_reset": "password-reset",
    "headless:reset_password": "log-in",
    "headless:change_password": "log-in",
    "headless:verify_email": "confirm",
    "headless:verify_phone": "confirm",
    "headless:resend_email_verification_code": "password-reset",
    "headless:resend_phone_verification_code": "password-reset",
    "headless:manage_email": "password-reset",
}

UNANSWERED = (DatabaseError, *problems.UNAVAILABLE)
WITH_CHALLENGE = frozenset({"account_signup", "socialaccount_signup"})

CONTACT_FIELDS = ("recipient_email", "email", "phone", "contact", "user_email", "login", "username")
CODE_FIELDS = ("code", "invite_code")
LONGEST_PART = 400

Values = str | tuple[str, ...]
Part = Callable[[str], Values]  # what a part of this call is, or may be; empty when it has none


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    name: str
    parts: tuple[str, ...]
    limit: int
    seconds: int

    @property
    def is_of_crowds(self) -> bool:
        """Whether it only bounds how many come from one place: an owner may set how wide that is. No guess is let through by it."""
        return self.scope not in FIXED and set(self.parts) <= {"network", "device", "domain"}

    @property
    def scope(self) -> str:
        """The line of the table it stands in."""
        return self.name.partition(":")[0]

    def widened(self, percent: int) -> "Rule":
        """The rule with so many percent of its limit, one at least."""
        return replace(self, limit=max(1, self.limit * percent // 100)) if percent != 100 else self

    @classmethod
    def read(cls, scope: str, parts: str, rate: str) -> "Rule":
        """The rule in words such as "network+contact": "10/10m"."""
        count, _slash, period = rate.partition("/")
        seconds = int(period[:-1] or 1) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[period[-1]]
        return cls(f"{scope}:{parts}", tuple(parts.split("+")), int(count), seconds)


RULES = {scope: tuple(Rule.read(scope, *line) for line in lines.items()) for scope, lines in LIMITS.items()}


@dataclass(frozen=True, slots=True)
class Decision:
    """What the guard says: the first rule that was broken, how often, and when to come back (seconds)."""

    allowed: bool = True
    rule: str = ""
    count: int = 0
    limit: int = 0
    retry_after: int = 0
    counted: str = ""  # what it was counted under
    result: Refusal.Result = Refusal.Result.REFUSED


class Counters:
    """The counters in the cache. While they do not answer nobody waits for them: one look in a few seconds is enough."""

    LOOK_AGAIN = 3.0

    def __init__(self) -> None:
        self.lost_until = 0.0
        self.lock = threading.Lock()

    def lost(self) -> bool:
        """Whether to go on without; when it is time to look again, one caller looks and the others still go without."""
        if not self.lost_until:
            return False
        with self.lock:
            if time.monotonic() < self.lost_until:
                return True
            self.lost_until = time.monotonic() + self.LOOK_AGAIN
            return False

    def gone(self) -> bool:
        """The same without looking: what the last one saw."""
        return time.monotonic() < self.lost_until

    def count(self, rule: Rule, value: str) -> Decision | None:
        """Counts one more by the rule; None when the counters are lost."""
        usage = get_usage(
            None, group=rule.name, key=lambda _group, _request: value, rate=(rule.limit, rule.seconds), increment=True
        )
        if usage is None:
            if not self.lost_until:
                logger.warning("the counters of the rate limits do not answer; going on without them")
            self.lost_until = time.monotonic() + self.LOOK_AGAIN
            return None
        self.lost_until = 0.0
        return Decision(
            not usage["should_limit"], rule.name, usage["count"], rule.limit, max(1, usage["time_left"]), value
        )


counters = Counters()


def digest(values: tuple[str, ...]) -> str:
    """What is counted under: no address and no code stands in the cache or in a log."""
    return hashlib.sha256("\0".join(values).encode(errors="replace")).hexdigest()


def spend(scope: str, part: Part) -> Decision:
    """Counts one try in that scope by all of its rules; the first broken one decides. Never raises for a lost cache."""
    if not settings.RATELIMIT_ENABLE:
        return Decision()
    broken: Decision | None = None
    for rule, value in applying(scope, part):
        found = None if counters.lost() else counters.count(rule, value)
        if found is None:
            return without_counters(scope, part)
        if not found.allowed and broken is None:
            broken = found
            logger.warning("rate limit %s: %s of %s, key %s", found.rule, found.count, found.limit, value[:12])
    return broken or Decision()


def applying(scope: str, part: Part) -> Iterator[tuple[Rule, str]]:
    """The scope's rules whose parts are all there, with what they count under."""
    percent = widened_to()
    for written in RULES[scope]:
        rule = written.widened(percent) if written.is_of_crowds else written
        for values in itertools.product(*(listed(part(name)) for name in rule.parts)):
            yield rule, digest(values)


def widened_to() -> int:
    """How wide the owners set the doors, in percent of the table; as written while the database does not say."""
    try:
        return limit_percent()
    except UNANSWERED as error:
        overload.database.note(error)
        return 100


def listed(values: Values) -> tuple[str, ...]:
    """The values of a part, none of them empty."""
    return tuple(value for value in ((values,) if isinstance(values, str) else values) if value)


def without_counters(scope: str, part: Part) -> Decision:
    """The decision while the counters are lost: open, but for guesses, which the database counts."""
    known = listed(part("network"))
    if scope not in GUESSED or not known:
        return Decision()
    wrong = wrong_codes(known[0], timezone.now() - WRONG_WITHIN)
    if wrong < WRONG_CODES:
        return Decision()
    logger.warning("rate limit %s:wrong-codes: %s of %s", scope, wrong, WRONG_CODES)
    waits = int(WRONG_WITHIN.total_seconds())
    return Decision(False, f"{scope}:wrong-codes", wrong, WRONG_CODES, waits, digest(known))


def contact_part(text: str) -> str:
    """The contact as it is compared; what cannot be read as one counts under its folded text."""
    try:
        return read_any(text).canonical
    except ValueError:
        return text.strip().casefold()


def domains(contacts: Iterable[str]) -> tuple[str, ...]:
    """The domains of addresses, without those where everybody has one."""
    found = (one.rpartition("@")[2] for one in contacts if "@" in one)
    return tuple(dict.fromkeys(domain for domain in found if domain not in FREE_MAIL))


def texts(sent: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Every one of these fields, as the forms read it: without the space around it, and what is no text as if it were.

    Which of them the door reads is not known here, and one that it does not read must not stand in for the one it does.
    """
    found = ["" if (value := sent.get(name)) is None else str(value).strip() for name in names]
    return [text[:LONGEST_PART] for text in found if text]


class Call:
    """One call as the rules see it: each part is read when the first rule asks for it."""

    can_work = True  # whether a proof of work can be asked for and sent along

    def __init__(self, request: HttpRequest, sent: Callable[[], Mapping[str, Any]], caller: Caller) -> None:
        self.request, self.sent, self.caller = request, sent, caller
        self.known: dict[str, Values] = {}

    def part(self, name: str) -> Values:
        """The value of that part, empty when this call has none; all of them where several fields may be meant."""
        if name not in self.known:
            self.known[name] = self.read(name)
        return self.known[name]

    def read(self, name: str) -> Values:
        """Reads the part from the call. A code counts as it is looked up, so that writing it otherwise is no new try."""
        if name in ("network", "device"):
            read = {"network": network, "device": device}[name]
            return "" if self.caller.vouched else read(self.request) or ""
        if name == "domain":
            return domains(listed(self.part("contact")))
        if name == "contact":
            return tuple(dict.fromkeys(contact_part(text) for text in texts(self.sent(), CONTACT_FIELDS)))
        if name == "code":
            return tuple(dict.fromkeys(fold(text) for text in texts(self.sent(), CODE_FIELDS)))
        if name == "staff":
            user = getattr(self.request, "user", None)
            return f"staff:{user.pk}" if user is not None and user.is_staff else ""
        if name == "account":
            return account_of(self.request)
        kinds = {"key": ("key", "staff"), "person": ("person",)}[name]
        return self.caller.actor if self.caller.kind in kinds else ""

    def mark(self) -> bytes | None:
        """What a retry of this very call has in common with it; None for a call that may not be retried."""
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        return hashlib.sha256(key.encode(errors="replace") + b"\n" + self.request.body).digest() if key else None

    def typed(self) -> list[str]:
        """The codes as they were typed."""
        return texts(self.sent(), CODE_FIELDS)


# Asking the guard


def judged(scope: str, call: Call) -> Decision:
    """The guard's word on one call: by the table, then by what wrong codes brought. A no leaves its row."""
    decision = spend(scope, call.part)
    if decision.allowed and scope in guesses.SCOPES and settings.RATELIMIT_ENABLE and not call.caller.vouched:
        decision = after_wrong_codes(scope, call)
    if not decision.allowed:
        leave_row(decision, call)
    return decision


def after_wrong_codes(scope: str, call: Call) -> Decision:
    """A wait after a run of them from where this call comes, or work while they come from everywhere."""
    place, contacts = str(call.part("network")), listed(call.part("contact"))
    known = guesses.Guesses(place, without_cache=counters.gone())
    wait = known.wait(str(call.part("device")), contacts)
    if not (wait.seconds or known.is_burst):
        return Decision()
    has_guessed = known.has_run(contacts)
    if guesses.is_owner(call.request, call.sent(), contacts, call.typed(), has_guessed=has_guessed):
        return Decision()
    if wait.seconds:
        run = cooling.RUN if wait.spot else cooling.CROWD
        rule, counted = f"{scope}:wrong-codes:{wait.parts}", digest((place, wait.spot))
        return Decision(False, rule, run, run, wait.seconds, counted, Refusal.Result.COOLED)
    if not call.can_work or challenge.solved(call.sent().get(challenge.FIELD), call.mark()):
        call.request.challenge = Asked(solved=True)  # type: ignore[attr-defined]
        return Decision()
    rule, counted = f"{scope}:wrong-codes:everywhere", digest((place,))
    return Decision(False, rule, known.everywhere, cooling.BURST, 0, counted, Refusal.Result.CHALLENGED)


def leave_row(decision: Decision, call: Call) -> None:
    """Notes the refusal. The answer stands without its row: a no needs no database."""
    place = str(call.part("network")) or None
    try:
        refusals.note(
            decision.rule,
            decision.counted,
            decision.result,
            count=decision.count,
            limit=decision.limit,
            network=place,
        )
    except UNANSWERED as error:
        logger.warning("the refusal by %s left no row", decision.rule, exc_info=error)
        overload.database.note(error)


class DoorThrottle(BaseThrottle):
    """Asks the guard for every API door that names its limit."""

    def __init__(self) -> None:
        self.decision = Decision()

    def allow_request(self, request: Any, view: Any) -> bool:
        """Counts this call. Raises ChallengeRequired where it has to bring a proof of work."""
        scope = getattr(view, "limit", "")
        if scope:
            self.decision = judged(scope, Call(request._request, lambda: view.sent, caller_of(request)))
        if self.decision.result == Refusal.Result.CHALLENGED:
            raise api.ChallengeRequired
        return self.decision.allowed

    def wait(self) -> float | None:
        """Seconds until the broken rule forgets."""
        return self.decision.retry_after or None


def account_of(request: HttpRequest) -> str:
    """Whose account this is: who is logged in, or has shown the password and not yet the second factor."""
    if request.user.is_authenticated:
        return user_pk_to_url_str(request.user)
    begun = request.session.get(LOGIN_SESSION_KEY) or {}
    return str(begun.get("user_pk") or "")


def scope_of(request: HttpRequest, view: Any) -> str:
    """The limit of a page's form: what its view names, or the table's line for allauth's and Django's own. Doors count themselves."""
    if hasattr(view, "cls"):
        return ""
    named: str = getattr(getattr(view, "view_class", view), "limit", "")
    match = request.resolver_match
    if named or match is None:
        return named
    if "headless" in match.namespaces:
        return FORMS.get(f"headless:{match.url_name}", "")
    return FORMS.get(match.view_name, "")


def sent_by(request: HttpRequest) -> Mapping[str, Any]:
    """The fields of a form, or of the JSON that allauth's headless API takes, whatever its Content-Type says."""
    match = request.resolver_match
    if request.content_type != "application/json" and not (match and "headless" in match.namespaces):
        return request.POST
    try:
        return api.read_json(request.body) if request.body else {}
    except (ValueError, RecursionError, RawPostDataException) as error:
        raise BadRequest from error


def may_show_challenge(request: HttpRequest) -> bool:
    """Whether this is a form that can show the proof of work and keep what was typed."""
    match = request.resolver_match
    return match is not None and match.view_name in WITH_CHALLENGE


def ask_beforehand(call: Call) -> None:
    """The form shows the proof of work at once while strangers are asked for one, so that it is done before they have typed."""
    known = guesses.Guesses("", without_cache=counters.gone()) if settings.RATELIMIT_ENABLE else None
    if known and known.is_burst and not guesses.is_owner(call.request, {}, (), ()):
        call.request.challenge = Asked()  # type: ignore[attr-defined]


def refuse(request: HttpRequest, decision: Decision) -> HttpResponse | None:
    """Says the no of the guard. A form that can show the proof of work goes on, and asks for it."""
    if decision.result != Refusal.Result.CHALLENGED:
        return problems.respond(request, "rate_limited", retry_after=decision.retry_after)
    if problems.is_api(request):
        return problems.respond(request, api.ChallengeRequired.default_code, more=api.ChallengeRequired().more)
    request.challenge = Asked()  # type: ignore[attr-defined]
    return None


def code_was_refused(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether this call tried a code in vain: a door's answer says so, or the passage through the sign-up gate."""
    said, passage = getattr(response, "data", None), getattr(request, "passage", None)
    in_door = response.status_code == 422 and isinstance(said, dict) and said.get("code") == NOT_ACCEPTED
    return in_door or (passage is not None and passage.attempt is not None)


class LimitsMiddleware:
    """Asks the guard before a form is handled. Looking at a page is free, unless its view names a limit for it (`looks`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Passes it on; when a code was refused, the next try from there is judged by it."""
        response = self.get_response(request)
        if code_was_refused(request, response) and not counters.gone() and not caller_of(request).vouched:
            try:
                guesses.look_anew(network(request))
            except UNANSWERED as error:  # the answer stands; whoever tries next is judged by what was known before
                overload.database.note(error)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Refuses when a rule is broken."""
        shows, looks = may_show_challenge(request), getattr(getattr(view, "view_class", None), "looks", "")
        scope = looks if request.method in api.SAFE and not shows else scope_of(request, view)
        if not scope:
            return None
        call = Call(request, lambda: sent_by(request), caller_of(request))
        if request.method in api.SAFE and not looks:
            ask_beforehand(call)
            return None
        call.can_work = shows or problems.is_api(request)
        decision = judged(scope, call)
        return None if decision.allowed else refuse(request, decision)
