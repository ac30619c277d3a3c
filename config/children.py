"""One supervised operating-system process: started in a session of its own, restarted with back-off, stopped whole."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
LONGEST_WAIT = 30.0  # seconds between two starts of something that keeps dying
SETTLED = 60.0  # seconds after which a start counts as good and the back-off begins anew


def stop_with_parent(stop_signal: int, parent: int) -> None:
    """Asks the kernel to signal this process when its parent dies, by SIGKILL too (Linux only)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:  # it died before we could ask
            os.kill(os.getpid(), stop_signal)


def end_group(group: int) -> None:
    """Kills what is left of a process group and waits, two seconds at most, until it is gone."""
    patience = time.monotonic() + 2
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < patience:
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.02)


@dataclass
class Child:
    """What to start and how to stop it. `before` runs ahead of every start and may raise."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0  # seconds it gets to stop by itself
    owner: tuple[int, int] | None = None  # uid and gid, for what must not run as root
    keep_open: tuple[int, ...] = ()
    log: Path | None = None
    before: Callable[[], None] | None = None
    running: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    deaths: int = 0

    def start(self) -> None:
        if self.before is not None:
            self.before()
        parent = os.getpid()
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(self.log.open("ab")) if self.log else None
            self.running = subprocess.Popen(
                self.command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops all in order
                pass_fds=self.keep_open,
                preexec_fn=lambda: stop_with_parent(self.stop_signal, parent),  # noqa: PLW1509 - one thread
                user=self.owner[0] if self.owner else None,
                group=self.owner[1] if self.owner else None,
                extra_groups=[] if self.owner else None,
            )
        self.started_at = time.monotonic()

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def bury(self) -> str:
        """Clears away a child that died and says when it starts again; a sentence for the log."""
        code, lived = self.running.wait() if self.running else 0, time.monotonic() - self.started_at
        self.stop()
        self.deaths = 1 if lived > SETTLED else self.deaths + 1
        wait = min(LONGEST_WAIT, 2.0 ** (self.deaths - 1))
        self.due_at = time.monotonic() + wait
        ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"{self.name} {ended} after {lived:.0f} s; it starts again in {wait:.0f} s."

    def stop(self) -> None:
        """Asks it to stop, waits, then insists; what it started itself goes with it."""
        if self.running is None:
            return
        if self.alive:
            self.running.send_signal(self.stop_signal)
        try:
            self.running.wait(self.grace)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not stop within {self.grace:.0f} s and is killed.", flush=True)
            self.running.kill()
            self.running.wait()
        end_group(self.running.pid)
        self.running = None
