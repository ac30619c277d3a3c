"""Is it alive, is it ready, and what do the rows say: for supervisors, load balancers and Prometheus."""

import functools
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from rest_framework import serializers
from rest_framework.request import Request

from accounts.actions import mark_used
from accounts.queries import key_behind
from config import overload
from config.problems import respond
from outbox.doors import Door
from outbox.replies import Answer

SERVICES = ("waitlist", "invites", "referrals", "quality")
CHECK_SECONDS = 1
RELAY_LAG_SECONDS = 120  # the relay looks every half second, the sweep every 15: this long means that neither runs
Row = tuple[Any, ...]


class Alive(Door):
    """This process answers. It asks nobody else."""

    authentication_classes = ()
    service = "vestibule"

    class Output(serializers.Serializer[Any]):
        """The one answer."""

        status = serializers.CharField()
        service = serializers.CharField()
        timestamp = serializers.DateTimeField()

    def get(self, request: Request) -> Answer:
        """Always healthy, or no answer at all."""
        return Answer({"status": "healthy", "service": self.service, "timestamp": timezone.now()})


class Lacking(Exception):
    """A part is missing; the text says which way."""


class Ready(Door):
    """This process can do its work: database, migrations, broker, relay. 503 names what is missing."""

    authentication_classes = ()

    class Output(serializers.Serializer[Any]):
        """Each part with "ok" or what is wrong with it."""

        status = serializers.CharField()
        service = serializers.CharField()
        timestamp = serializers.DateTimeField()
        checks = serializers.DictField(child=serializers.CharField())
        missing = serializers.ListField(child=serializers.CharField())

    success = (200, 503)

    def get(self, request: Request) -> Answer:
        """Asks every part, each for a second at most."""
        checks = {name: said_by(check) for name, check in CHECKS.items()}
        missing = [name for name, said in checks.items() if not said.startswith("ok")]
        body = {"status": "unavailable" if missing else "ready", "service": "vestibule", "timestamp": timezone.now()}
        headers = {"Retry-After": "5"} if missing else {}
        return Answer(body | {"checks": checks, "missing": missing}, status=503 if missing else 200, headers=headers)


def said_by(check: Callable[[], str]) -> str:
    """What the check says; a part that cannot be asked is missing."""
    try:
        return check()
    except (Lacking, OSError, psycopg.Error, redis.RedisError) as error:
        return str(error).partition("\n")[0] or type(error).__name__


def reach(host: str, port: int) -> None:
    """Raises OSError unless something listens there: libpq itself waits two seconds at the least."""
    if host.startswith("/"):
        with socket.socket(socket.AF_UNIX) as plug:
            plug.settimeout(CHECK_SECONDS)
            plug.connect(f"{host}/.s.PGSQL.{port}")
    else:
        socket.create_connection((host, port), timeout=CHECK_SECONDS).close()


def ask(statement: str) -> list[Row]:
    """The rows, on a connection of its own: the pool may be exhausted while the database is well."""
    if overload.database.gone:
        raise Lacking("the database does not answer")
    params = connections["default"].get_connection_params() | {"connect_timeout": 2}
    reach(str(params.get("host") or "localhost"), int(params.get("port") or 5432))
    params.pop("cursor_factory", None)
    params["options"] = f"{params.get('options', '')} -c statement_timeout={CHECK_SECONDS * 1000}"
    with psycopg.connect(**params) as connection:
        return connection.execute(statement.encode()).fetchall()


def database() -> str:
    """Whether it takes a connection and a question."""
    ask("SELECT 1")
    return "ok"


@functools.cache
def wanted_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of every app in this code."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def migrations() -> str:
    """Whether the database is as this code expects it."""
    done = {(app, name) for app, name in ask("SELECT app, name FROM django_migrations")}
    missing = sorted(".".join(one) for one in wanted_migrations() - done)
    if missing:
        raise Lacking(f"not applied: {', '.join(missing)}")
    return "ok"


def broker() -> str:
    """Whether the broker takes work."""
    if not settings.REDIS_URL:
        return "ok (filesystem)"
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=CHECK_SECONDS, socket_connect_timeout=CHECK_SECONDS
    )
    try:
        client.ping()
    finally:
        client.close()
    return "ok"


LAG = """
SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM outbox_delivery
WHERE status = 'owed' AND due_at < now() AND (leased_until IS NULL OR leased_until < now())
"""
# A long batch may take minutes to leave: that is no lag while somebody works on it.
NOBODY_AT_WORK = "AND NOT EXISTS (SELECT FROM outbox_delivery WHERE status = 'owed' AND leased_until > now())"


def relay() -> str:
    """Whether what is owed is taken up in time."""
    late = float(ask(LAG + NOBODY_AT_WORK)[0][0])
    if late > RELAY_LAG_SECONDS:
        raise Lacking(f"the oldest delivery has waited for {late:.0f} seconds")
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "broker": broker,
    "relay": relay,
}

ENTRIES = "SELECT status, count(*) FROM waitlist_entry GROUP BY status"
DELIVERIES = "SELECT status, count(*) FROM outbox_delivery WHERE status <> 'done' GROUP BY status"


class Rows:
    """A collector that reads the rows when it is asked: nothing is counted in memory, so a restart changes nothing."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family for each question."""
        yield by_status("vestibule_entries", "People on the lists, by status.", ENTRIES)
        yield by_status("vestibule_deliveries", "Deliveries that are owed or given up.", DELIVERIES)
        oldest = GaugeMetricFamily("vestibule_oldest_owed_seconds", "How long the oldest due delivery has waited.")
        oldest.add_metric([], float(ask(LAG)[0][0]))
        yield oldest


def by_status(name: str, sentence: str, statement: str) -> GaugeMetricFamily:
    """A gauge with one line for each status."""
    family = GaugeMetricFamily(name, sentence, labels=["status"])
    for status, count in ask(statement):
        family.add_metric([status], count)
    return family


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics, for a key with the scope of that name."""
    if request.method not in ("GET", "HEAD"):
        return respond(request, "method_not_allowed")
    scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        key = key_behind(secret.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            return respond(request, "authentication_failed" if secret else "not_authenticated")
        if "metrics" not in key.scopes:
            return respond(request, "permission_denied")
        mark_used(key)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Rows())
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    except (Lacking, OSError, psycopg.Error):
        return respond(request, "unavailable")


urlpatterns = [
    path("health", Alive.as_view(), name="health"),
    path("health/ready", Ready.as_view(), name="ready"),
    path("metrics", metrics, name="metrics"),
    *(path(f"api/{one}/health", Alive.as_view(service=one), name=f"{one}-health") for one in SERVICES),
]
