"""The one table of rate limits, the guard that counts by it, and how both reach the API's doors and the pages' forms.

Limits on a network are wide, since an office may stand behind one address; limits on a network together with a contact
or a code are tight. A contact alone is limited only where the effect is a message to it: otherwise a stranger could use
up somebody's tries.
"""

import hashlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from django.utils import timezone
from django_ratelimit.core import get_usage
from rest_framework.throttling import BaseThrottle

from config import api, problems
from invites.codes import fold
from invites.queries import wrong_codes
from outbox.callers import Caller, caller_of, client_ip, network
from waitlist.channels import read_any

__all__ = ["LIMITS", "Decision", "DoorThrottle", "LimitsMiddleware", "client_ip", "spend"]

logger = logging.getLogger(__name__)

# A rule is what it counts by, and how many in which time: "10/10m" is ten in ten minutes. A caller without one of the
# parts (no contact in the form, a Unix socket) skips the rule: nobody shares a count with strangers. Keys and staff
# speak for many people from one network, so the rules by network are not for them.
LIMITS: dict[str, dict[str, str]] = {
    "join": {"network": "600/h", "network+contact": "10/10m", "key": "6000/m"},
    "confirm": {"network": "300/h", "network+contact": "20/10m"},
    "resend": {"network": "120/h", "contact": "5/h"},
    "redeem": {"network": "300/h", "network+contact": "20/10m", "network+code": "100/10m", "key": "6000/m"},
    "sign-up": {"network": "300/h", "network+contact": "20/10m"},
    "log-in": {"network": "600/h", "network+contact": "10/10m"},
    "log-in-mail": {"network": "120/h", "contact": "6/h"},
    "password-reset": {"network": "120/h", "contact": "5/h"},
    "share": {"network": "300/h", "person": "60/h", "key": "600/m"},
    "earn": {"network": "600/h", "person": "60/h", "key": "600/m"},
    "quality": {"network": "600/h", "person": "60/h", "key": "1200/m"},
    "me": {"network": "1200/10m", "person": "300/10m"},
    "act": {"network": "600/10m", "person": "60/10m"},
    "validate": {"network": "120/m"},
    "stats": {"network": "600/m"},
    "keyed": {"key": "1200/m"},
}

# Where a wrong guess could open something: while the counters are lost, the database's own count of refused codes
# stands in for them.
GUESSED = frozenset({"redeem", "sign-up", "confirm"})
WRONG_CODES, WRONG_WITHIN = 50, timedelta(minutes=10)

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
        return Decision(not usage["should_limit"], rule.name, usage["count"], rule.limit, max(1, usage["time_left"]))


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
    for rule in RULES[scope]:
        for values in itertools.product(*(listed(part(name)) for name in rule.parts)):
            yield rule, digest(values)


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
    return Decision(False, f"{scope}:wrong-codes", wrong, WRONG_CODES, int(WRONG_WITHIN.total_seconds()))


def contact_part(text: str) -> str:
    """The contact as it is compared; what cannot be read as one counts under its folded text."""
    try:
        return read_any(text).canonical
    except ValueError:
        return text.strip().casefold()


def texts(sent: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Every one of these fields that holds text: which of them the door reads is not known here, and one that it does not
    read must not stand in for the one it does."""
    found = [sent.get(name) for name in names]
    return [value[:LONGEST_PART] for value in found if isinstance(value, str) and value.strip()]


class Call:
    """One call as the rules see it: each part is read when the first rule asks for it."""

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
        if name == "network":
            return "" if self.caller.vouched else network(self.request) or ""
        if name == "contact":
            return tuple(dict.fromkeys(contact_part(text) for text in texts(self.sent(), CONTACT_FIELDS)))
        if name == "code":
            return tuple(dict.fromkeys(fold(text) for text in texts(self.sent(), CODE_FIELDS)))
        kinds = {"key": ("key", "staff"), "person": ("person",)}[name]
        return self.caller.actor if self.caller.kind in kinds else ""


class DoorThrottle(BaseThrottle):
    """Asks the guard for every API door that names its limit."""

    def __init__(self) -> None:
        self.decision = Decision()

    def allow_request(self, request: Any, view: Any) -> bool:
        """Counts this call."""
        scope = getattr(view, "limit", "")
        if scope:
            self.decision = spend(scope, Call(request, lambda: view.sent, caller_of(request)).part)
        return self.decision.allowed

    def wait(self) -> float | None:
        """Seconds until the broken rule forgets."""
        return self.decision.retry_after or None


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


class LimitsMiddleware:
    """Asks the guard before a form is handled. Looking at a page is free."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Refuses with 429 when a rule is broken."""
        if request.method in api.SAFE:
            return None
        scope = scope_of(request, view)
        call = Call(request, lambda: sent_by(request), caller_of(request))
        decision = spend(scope, call.part) if scope else Decision()
        if decision.allowed:
            return None
        return problems.respond(request, "rate_limited", retry_after=decision.retry_after)
