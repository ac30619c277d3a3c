"""A supervised program: started apart, stopped whole, started again after a while when it dies."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.children import LONGEST_WAIT, Child

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
]
WITH_A_CHILD = [
    sys.executable,
    "-c",
    "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True);"
    "sys.stdin.read(); import time; time.sleep(60)",
]


@contextlib.contextmanager
def running(command: list[str], log: Path | None = None, **how: float) -> Iterator[Child]:
    child = Child("sleeper", command, log=log, **how)  # type: ignore[arg-type]
    child.start()
    try:
        yield child
    finally:
        child.stop()


def first_line(log: Path) -> str:
    end = time.monotonic() + 10
    while not (said := log.read_text()):
        assert time.monotonic() < end
    return said.split()[0]


def test_it_stops_when_asked() -> None:
    with running(SLEEP) as child:
        assert child.alive
        child.stop()
        assert not child.alive


def test_it_is_killed_when_it_will_not_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(STUBBORN, tmp_path / "log", grace=0.1) as child:
        first_line(tmp_path / "log")
        child.stop()
    assert "is killed" in capsys.readouterr().out


def test_what_it_started_goes_with_it(tmp_path: Path) -> None:
    with running(WITH_A_CHILD, tmp_path / "log") as child:
        grandchild = int(first_line(tmp_path / "log"))
        child.stop()
    with contextlib.suppress(ProcessLookupError):
        os.kill(grandchild, 0)
        assert Path(f"/proc/{grandchild}/stat").read_text().split()[2] == "Z"  # dead, and nobody has looked yet


def test_it_stands_in_a_session_of_its_own() -> None:
    with running(SLEEP) as child:
        assert child.running
        assert os.getsid(child.running.pid) == child.running.pid


def test_each_death_makes_it_wait_longer() -> None:
    child, waits = Child("sleeper", SLEEP), []
    for _death in range(7):
        child.start()
        assert child.running
        child.running.send_signal(signal.SIGKILL)
        assert "was killed by SIGKILL" in child.bury()
        waits.append(round(child.due_at - time.monotonic()))
    assert waits == [1, 2, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT]
