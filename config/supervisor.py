"""Keeps web, relay, worker and beat running on this machine: starts them, starts again what dies, stops all in order."""

import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from config.children import LONGEST_WAIT, Child
from config.embedded import NotStarted

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY = 0.5  # seconds


def programs(data_dir: Path, bind: str, port: int, environ: dict[str, str], *, several: bool) -> list[Child]:
    """What runs beside the database, in the order of its start. Several web processes need Redis to count together."""
    python = [
        sys.executable,
        "-W",
        "ignore:You're running the worker with superuser",
    ]  # under root Celery warns at length
    celery = [*python, "-m", "celery", "-A", "config", "--quiet"]
    granian = [
        sys.executable,
        "-m",
        "granian",
        "config.wsgi:application",
        "--interface",
        "wsgi",
        "--http",
        "1",
        "--no-ws",
    ]
    granian += [
        "--host",
        bind,
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--respawn-failed-workers",
        "--respawn-interval",
        "1",
    ]
    granian += (
        ["--workers", "2", "--blocking-threads", "4"] if several else ["--workers", "1", "--blocking-threads", "4"]
    )
    granian += ["--workers-kill-timeout", "5"]
    worker = ["worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "WARNING"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    beat = ["beat", "--loglevel", "WARNING", "--pidfile=", "--schedule", str(data_dir / "beat-schedule")]
    return [
        Child("relay", [sys.executable, "manage.py", "relay", "--skip-checks"], environ),
        Child("worker", [*celery, *worker], environ, grace=20),
        Child("beat", [*celery, *beat], environ),
        Child("web", granian, environ, grace=10),
    ]


def port_is_free(bind: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except PermissionError as error:
            raise NotStarted(f"Port {port} needs root. Choose one above 1023: PORT=8000 make run") from error
        except OSError:
            return False
    return True


def claim_port(bind: str, port: int, *, patience: float) -> None:
    """Raises NotStarted when another program has the port; waits for the web server of a run that was cut off."""
    until = time.monotonic() + patience
    while not port_is_free(bind, port):
        if time.monotonic() >= until:
            raise NotStarted(
                f"Port {port} is taken by another program. Stop that one, or choose another port: PORT={port + 1} make run"
            )
        time.sleep(0.2)


def accepts(bind: str, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def heeds_interrupt(pid: int) -> bool:
    """False when the process ignores Ctrl-C, or is a GNU make that has had its one: it catches only the first (Linux)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & 1 << (signal.SIGINT - 1))


@dataclass
class Supervisor:
    """Holds the children in the order of their start, and hears the signals that end the run."""

    make: int = 0  # the `make` that started us, and ends with us
    children: list[Child] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    starting: bool = True
    make_heeds: bool = field(init=False)

    def __post_init__(self) -> None:
        self.make_heeds = heeds_interrupt(self.make)

    @contextlib.contextmanager
    def hearing(self) -> Iterator[None]:
        """In here Ctrl-C and a polite kill end the run, in order, instead of this process."""
        before = {each: signal.signal(each, self.hear) for each in STOPS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def hear(self, signum: int, frame: FrameType | None) -> None:
        """The first signal ends the run; another one while it ends kills what will not stop, except the database."""
        if self.ending.is_set():
            for child in self.children:
                if child.running is not None and child.name != "database":
                    child.running.kill()
        self.ending.set()
        if self.starting:
            raise KeyboardInterrupt

    def start(self, children: list[Child]) -> None:
        for child in children:
            self.children.append(child)
            child.start()

    def watch(self) -> None:
        """Starts again what dies, until a signal comes, to us or to the make that waits for us."""
        self.starting = False
        while not self.ending.wait(LOOK_EVERY) and heeds_interrupt(self.make) == self.make_heeds:
            for child in self.children:
                self.look_after(child)

    def look_after(self, child: Child) -> None:
        if child.alive or time.monotonic() < child.due_at:
            return
        if child.running is not None:
            print(child.bury(), flush=True)
            return
        try:
            child.start()
        except (NotStarted, OSError) as error:
            child.due_at = time.monotonic() + LONGEST_WAIT
            print(f"{child.name} could not be started, trying again in {LONGEST_WAIT:.0f} s: {error}", flush=True)

    def stop(self) -> None:
        """Ends web first, so that nothing new comes in, and the database last."""
        self.starting = False
        self.ending.set()
        while self.children:
            self.children[-1].stop()
            self.children.pop()
