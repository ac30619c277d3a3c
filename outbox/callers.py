"""Who calls a door, and from where: the actor's name, the network and the device, read from one request."""

import ipaddress
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest

from outbox.countries import country_of

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Caller:
    """`kind` is public, person, key or staff; `row` the entry, key or user behind it; `scopes` what it may do."""

    kind: str = "public"
    row: Any = None
    scopes: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """How the trail names this caller: "public", "person:12", "key:3", "staff:5"."""
        return self.kind if self.row is None else f"{self.kind}:{self.row.pk}"

    @property
    def vouched(self) -> bool:
        """A key or staff: somebody we know speaks for the person, and may be told the truth."""
        return self.kind in ("key", "staff")


PUBLIC = Caller()


@dataclass(frozen=True, slots=True)
class Origin:
    """From where and with what one gesture came, as far as it is known: what is assessed, and kept for some weeks only."""

    network: str | None = None  # as network() says it; None for who speaks for many people
    user_agent: str = ""
    device: str = ""  # the random number in this browser's own cookie
    form_seconds: float | None = None  # from showing the form to sending it; None where there was no form of ours
    country: str = ""  # two letters, where a proxy or a file tells
    at: datetime | None = None  # None is now, by the database's clock; a simulation says when


NOWHERE = Origin()


def caller_of(request: Any) -> Caller:
    """The caller that authentication found, else the public."""
    found = getattr(getattr(request, "_request", request), "caller", PUBLIC)
    return found if isinstance(found, Caller) else PUBLIC


def actor(request: Any) -> str:
    """The caller's name for `by=`."""
    return caller_of(request).actor


def parsed(text: str) -> Address | None:
    """The address, with a port or brackets around it or not; an IPv4 address in IPv6 clothes is the IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def address_of(request: Any) -> Address | None:
    """The caller's address. Only the hops that TRUSTED_PROXIES says are ours are believed; what stands before is a claim."""
    peer = parsed(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return peer
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    said = hops[-settings.TRUSTED_PROXIES] if len(hops) >= settings.TRUSTED_PROXIES else ""
    return parsed(said) or peer


def client_ip(request: HttpRequest) -> str:
    """The caller's address as text, empty when there is none (a Unix socket)."""
    return str(address_of(request) or "")


def network(request: Any) -> str | None:
    """What limits and the trace count by: an IPv4 address, or the first 64 bits of an IPv6 one; None when there is none."""
    address = address_of(request)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), 64), strict=False).network_address)
    return str(address) if address else None


def user_agent(request: Any) -> str:
    """What the device says it is: at most 300 characters, none of them a control character."""
    return CONTROLS.sub("", request.META.get("HTTP_USER_AGENT", ""))[:300].strip()


DEVICE_COOKIE = "vestibule_device"  # a random number that tells browsers apart: no name, no address, never shared


def new_device() -> str:
    """The cookie's value for a browser that has none: a random number, signed so that nobody invents one."""
    return signing.Signer(salt=DEVICE_COOKIE).sign(secrets.token_urlsafe(12))


def device(request: Any) -> str:
    """The number of the calling browser; "" for a program, and for a cookie that is not ours."""
    try:
        return signing.Signer(salt=DEVICE_COOKIE).unsign(request.COOKIES.get(DEVICE_COOKIE, ""))
    except signing.BadSignature:
        return ""


def origin_of(request: Any, form_seconds: float | None = None) -> Origin:
    """The origin of a request. A key or staff speak for many people: their own network and device say nothing of the person."""
    django = getattr(request, "_request", request)
    if caller_of(request).vouched:
        return Origin(user_agent=user_agent(django))
    country = country_of(django.META, client_ip(django))
    return Origin(network(django) or None, user_agent(django), device(django), form_seconds, country)
