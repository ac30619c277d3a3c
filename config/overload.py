"""Refuses at once what cannot be served: more requests than a process can hold, and everything while the database is gone."""

import logging
import threading
import time
from collections.abc import Callable

import psycopg
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse

from config.problems import UNAVAILABLE, respond

logger = logging.getLogger(__name__)

PROBE_SECONDS = 0.25
ANSWER_SECONDS = 2
# Codes of PostgreSQL for "shutting down", "crashed", "starting up", "too many connections"; class 08 is the connection.
GONE = ("57P01", "57P02", "57P03", "53300")
ALWAYS_SERVED = ("/health", "/static/", "/metrics")
Respond = Callable[[HttpRequest], HttpResponse]


def connection_lost(error: BaseException) -> bool:
    """Whether the error says that there is no database, rather than a lock or a deadlock in it."""
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = cause.sqlstate
    return state is None or state.startswith("08") or state in GONE


def answers() -> bool:
    """Whether the database takes a connection and a question now, past the pool."""
    params = connections["default"].get_connection_params() | {"connect_timeout": ANSWER_SECONDS}
    params.pop("cursor_factory", None)
    try:
        with psycopg.connect(**params) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


class DatabaseWatch:
    """Knows that the database is gone, so that nobody waits in the pool for it, and sees it come back."""

    def __init__(self) -> None:
        self.gone = False
        self.watching = threading.Lock()

    def note(self, error: BaseException) -> None:
        """An error was met. When it may mean that the database is gone, a thread asks; the caller does not wait."""
        if connection_lost(error) and self.watching.acquire(blocking=False):
            threading.Thread(target=self.watch, name="database-watch", daemon=True).start()

    def watch(self) -> None:
        """Refuses requests until the database answers."""
        try:
            if not answers():
                self.gone = True
                logger.warning("the database is gone; requests are answered with 503 until it is back")
                # Whoever waits in the pool is told now; the next pool has no dead connections in it.
                connections["default"].close_pool()  # type: ignore[attr-defined]
                while not answers():
                    time.sleep(PROBE_SECONDS)
                logger.warning("the database is back")
        finally:
            self.gone = False
            self.watching.release()


database = DatabaseWatch()


def refuse(request: HttpRequest) -> HttpResponse:
    """503, without the line in the log that Django would write for each: thousands of them would be the next overload."""
    response = respond(request, "unavailable")
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


class OverloadMiddleware:
    """The outermost: counts what is in flight in this process, and turns a lost database into a 503."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        self.room = threading.BoundedSemaphore(settings.REQUESTS_IN_FLIGHT)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(ALWAYS_SERVED) or request.path.endswith("/health"):
            return self.get_response(request)
        if database.gone or not self.room.acquire(blocking=False):
            return refuse(request)
        try:
            return self.get_response(request)
        finally:
            self.room.release()

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page met a lost database."""
        if not isinstance(error, UNAVAILABLE):
            return None
        logger.warning("the database did not answer", exc_info=error)
        database.note(error)
        return respond(request, "unavailable")
