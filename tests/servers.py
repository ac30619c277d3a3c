"""The servers of one test run: an embedded PostgreSQL of its own unless DATABASE_URL names one, Redis likewise.

conftest.py calls `begin` before anything of Django's is imported, since the settings read the environment.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import django
import psycopg
import pytest
import redis
from django.conf import settings

from config import embedded

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OURS = (
    "ALLOWED_HOSTS",
    "BIND_ADDRESS",
    "EMAIL_URL",
    "PUBLIC_BASE_URL",
    "SMS_BACKEND",
    "STATIC_ROOT",
    "TRUSTED_PROXIES",
)
CROWD = "max_connections=300"


@dataclass(frozen=True)
class Servers:
    """What the tests run on, as the sentence at the start and at the end of the run says it."""

    postgres: str
    redis: str
    chromium: str

    def __str__(self) -> str:
        return f"tests run on PostgreSQL {self.postgres}, Redis {self.redis}, Chromium {self.chromium}"

    @property
    def missing(self) -> list[str]:
        return [name for name, found in (("Redis", self.redis), ("Chromium", self.chromium)) if found == "none"]


def begin() -> Servers:
    """Starts what is not given and puts the environment in order; a worker of xdist finds both done.

    pytest-django reads the settings before any of this where DJANGO_SETTINGS_MODULE is set, so it is set here, last.
    """
    if settings.configured:
        raise pytest.UsageError(
            "Unset DJANGO_SETTINGS_MODULE: with it the tests would run on the servers of your work."
        )
    if "PYTEST_XDIST_WORKER" not in os.environ:
        settle()
    elif url := os.environ.get("REDIS_URL"):
        # Each worker counts and caches for itself, so it may also forget for itself.
        os.environ["REDIS_URL"] = numbered(url, int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) + 1)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    return Servers(*(os.environ[name] for name in ("TESTED_POSTGRES", "TESTED_REDIS", "TESTED_CHROMIUM")))


def numbered(url: str, number: int) -> str:
    """The Redis database of that number on the same server."""
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlsplit(url)._replace(path=f"/{number}").geturl()


def settle() -> None:
    """Starts the servers and sets the environment that the settings and the workers read."""
    for name in OURS:
        os.environ.pop(name, None)
    data_dir = Path(tempfile.mkdtemp(prefix="vestibule-tests-"))
    for folder in ("broker", "broker-control"):
        (data_dir / folder).mkdir()
    database_given, redis_given = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if database_given:
        atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
    else:
        running = embedded.start(data_dir, settings=(*embedded.FORGETFUL, CROWD), with_redis=not redis_given)
        atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
        atexit.register(running.stop)
    redis_url = redis_given or embedded.redis_url(data_dir)
    os.environ |= {
        "TESTING": "true",
        "FORM_SECONDS": "0",  # a test fills in a form faster than anybody; those of the guard set it
        "DEBUG": "true",
        "DATA_DIR": str(data_dir),
        "REDIS_URL": redis_url,
        "PUBLIC_BASE_URL": "http://testserver",
        "SECRET_KEY": os.environ.get("SECRET_KEY") or secrets.token_urlsafe(48),
        "CODE_KEYS": os.environ.get("CODE_KEYS") or f"2:{secrets.token_urlsafe(48)},1:{secrets.token_urlsafe(48)}",
        "DATABASE_POOL_MAX": "60",
        "DATABASE_POOL_TIMEOUT": "20",  # a crowd on two cores may take a while to connect
        "TESTED_POSTGRES": f"{postgres_version(data_dir)} ({'given' if database_given else 'embedded'})",
        "TESTED_REDIS": f"{redis_version(redis_url)} ({'given' if redis_given else 'found'})" if redis_url else "none",
        "TESTED_CHROMIUM": chromium(),
    }


def url_of(named: dict[str, Any]) -> str:
    """The DATABASE_URL of what Django's DATABASES name; a socket's folder is its host."""
    login = ":".join(quote(named[part], safe="") for part in ("USER", "PASSWORD") if named[part])
    return f"postgresql://{login}@{quote(named['HOST'], safe='')}:{named['PORT'] or 5432}/{named['NAME']}"


def postgres_version(data_dir: Path) -> str:
    address = embedded.address_of(data_dir)
    given = os.environ.get("DATABASE_URL") or f"host={address['HOST']} user={address['USER']} dbname={address['NAME']}"
    with psycopg.connect(given, connect_timeout=5) as connection:
        return str(connection.info.parameter_status("server_version")).split()[0]


def redis_version(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        return str(client.info("server")["redis_version"])


def chromium() -> str:
    named = os.environ.get("CHROMIUM", "")
    return next((found for name in (named, *BROWSERS) if name and (found := shutil.which(name))), "none")
