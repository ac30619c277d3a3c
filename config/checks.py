"""What must be right before strangers may come: each finding says what is wrong and how to mend it.

`refusals` is the one place that keeps a production install from starting; settings.py asks it before anything else
is loaded. The registered checks warn of what works and yet is hardly meant.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Doubt

MAKE_ONE = "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
KNOWN_SECRETS = re.compile(
    r"(?:django-)?insecure.*|(?:change|replace|set|your|my|some|a|the|very|top|super|not|so)?[-_ ]?(?:a|this|me|it)?[-_ ]?"
    r"(?:change[-_ ]?(?:me|this|it)|secret|password|key|default|example|test|dev|development|todo|none|x+|0+|123\d*)"
    r"(?:[-_ ]?(?:key|secret|me|it|now|please|value|here))*",
    re.IGNORECASE,
)


def refusals(given: Mapping[str, str]) -> list[str]:
    """Why an install with these values must not serve people; empty when it may. Pure."""
    found = [reason for name in ("SECRET_KEY", "CODE_KEYS") for reason in secret_refusals(name, given.get(name, ""))]
    found += address_refusals(given.get("PUBLIC_BASE_URL", ""))
    if "*" in [host.strip() for host in given.get("ALLOWED_HOSTS", "").split(",")]:
        found.append("ALLOWED_HOSTS contains *, so any site could pose as this one. Name the hosts, or leave it empty.")
    return found


def secret_refusals(name: str, value: str) -> list[str]:
    if not value.strip():
        return [f"{name} is not set. Give it as {name}, or as a file named by {name}_FILE. {MAKE_ONE}"]
    parts = [part.strip() for part in value.split(",")] if name == "CODE_KEYS" else [value.strip()]
    secrets = [part.rpartition(":")[2] for part in parts] if name == "CODE_KEYS" else parts
    if any(KNOWN_SECRETS.fullmatch(secret) or len(set(secret)) < 5 for secret in secrets):
        return [f"{name} is a known default or as easy to guess as one. {MAKE_ONE}"]
    return []


def address_refusals(address: str) -> list[str]:
    if not address:
        return ["PUBLIC_BASE_URL is not set: the address people reach this site at, such as https://join.example.com"]
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        return [
            f"PUBLIC_BASE_URL is {address!r}. It must be a scheme and a host alone, such as https://join.example.com"
        ]
    return []


@register(deploy=False)
def warnings(app_configs: Sequence[AppConfig] | None = None, **options: Any) -> list[CheckMessage]:
    """What works and is hardly meant, once the install serves people."""
    if settings.DEBUG or not settings.DATABASE_URL or settings.TESTING:
        return []
    doubts = {
        "W001": (
            not settings.PUBLIC_BASE_URL.startswith("https://"),
            "PUBLIC_BASE_URL is not https: private links and cookies travel in the clear.",
            "Put TLS in front and start PUBLIC_BASE_URL with https://.",
        ),
        "W002": (
            not settings.EMAIL_URL,
            "EMAIL_URL is not set: no confirmation and no invite leaves; they wait in the outbox.",
            "Set EMAIL_URL, such as smtp://mail.example.com:25.",
        ),
        "W003": (
            not settings.REDIS_URL,
            "REDIS_URL is not set: only one web process can run, and rate limits are forgotten when it ends.",
            "Set REDIS_URL, such as redis://localhost:6379/0.",
        ),
        "W004": (
            not settings.STAFF_SECOND_FACTOR,
            "STAFF_SECOND_FACTOR is off: a password alone opens the console, and with it every address on the list.",
            "Let staff set up their second factor, then set STAFF_SECOND_FACTOR=on.",
        ),
    }
    return [Doubt(text, hint=hint, id=f"vestibule.{name}") for name, (doubt, text, hint) in doubts.items() if doubt]
