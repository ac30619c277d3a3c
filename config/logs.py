"""What log lines may say: route templates instead of paths (codes and tokens stand in paths), no query strings, no addresses."""

import logging
import re

from django.urls import Resolver404, resolve

NO_ROUTE = "(no route)"
LONGEST = 2_000  # characters of a message; tracebacks are kept whole up to ten times as much
# Strangers choose what is logged, such as a Host header of 8 KB: each pattern must pass over a text once. So a query is
# taken whole before it is looked at, and an address begins only where none of its letters stands before.
QUERY = re.compile(r"(?<=[\w/\-}>)])\?[^\s\"'<>]+")
REQUEST_LINE = re.compile(r"\b(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\S+)(?= HTTP/)")
EMAIL = re.compile(r"(?<![^\s@\"'<>(),;:=\[\]])[^\s@\"'<>(),;:=\[\]]+@[^\s@\"'<>(),;:=\[\]]+\.\w+")
PHONE = re.compile(r"\+\d[\d ()-]{6,18}\d")


def route_of(path: str) -> str:
    """The template of the route behind a path, such as /api/invites/<str:code>/status."""
    try:
        return "/" + resolve(path.partition("?")[0]).route
    except Resolver404:
        return NO_ROUTE


def masked(text: str) -> str:
    """The text without query strings, e-mail addresses and phone numbers."""
    text = REQUEST_LINE.sub(lambda line: f"{line[1]} {route_of(line[2])}", text)
    text = QUERY.sub(lambda run: "" if "=" in run[0] else run[0], text)
    return PHONE.sub("(phone)", EMAIL.sub("(e-mail)", text))


def shortened(text: str, longest: int) -> str:
    """The beginning of a text: who sends a header of 8 KB does not fill the disk with it."""
    return text if len(text) <= longest else f"{text[:longest]} … ({len(text)} characters)"


class RouteFilter(logging.Filter):
    """Rewrites each record before a handler sees it; nothing is dropped."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        text = record.getMessage()
        path = getattr(getattr(record, "request", None), "path", "")
        if len(path) > 1:
            text = text.replace(path, route_of(path))
        record.msg, record.args = masked(shortened(text, LONGEST)), None
        if record.exc_info and not record.exc_text:
            # Database errors quote the row they refuse.
            record.exc_text = masked(shortened(logging.Formatter().formatException(record.exc_info), 10 * LONGEST))
        return True
