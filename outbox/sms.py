"""Text messages go through one class, named by SMS_BACKEND, as mail goes through its backend."""

from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from outbox.policy import masked


class Backend(Protocol):
    """What a provider's class must have. It is made anew for each message."""

    def send(self, to: str, text: str) -> None:
        """Hands the text to the provider, `to` in E.164. Raises NotSent when it is refused for good, else OSError."""


class NotSent(Exception):
    """The provider refuses this message for good, such as to a number that does not exist."""

    def __init__(self, why: str) -> None:
        super().__init__(masked(why))


def backend() -> Backend | None:
    """The provider of this install; None where there is none."""
    made: Backend | None = import_string(settings.SMS_BACKEND)() if settings.SMS_BACKEND else None
    return made
