"""How a page names who did something."""

import time

from django import template
from django.utils.translation import get_language

from accounts.actors import named

register = template.Library()

KEPT_SECONDS = 30.0  # a list names the same few colleagues in every row
_kept: dict[tuple[str, str | None], tuple[float, str]] = {}


@register.filter
def actor(by: str) -> str:
    """A colleague by name, a program by what it is; at most half a minute old."""
    if by.partition(":")[0] not in ("staff", "key"):
        return named([by])[by]
    until, name = _kept.get((by, get_language()), (0.0, ""))
    if until < time.monotonic():
        name = named([by])[by]
        _kept[by, get_language()] = (time.monotonic() + KEPT_SECONDS, name)
    return name
