"""Alive, ready, measured; and quick to say no when the database is gone or there is too much to do."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from config import health, overload
from config.overload import OverloadMiddleware, connection_lost
from outbox.models import Delivery
from tests.conftest import Api
from waitlist.models import Launch

SERVICES = {
    "/health": "vestibule",
    "/api/waitlist/health": "waitlist",
    "/api/invites/health": "invites",
    "/api/referrals/health": "referrals",
    "/api/quality/health": "quality",
}


def until(true: Callable[[], bool]) -> None:
    """Waits for a condition; a test that waits for ten seconds has failed."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


@pytest.fixture
def lost_database() -> Iterator[Callable[[], None]]:
    """The database of new connections stands where nobody listens; calling it brings the database back."""
    where = connections["default"].settings_dict
    kept = {name: where[name] for name in ("HOST", "PORT")}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed_port = taken.getsockname()[1]
    where |= {"HOST": "127.0.0.1", "PORT": str(closed_port)}
    yield lambda: where.update(kept)
    where |= kept
    until(lambda: not overload.database.gone)


@pytest.mark.parametrize(("address", "service"), SERVICES.items())
def test_each_service_says_that_it_is_alive(client: Client, address: str, service: str) -> None:
    response = client.get(address)
    assert (response.status_code, response.json()["status"], response.json()["service"]) == (200, "healthy", service)
    assert response.json()["timestamp"].endswith("Z")


@pytest.mark.django_db
def test_being_alive_asks_nobody(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        client.get("/health", headers={"Authorization": f"Bearer abcdefgh.{'x' * 32}"})


@pytest.mark.django_db(transaction=True)
def test_it_is_ready_when_every_part_is(client: Client) -> None:
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["missing"]) == (200, []), response.json()
    assert set(response.json()["checks"]) == {"database", "migrations", "broker", "relay"}


@pytest.mark.django_db(transaction=True)
def test_a_missing_migration_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "wanted_migrations", lambda: frozenset({("invites", "9999_future")}))
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["missing"]) == (503, ["migrations"])
    assert "invites.9999_future" in response.json()["checks"]["migrations"]


@pytest.mark.django_db(transaction=True)
def test_a_late_relay_is_named(client: Client) -> None:
    late = timezone.now() - timedelta(minutes=10)
    Delivery.objects.create(handler="mail", name="confirm", subject="entry:1", due_at=late)
    assert client.get("/health/ready").json()["missing"] == ["relay"]


@pytest.mark.django_db(transaction=True)
def test_a_lost_broker_is_named(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert client.get("/health/ready").json()["missing"] == ["broker"]


@pytest.mark.django_db(transaction=True)
def test_without_redis_the_broker_is_the_file_system(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = ""
    assert "filesystem" in client.get("/health/ready").json()["checks"]["broker"]


@pytest.mark.usefixtures("lost_database")
def test_a_lost_database_is_named_quickly(client: Client) -> None:
    began = time.monotonic()
    response = client.get("/health/ready")
    assert time.monotonic() - began < 3  # a second for each check that asks the database
    assert response.status_code == 503
    assert {"database", "migrations", "relay"} <= set(response.json()["missing"])
    assert int(response["Retry-After"]) >= 1


def test_a_database_that_says_nothing_is_given_a_second(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        # The queue of connections is full, so the next one is not even refused.
        waiting = [socket.socket() for _n in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(silent.getsockname())
        with pytest.raises(OSError, match="timed out"):
            health.reach(*silent.getsockname())
        for one in waiting:
            one.close()


# Requests while the database is gone


def run_for_ten_milliseconds(statement: str) -> None:
    """Runs it until then."""
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 10")
        cursor.execute(statement)


def lose() -> None:
    """A request met a lost connection."""
    error = OperationalError()
    error.__cause__ = psycopg.OperationalError("server closed the connection unexpectedly")
    overload.database.note(error)


@pytest.mark.django_db(transaction=True)
def test_while_it_is_gone_requests_are_refused_at_once(
    client: Client,
    api: Api,
    launch: Launch,
    lost_database: Callable[[], None],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    lose()
    until(lambda: overload.database.gone)
    with django_assert_num_queries(0):
        said, page = api.post("/api/waitlist/join", {"email": "ada@example.com"}), client.get("/")
    assert (said.status_code, said.json()["code"], said["Content-Type"]) == (
        503,
        "unavailable",
        "application/problem+json",
    )
    assert (page.status_code, page["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert 1 <= int(said["Retry-After"]) <= 5
    assert 1 <= int(page["Retry-After"]) <= 5
    assert client.get("/health").status_code == 200
    lost_database()
    until(lambda: not overload.database.gone)
    assert client.get("/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_one_broken_connection_refuses_nobody(client: Client, launch: Launch) -> None:
    lose()
    assert client.get("/").status_code == 200
    until(lambda: not overload.database.watching.locked())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "lost"), [("SELECT pg_terminate_backend(pg_backend_pid())", True), ("SELECT pg_sleep(1)", False)]
)
def test_a_lock_or_a_slow_query_is_no_lost_database(statement: str, lost: bool) -> None:
    with pytest.raises(OperationalError) as met:
        run_for_ten_milliseconds(statement)
    connections["default"].close()
    assert connection_lost(met.value) is lost


def test_a_page_that_meets_it_says_503() -> None:
    middleware = OverloadMiddleware(lambda _request: HttpResponse())
    response = middleware.process_exception(RequestFactory().get("/"), OperationalError("canceling statement"))
    assert response is not None
    assert response.status_code == 503
    assert middleware.process_exception(RequestFactory().get("/"), ZeroDivisionError()) is None


# Too much to do


def test_one_request_too_many_is_refused_at_once(settings: Settings) -> None:
    settings.REQUESTS_IN_FLIGHT = 1
    inside, go_on = threading.Event(), threading.Event()

    def slow(request: HttpRequest) -> HttpResponse:
        inside.set()
        go_on.wait(10)
        return HttpResponse("done")

    middleware, answers = OverloadMiddleware(slow), list[Any]()
    first = threading.Thread(target=lambda: answers.append(middleware(RequestFactory().get("/api/waitlist/stats"))))
    first.start()
    assert inside.wait(10)
    refused = middleware(RequestFactory().get("/api/waitlist/stats"))
    go_on.set()
    first.join()
    assert (refused.status_code, answers[0].status_code) == (503, 200)
    assert int(refused["Retry-After"]) >= 1
    assert middleware(RequestFactory().get("/api/waitlist/stats")).status_code == 200


# Measurements


@pytest.mark.django_db(transaction=True)
def test_measurements_are_for_keys_of_that_scope(api: Api, key: Callable[..., str]) -> None:
    assert api.get("/metrics").status_code == 401
    assert api.with_key("abcdefgh." + "x" * 32).get("/metrics").status_code == 401
    assert api.with_key(key("admin")).get("/metrics").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_measurements_are_read_from_the_rows(api: Api, key: Callable[..., str], launch: Launch) -> None:
    api.post("/api/waitlist/join", {"email": "ada@example.com"})
    said = api.with_key(key("metrics")).get("/metrics").content.decode()
    assert 'vestibule_entries{status="pending"} 1.0' in said
    assert 'vestibule_deliveries{status="owed"} 1.0' in said
    assert "vestibule_oldest_owed_seconds" in said
