"""What every test may ask for: servers, a launch, callers of the API, a mailbox, and a crowd that acts at once."""

from tests import servers

SERVERS = servers.begin()  # before the imports below: the settings read the environment that this prepares

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.actions import create_api_key
from config.celery import app as celery
from outbox import facts, relay
from outbox import mailbox as kept_mail
from quality.evidence import forget_listed
from quality.queries.gating import forget_kept as forget_gates
from waitlist.actions.tuning import open_first_launch
from waitlist.models import Launch
from waitlist.queries import forget_kept

celery.conf.task_always_eager = True
PATIENCE = 30.0  # seconds


def pytest_configure(config: pytest.Config) -> None:
    """With CI=true nothing may be left out."""
    if os.environ.get("CI") == "true" and SERVERS.missing:
        raise pytest.UsageError(f"CI=true, and there is no {' and no '.join(SERVERS.missing)} here; {SERVERS}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """A worker that inherited this name would read the settings before it knows its own Redis."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_report_header() -> list[str]:
    return [str(SERVERS), *left_out()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in (str(SERVERS), *left_out()):
        terminalreporter.write_line(line)


def left_out() -> list[str]:
    return ["tests/browser is left out: no Chromium on PATH"] if "Chromium" in SERVERS.missing else []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the browser's tests where there is none; the first and the last lines say so."""
    if "Chromium" in SERVERS.missing:
        browser = Path(__file__).parent / "browser"
        gone = [item for item in items if browser in item.path.parents]
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


class Api(APIClient):
    """A caller of the API: speaks JSON, and says who it is when told to."""

    default_format = "json"

    def with_key(self, secret: str) -> "Api":
        """This caller with an API key."""
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return self

    def with_token(self, token: str) -> "Api":
        """This caller with the token of a person's private link."""
        self.credentials(HTTP_X_WAITLIST_TOKEN=token)
        return self


class Mailbox:
    """What has left so far; looking first lets the relay send what is owed."""

    def all(self, to: str = "") -> list[kept_mail.Kept]:
        """The newest first; with `to`, those to that address."""
        relay.drain()
        return kept_mail.newest(to)

    def newest(self, to: str = "") -> kept_mail.Kept:
        return self.all(to)[0]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Between tests that commit all tables are emptied, the trail too, which lets nobody else do that."""
    operations = type(connections["default"].ops)  # the class: under a browser's event loop Django connects anew
    empty = operations.sql_flush

    def empty_trail_too(self: Any, *args: Any, **options: Any) -> list[str]:
        table = "ALTER TABLE outbox_event {} TRIGGER outbox_event_kept"
        return [table.format("DISABLE"), *empty(self, *args, **options), table.format("ENABLE ALWAYS")]

    pytest.MonkeyPatch().setattr(operations, "sql_flush", empty_trail_too)


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """Every test begins with nothing counted and nothing cached."""
    yield
    forget_kept()
    forget_listed()
    facts.forget_kept()
    forget_gates()
    delete_ours = getattr(cache, "delete_pattern", None)  # of Redis: a given one may hold what is not ours
    cache.clear() if delete_ours is None else delete_ours("*")


@pytest.fixture
def launch(db: None) -> Launch:
    """The launch that every install begins with."""
    forget_kept()
    return open_first_launch()


@pytest.fixture
def api() -> Api:
    """A stranger who calls the API."""
    return Api()


@pytest.fixture
def key(db: None) -> Callable[..., str]:
    """Makes an API key with these scopes."""
    return lambda *scopes: create_api_key("a test", scopes, by="staff:1")[1]


@pytest.fixture
def mailbox(settings: Settings, tmp_path: Path) -> Mailbox:
    """A mailbox of this test's own, for mails and text messages."""
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    settings.EMAIL_BACKEND = "outbox.mailbox.EmailBackend"
    settings.SMS_BACKEND = "outbox.mailbox.SmsBackend"
    return Mailbox()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits for what another process does: gives the first true answer, fails after half a minute."""

    def wait(look: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENCE
        while not (found := look()):
            assert time.monotonic() < end, f"waited {PATIENCE:.0f} s"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture
def worker(transactional_db: None, until: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
    """A real Celery worker on this test's database: the one beside (CELERY_WORKER=1), else one of the test's own."""
    celery.conf.task_always_eager = False
    own = None if os.environ.get("CELERY_WORKER") else start_worker()
    try:
        if own is not None:
            until(lambda: celery.control.ping(timeout=0.5))
        yield
    finally:
        celery.conf.task_always_eager = True
        if own is not None:
            own.terminate()
            own.wait(PATIENCE)


def start_worker() -> subprocess.Popen[bytes]:
    named = connections["default"].settings_dict
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "threads", "--concurrency", "2"]
    return subprocess.Popen(
        [*command, "--loglevel", "ERROR"], env={**os.environ, "DATABASE_URL": servers.url_of(named)}
    )


Act = Callable[[int], Any]


@pytest.fixture
def race(transactional_db: None) -> Callable[[int, Act], Sequence[Any]]:
    """Runs `act(0)` to `act(n - 1)` at the same moment, each on a connection of its own; what each gave or raised."""

    def run(n: int, act: Act) -> Sequence[Any]:
        start = threading.Barrier(n)

        def one(number: int) -> Any:
            try:
                connections["default"].ensure_connection()
                start.wait(timeout=30)
                return act(number)
            except Exception as error:  # noqa: BLE001 - the test looks at what was raised
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(n) as crowd:
            return list(crowd.map(one, range(n)))

    return run
