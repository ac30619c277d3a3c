"""What may be blocked: a domain or a network, read from what staff typed. Pure; no queries, no clock."""

import ipaddress
from dataclasses import dataclass

import idna
from django.utils.translation import gettext as _

from quality.rules import is_local
from waitlist.scoring import FREE_MAIL

NARROWEST = {4: 24, 6: 64}  # narrower is one household, which moves
WIDEST = {4: 16, 6: 32}
DEFAULT_DAYS, MOST_DAYS = 30, 365


@dataclass(frozen=True, slots=True)
class Target:
    """A domain, or a network by its ends."""

    domain: str = ""
    network: str = ""
    first: str | None = None
    last: str | None = None

    def __str__(self) -> str:
        return self.domain or self.network


def target_of(typed: str, *, ours: frozenset[str] = frozenset()) -> Target:
    """What was meant: an address is widened to its network, a mailbox to its domain. ValueError says why it cannot be blocked.

    `ours` are the domains of our own house.
    """
    text = typed.strip().rpartition("@")[2].strip(". ")
    return network_of(text) if "/" in text or ":" in text or text.replace(".", "").isdigit() else domain_of(text, ours)


def network_of(text: str) -> Target:
    """The network, or the one around an address."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(_("This is no network; write it like 203.0.113.0/24 or 2001:db8:1:2::/64.")) from error
    if network.prefixlen > NARROWEST[network.version]:
        network = network.supernet(new_prefix=NARROWEST[network.version])
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(
            _("This is too wide: whole providers and towns are in it. At most /%(widest)d.")
            % {"widest": WIDEST[network.version]}
        )
    first, last = str(network.network_address), str(network.broadcast_address)
    if is_local(first) or is_local(last):
        raise ValueError(_("This network is of our own house: everybody who comes past its proxy would be held."))
    return Target(network=str(network), first=first, last=last)


def domain_of(text: str, ours: frozenset[str]) -> Target:
    """The domain in ASCII."""
    try:
        domain = idna.encode(text, uts46=True).decode().casefold()
    except idna.IDNAError as error:
        raise ValueError(_("This is neither a domain nor a network.")) from error
    if "." not in domain:
        raise ValueError(_("This is a whole top-level domain, or none: write the one domain, such as example.com."))
    if domain in FREE_MAIL:
        raise ValueError(
            _(
                "%(domain)s gives mailboxes to everybody: most people there are honest. Block the network they come from instead."
            )
            % {"domain": domain}
        )
    if any(one == domain or one.endswith("." + domain) for one in ours):
        raise ValueError(_("%(domain)s is our own domain.") % {"domain": domain})
    return Target(domain=domain)
