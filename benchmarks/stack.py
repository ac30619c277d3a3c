"""The servers of one run: a PostgreSQL with fsync on and a Redis of its own, and the web server as `make run` starts it."""

import functools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from config import embedded, supervisor
from config.children import Child

ROLE, PORT = "postgres", 5432
# Durable as delivered; only what would hide the work behind checkpoints is raised, for us and for the limits alike.
SETTINGS = ("shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min", "max_connections=300", "jit=off")


def server_programs(folder: Path, owner: tuple[int, int]) -> Path:
    """The newest installed PostgreSQL, else the one inside the wheel."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    whole = [path for path in installed if all((path / name).exists() for name in ("initdb", "postgres", "pgbench"))]
    return whole[-1] if whole else embedded.programs(folder, owner)


@dataclass
class Running:
    """What was started, and the environment that points everything else at it."""

    folder: Path
    programs: Path
    parts: list[Child] = field(default_factory=list)
    redis_url: str = ""

    @property
    def environ(self) -> dict[str, str]:
        """Production settings for whoever is started next; DATABASE_URL names the server's own database."""
        return {
            **os.environ,
            "BENCH_FOLDER": str(self.folder),
            "BENCH_PROGRAMS": str(self.programs),
            "BENCH_POSTMASTER": str(self.parts[0].running.pid if self.parts[0].running else 0),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(self.folder / "data"),
            "STATIC_ROOT": str(self.folder / "static"),
            "DATABASE_URL": database_url(self.folder, "postgres"),
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "CODE_KEYS": secrets.token_urlsafe(48),
            "PUBLIC_BASE_URL": "http://localhost:8000",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "DEBUG": "false",
            "TESTING": "false",
            "LOG_LEVEL": "ERROR",
            "RATELIMIT_ENABLE": "false",
            "TRUSTED_PROXIES": "1",  # each caller names a network of their own, as strangers have one
        }

    def stop(self) -> None:
        for part in reversed(self.parts):
            part.stop()
        shutil.rmtree(f"{embedded.socket_dir(self.folder)}-programs", ignore_errors=True)
        shutil.rmtree(embedded.socket_dir(self.folder), ignore_errors=True)


def with_django(module: str) -> list[str]:
    """The command that runs a module of ours once Django is ready for it."""
    run = f"import django; django.setup(); from benchmarks.{module} import main; main()"
    return [sys.executable, "-c", run, *sys.argv[1:]]


def database_url(folder: Path, name: str) -> str:
    """The address of a database of this run."""
    return f"postgresql://{ROLE}@{str(embedded.socket_dir(folder)).replace('/', '%2F')}:{PORT}/{name}"


def start(folder: Path) -> Running:
    """PostgreSQL, as an unprivileged user when we are root, and Redis where there is one."""
    folder.chmod(0o711)
    for name in ("data", "static"):
        (folder / name).mkdir()
    owner = embedded.server_owner(folder / "postgres")
    running = Running(folder, server_programs(folder, owner))
    sockets = embedded.socket_dir(folder)
    embedded.private_folder(sockets, owner)
    try:
        running.parts.append(postgres(folder, running.programs, owner))
        running.parts[0].start()
        embedded.wait_for(running.parts[0], lambda: answers(folder))
        if program := shutil.which("redis-server"):
            running.parts.append(embedded.redis(folder, program))
            running.parts[1].start()
            embedded.wait_for(
                running.parts[1], functools.partial(embedded.answers, sockets / embedded.REDIS_SOCKET), 10
            )
            running.redis_url = f"unix://{sockets / embedded.REDIS_SOCKET}"
    except BaseException:
        running.stop()
        raise
    return running


def postgres(folder: Path, programs: Path, owner: tuple[int, int]) -> Child:
    """A new cluster, ready to be started. Under root it belongs to an unprivileged user, as PostgreSQL demands."""
    cluster = folder / "postgres"
    cluster.mkdir(mode=0o700)
    ours = owner[0] == os.geteuid()
    if not ours:
        os.chown(cluster, *owner)
    command = [
        str(programs / "initdb"),
        "-D",
        str(cluster),
        "-U",
        ROLE,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
    ]
    subprocess.run(
        command,
        check=True,
        cwd="/",
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.DEVNULL,
        user=None if ours else owner[0],
        group=None if ours else owner[1],
        extra_groups=None if ours else [],
    )
    options = [part for setting in SETTINGS for part in ("-c", setting)]
    return Child(
        "database",
        [str(programs / "postgres"), "-D", str(cluster), "-h", "", "-k", str(embedded.socket_dir(folder)), *options],
        env={**os.environ, "LC_ALL": "C"},
        stop_signal=signal.SIGINT,
        grace=60,
        owner=None if ours else owner,
        log=folder / "postgres.log",
    )


def answers(folder: Path) -> bool:
    try:
        with psycopg.connect(database_url(folder, "postgres"), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


@dataclass(frozen=True)
class Web:
    """A web server on one database, with the folder of its counters beside it."""

    database: str
    url: str
    pid: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web(database: str, **more: str) -> Iterator[Web]:
    """The web server with the command and the workers of production, ready to be asked."""
    folder, port = Path(os.environ["BENCH_FOLDER"]), free_port()
    environ = {**os.environ, "DATABASE_URL": database_url(folder, database), "PORT": str(port), **more}
    children = supervisor.programs(folder, "127.0.0.1", port, environ, several=bool(os.environ["REDIS_URL"]))
    server = next(child for child in children if child.name == "web")
    folding = Child("folder", with_django("folder"), environ)
    try:
        for child in (folding, server):
            child.start()
        wait_until_it_answers(server, f"http://127.0.0.1:{port}/health")
        yield Web(database, f"http://127.0.0.1:{port}", server.running.pid if server.running else 0)
    finally:
        server.stop()
        folding.stop()


def wait_until_it_answers(server: Child, url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.alive:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise embedded.NotStarted("the web server of the benchmark did not start")
