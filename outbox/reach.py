"""Where a webhook may go: its name is looked up once, every address is checked, and the call is made to a checked address.

Nothing is looked up between the check and the connection, so a name that answers otherwise a moment later (rebinding)
changes nothing; and no redirect is followed.
"""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings
from django.utils.translation import gettext as _
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from outbox.callers import CONTROLS, Address
from outbox.errors import Refused

LONGEST_URL = 500
CONNECT = 5.0  # seconds to connect
TOTAL = 10.0  # seconds until the status is known
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What the standard library of some versions takes for public: protocol assignments and documentation; and the address at which
# one large cloud serves its machines' secrets.
NEVER = tuple(ipaddress.ip_network(text) for text in ("192.0.0.0/24", "168.63.129.16/32", "3fff::/20"))


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart. `host` is in ASCII, without brackets."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """The URL taken apart. Refused: url_invalid."""
    try:
        parts = urlsplit(url)
        host, port = ascii_host(parts.hostname or ""), parts.port
    except ValueError as error:
        raise invalid() from error
    plain = not (parts.username or parts.password or parts.fragment or CONTROLS.search(url) or " " in url)
    if parts.scheme not in ("http", "https") or not (
        host and plain and path_of(parts).isascii() and len(url) <= LONGEST_URL
    ):
        raise invalid()
    secure = parts.scheme == "https"
    return Place(secure, host, port or (443 if secure else 80), path_of(parts))


def invalid() -> Refused:
    return Refused("url_invalid", _("That is no address of a webhook. Write it like https://example.com/hooks."))


def ascii_host(host: str) -> str:
    """The host name as the wire carries it."""
    return host if host.isascii() else idna.encode(host, uts46=True).decode()


def path_of(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def addresses_of(place: Place) -> list[Address]:
    """The addresses of the place, each of them allowed. Refused: host_unknown, address_private, url_not_https."""
    found = looked_up(place)
    if not all(allowed(place, address) for address in found):
        raise Refused("address_private", _("This name leads to a private address, and no webhook goes there."))
    if not place.secure and not all(named_in_settings(place, address) for address in found):
        raise Refused("url_not_https", _("Webhooks go over https, except to hosts that WEBHOOK_PRIVATE_HOSTS names."))
    return found


def looked_up(place: Place) -> list[Address]:
    """Asks the resolver, once."""
    try:
        answers = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("host_unknown", _("No address is found for this name.")) from error
    texts = [str(answer[4][0]).partition("%")[0] for answer in answers]
    return [ipaddress.ip_address(text) for text in dict.fromkeys(texts)]


def allowed(place: Place, address: Address) -> bool:
    """Whether a webhook may be sent there."""
    return is_public(address) or named_in_settings(place, address)


def is_public(address: Address) -> bool:
    """Whether everybody on the Internet means the same machine by it; an IPv4 address in IPv6 clothes is judged as it is."""
    bare = unwrapped(address)
    odd = bare.is_multicast or bare.is_reserved or getattr(bare, "is_site_local", False)
    return bare.is_global and not odd and not any(bare in network for network in NEVER)


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside a mapped, NAT64, 6to4 or Teredo one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, address))[1]


def named_in_settings(place: Place, address: Address) -> bool:
    """Whether the owner allows this name, or a network that holds this address."""
    return any(place.host == named or address in network_of(named) for named in settings.WEBHOOK_PRIVATE_HOSTS)


def network_of(named: str) -> Sequence[Address] | ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network of that text; a name holds no address."""
    try:
        return ipaddress.ip_network(named, strict=False)
    except ValueError:
        return ()


def post(place: Place, addresses: Sequence[Address], headers: Mapping[str, str], body: str) -> int:
    """Sends the body and gives the status; nothing else of the answer is read. Raises OSError or HTTPError without one."""
    deadline = time.monotonic() + TOTAL
    connection = connected(place, addresses, deadline)
    # Each read has a time of its own, so that one who answers byte by byte would never be late: the socket is cut.
    guard = threading.Timer(max(0.0, deadline - time.monotonic()), cut, [connection.sock])
    guard.start()
    try:
        connection.timeout = max(0.1, deadline - time.monotonic())
        ours = {**headers, "Host": place.authority, "Connection": "close"}
        connection.request("POST", place.path, body=body.encode(), headers=ours, preload_content=False)
        return int(connection.getresponse().status)
    finally:
        guard.cancel()
        connection.close()


def cut(sock: socket.socket) -> None:
    """Ends the conversation, whoever waits for it."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def connected(place: Place, addresses: Sequence[Address], deadline: float) -> HTTPConnection:
    """A connection to the first of the checked addresses that answers; the certificate is held against the name."""
    lost: OSError | HTTPError = TimeoutError("no address was tried")
    for address in addresses:
        seconds = min(CONNECT, deadline - time.monotonic())
        if seconds <= 0:
            break
        connection = connection_to(place, address, seconds)
        try:
            connection.connect()
        except (OSError, HTTPError) as error:
            connection.close()
            lost = error
        else:
            return connection
    raise lost


def connection_to(place: Place, address: Address, seconds: float) -> HTTPConnection:
    """Not open yet. The host is the address itself, which nobody has to look up."""
    if not place.secure:
        return HTTPConnection(str(address), place.port, timeout=seconds)
    trust = ssl.create_default_context()
    return HTTPSConnection(str(address), place.port, timeout=seconds, server_hostname=place.host, ssl_context=trust)
