"""What follows wrong codes: a wait for where a run of them came from, and work for strangers while they come from everywhere.

Both are read from the rows of refused codes. The cache only spares the reading; lost or flushed, it changes no answer. An
owner waits for nobody else's wrong codes: who shows the link that was mailed to them, or types a code that was made for
their own contact, passes.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from invites import cooling, queries
from invites.carried import LONGEST, carried_by
from invites.tokens import invite_of
from outbox.callers import caller_of
from outbox.keys import address_key
from waitlist.tokens import PERSON_COOKIE, entry_of

SCOPES = frozenset({"hold", "redeem", "sign-up"})  # where codes are tried
MOST_READ = 300  # of one network's refused codes: four runs of a crowd and more
KEPT = 600  # seconds that the cache keeps when a network may go on
LOOK_AGAIN = 5  # seconds between two looks at the whole
EVERYWHERE = "guesses:everywhere"

Ends = dict[str, float]  # what has to wait, and until when


@dataclass(frozen=True, slots=True)
class Wait:
    """How many seconds somebody has to wait, by which parts, and for what the network's ends name."""

    parts: str = ""
    spot: str = ""
    seconds: int = 0


def of_contact(key: bytes | None) -> str:
    """A contact among the network's ends."""
    return f"contact {bytes(key).hex()}" if key else ""


def kind_of(contact: str) -> str:
    """What a canonical contact is."""
    return "email" if "@" in contact else "phone"


def spots_of(device: str, contacts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What a try counts under: the parts, and the name among the network's ends. A missing part counts under nothing."""
    yield "network", ""
    if device:
        yield "network+device", f"device {device}"
    for one in contacts:
        yield "network+contact", of_contact(address_key(kind_of(one), one))


def cached_under(network: str) -> str:
    """Where the network's ends are cached."""
    return f"guesses:{hashlib.sha256(network.encode()).hexdigest()}"


def ends_by_rows(network: str, now: datetime) -> Ends:
    """What of this network has to wait now: the whole of it after a crowd's wrong codes, a browser or a contact after a run's."""
    times: dict[str, list[datetime]] = defaultdict(list)
    for at, device, key in queries.wrong_codes_of(network, now - cooling.LOOK_BACK, MOST_READ):
        times[""].append(at)
        if device:
            times[f"device {device}"].append(at)
        if key:
            times[of_contact(key)].append(at)
    found = {spot: cooling.wait_ends(each, cooling.RUN if spot else cooling.CROWD) for spot, each in times.items()}
    return {spot: end.timestamp() for spot, end in found.items() if end is not None and end > now}


def look_anew(network: str | None) -> None:
    """A code of this network was refused just now: what follows is known before the next one comes."""
    if network:
        cache.set(cached_under(network), ends_by_rows(network, timezone.now()), KEPT)


def burst_by_rows(now: datetime) -> int:
    """How many wrong codes came from everywhere lately, counted up to where it is a burst."""
    return queries.wrong_codes_everywhere(now - cooling.BURST_WITHIN, cooling.BURST)


class Guesses:
    """What is known for one try, read in one trip to the cache, and from the rows where the cache says nothing."""

    def __init__(self, network: str, *, without_cache: bool) -> None:
        self.now = timezone.now()
        names = [EVERYWHERE, *([cached_under(network)] if network else [])]
        known = {} if without_cache else cache.get_many(names)
        self.ends: Ends = {} if not network else known.get(names[1]) or {}
        self.everywhere: int = known.get(EVERYWHERE, -1)
        if network and names[1] not in known:
            self.ends = ends_by_rows(network, self.now)
            if not without_cache:
                cache.add(names[1], self.ends, KEPT)  # never over what a refused code has just written
        if self.everywhere < 0:
            self.everywhere = burst_by_rows(self.now)
            if not without_cache:
                cache.set(EVERYWHERE, self.everywhere, LOOK_AGAIN)

    @property
    def is_burst(self) -> bool:
        """Whether strangers have to work for a try."""
        return self.everywhere >= cooling.BURST

    def has_run(self, contacts: Iterable[str]) -> bool:
        """Whether a run of wrong codes for one of these contacts came from here."""
        return any(of_contact(address_key(kind_of(one), one)) in self.ends for one in contacts)

    def wait(self, device: str, contacts: Iterable[str]) -> Wait:
        """The longest wait that a try by this browser for this contact has to keep."""
        waits = [
            Wait(parts, spot, math.ceil(self.ends[spot] - self.now.timestamp()))
            for parts, spot in spots_of(device, contacts)
            if spot in self.ends
        ]
        return max(waits, key=lambda wait: wait.seconds, default=Wait())


def is_owner(
    request: HttpRequest,
    sent: Mapping[str, Any],
    contacts: Sequence[str],
    typed: Sequence[str],
    *,
    has_guessed: bool = False,
) -> bool:
    """Whether this caller need not guess: a link that was mailed to them, or a code that was made for their own contact.

    Every code and contact that was sent must be theirs: which of them the door reads is not known here. Who `has_guessed`, by
    a run of wrong codes for that contact, shows the link in vain: anybody has one who is on the list.
    """
    caller, one = caller_of(request), contacts[0] if len(contacts) == 1 else ""
    person = caller.row if caller.kind == "person" else entry_of(request.COOKIES.get(PERSON_COOKIE, ""))
    if one and not (typed and has_guessed) and person is not None and person.canonical == one:
        return True
    if typed:
        return bool(one) and all(queries.is_bound_to(code, one) for code in typed)
    carried = carried_by(request)
    token = (
        request.headers.get("X-Invite-Token")
        or carried.token
        or ("" if carried.code else sent.get("invite") or sent.get("token"))
    )
    return isinstance(token, str) and invite_of(token[:LONGEST]) is not None
