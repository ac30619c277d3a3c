"""What the apps above register: how a delivery is handled, and how each message is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from outbox.models import Delivery


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person: where to, in which language, and what its templates may say."""

    kind: str  # "email" or "phone"
    address: str
    locale: str
    context: dict[str, Any] = field(default_factory=dict)


# Takes the leased deliveries of one handler; gives back the error of each that failed, by id. The rest is done.
Handler = Callable[[Sequence[Delivery]], Mapping[int, str]]
# Gives a letter by delivery id; a delivery without one has nothing to say any more and is dropped.
Writer = Callable[[Sequence[Delivery]], Mapping[int, Letter]]

handlers: dict[str, Handler] = {}
writers: dict[str, Writer] = {}


def handler(name: str) -> Callable[[Handler], Handler]:
    """Decorator: this function handles deliveries of that name."""

    def register(function: Handler) -> Handler:
        handlers[name] = function
        return function

    return register


def writer(name: str) -> Callable[[Writer], Writer]:
    """Decorator: this function writes the message of that name, whose templates stand in templates/messages/<name>/."""

    def register(function: Writer) -> Writer:
        writers[name] = function
        return function

    return register
