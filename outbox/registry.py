"""What the apps above register: how a delivery is handled, how each message is written, and what the relay does besides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from outbox.models import Delivery, Job
from outbox.policy import End


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person: where to, in which language, and what its templates may say."""

    kind: str  # "email" or "phone"
    address: str
    locale: str
    context: dict[str, Any] = field(default_factory=dict)
    canonical: str = (
        ""  # lets a suppression made under an older key hold; without it only the row's own key is compared
    )


@dataclass(frozen=True, slots=True)
class Later:
    """Instead of a letter: not now. The delivery stays owed, is asked again then, and no try is counted."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try of one delivery went."""

    delivery: Delivery
    end: End = End.DONE
    note: str = ""  # kept in the row's last_error; never an address or a code
    until: datetime | None = None
    message_id: str = ""


# Takes the leased deliveries of one handler; gives back the error of each that failed, by id. The rest is done.
Handler = Callable[[Sequence[Delivery]], Mapping[int, str]]
# Does what cannot be taken back, one delivery after the other, and says of each how it went before it goes on.
# It leaves out a delivery whose leased_until has become None: another worker has it now.
Sender = Callable[[Sequence[Delivery]], Iterator[Outcome]]
# Gives a letter by delivery id; a delivery without one has nothing to say any more and is dropped.
Writer = Callable[[Sequence[Delivery]], Mapping[int, Letter | Later]]
# Hears how deliveries of one name ended, in the transaction that notes it: End.DONE (sent), REFUSED or BOUNCED.
Listener = Callable[[Sequence[Delivery], End], None]
# Says by id who or what a fact is about, for endpoints that may know it; what is not there any more is left out.
Describer = Callable[[Sequence[int]], Mapping[int, dict[str, Any]]]
# Changes the rows with these ids, for a reason; gives back how many changed.
RowsVerb = Callable[..., int]
# Tells of each id where it stands, in a word.
States = Callable[[Sequence[int]], Mapping[int, str]]
Made = TypeVar("Made", Handler, Sender, Writer, Listener, Describer)


# Of the rows of a job, those that it changed and that stand so still.
StillSo = Callable[[Job], list[int]]


@dataclass(frozen=True, slots=True)
class Work:
    """What a job does: its title for people, the verb, how to tell why a row could not be changed, and what takes it back."""

    title: str | Promise
    verb: RowsVerb
    states: States | None = None
    opposite: str = ""  # the name of the work that takes it back
    still_so: StillSo | None = None
    needs: tuple[str, ...] = ()  # where its name is not the one permission that it takes


handlers: dict[str, Handler] = {}
senders: dict[str, Sender] = {}
writers: dict[str, Writer] = {}
listeners: dict[str, Listener] = {}
describers: dict[str, Describer] = {}
works: dict[str, Work] = {}  # by the permission that doing it needs, such as "waitlist.hold_entry"
words: dict[str, str | Promise] = {
    "gone": _("not there any more"),
    "stale": _("changed by somebody else in the meantime"),
}  # where a row stood, or why it was refused, for people
ticks: list[Callable[[], object]] = []  # what the relay does every half second besides, such as folding counters


def needed_for(name: str) -> tuple[str, ...]:
    """The permissions that the work of this name takes; what stands behind a colon in a name is a number for its verb."""
    work = works.get(name)
    return work.needs if work and work.needs else (name.partition(":")[0],)


def in_words(why: str) -> str:
    """Where rows stood ("waiting, held") or why they were refused, as people read it."""
    return ", ".join(str(words.get(part, part.replace("_", " "))) for part in why.split(", "))


def _registrar(registry: dict[str, Made], name: str) -> Callable[[Made], Made]:
    def register(function: Made) -> Made:
        registry[name] = function
        return function

    return register


def handler(name: str) -> Callable[[Handler], Handler]:
    """Decorator: this function handles deliveries of that name."""
    return _registrar(handlers, name)


def sender(name: str) -> Callable[[Sender], Sender]:
    """Decorator: this function handles deliveries of that name one by one, because sending cannot be taken back."""
    return _registrar(senders, name)


def writer(name: str) -> Callable[[Writer], Writer]:
    """Decorator: this function writes the message of that name, whose templates stand in templates/messages/<name>/."""
    return _registrar(writers, name)


def ended(name: str) -> Callable[[Listener], Listener]:
    """Decorator: this function hears how messages of that name ended."""
    return _registrar(listeners, name)


def describer(kind: str) -> Callable[[Describer], Describer]:
    """Decorator: this function describes subjects of that kind ("entry") to endpoints that have the right."""
    return _registrar(describers, kind)
