"""Who calls a door, and from where: the actor's name, the network and the device, read from one request."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

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
