"""The relay's loop: every half second it runs the ticks, looks for what is due, and pokes a worker to deliver it.

One loop works at a time; others stand by. It outlives a lost database and a lost broker: without the broker it drains in
its own process.
"""

import contextlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from outbox import registry, relay, sql, tasks
from outbox.policy import described
from outbox.queries import oldest_due

logger = logging.getLogger(__name__)

EVERY = 0.5  # seconds
LOOP_LOCK = 7_301_449  # held by the loop that works; any fixed number that nothing else here locks
POKE_PATIENCE = 0.8  # seconds a broker may take before it counts as down
POKE_AGAIN = 5.0  # seconds until a worker is poked once more for the same rows: pokes expire after 15
NOBODY_CAME = 5.0  # seconds due rows may wait, poked for, before the loop drains them itself
OWN_SHIFT = 5.0  # seconds of one drain in this process


class Loop:
    """The loop of one relay process; `stop` ends it."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.holder: Any = None  # the connection that holds the lock: it goes with the connection
        self.state = ""  # what was logged last, so that each change is said once
        self.poked_at: datetime | None = None
        self.broker = ThreadPoolExecutor(1, "poke")
        self.own = ThreadPoolExecutor(1, "drain")
        self.poking: Future[None] | None = None
        self.draining: Future[int] | None = None

    def run(self) -> None:
        """Turns until it is stopped, then lets a drain finish the row it is at."""
        while not self.stop.is_set():
            self.turn()
            self.stop.wait(EVERY)
        self.broker.shutdown(wait=False, cancel_futures=True)
        self.own.shutdown(wait=True)
        self.let_go()

    def turn(self) -> None:
        """One look. A lost database is waited for: the next turn tries again."""
        try:
            if not self.alone():
                self.say("standing by: another relay is at work")
                return
            self.say("at work")
            for tick in registry.ticks:
                tick()
            self.look()
        except (OperationalError, InterfaceError) as error:
            self.say(f"waiting for the database: {described(error).strip()}")
            self.let_go()

    def say(self, state: str) -> None:
        if state != self.state:
            logger.info("The relay is %s", state)
        self.state = state

    def alone(self) -> bool:
        """Whether this loop holds the lock; takes it when it is free."""
        connection.ensure_connection()
        if self.holder is None or connection.connection is not self.holder:
            mine = sql.one("SELECT pg_try_advisory_lock(%(lock)s) AS mine", {"lock": LOOP_LOCK}).mine
            self.holder = connection.connection if mine else None
        return self.holder is not None

    def let_go(self) -> None:
        """Gives the lock and the connection back, whether or not the database is there to notice."""
        with contextlib.suppress(DatabaseError, InterfaceError):
            if self.holder is not None:
                sql.one("SELECT pg_advisory_unlock(%(lock)s) AS freed", {"lock": LOOP_LOCK})
        with contextlib.suppress(DatabaseError, InterfaceError):
            connection.close()
        self.holder = None

    def look(self) -> None:
        """Pokes for what is due; drains it here when no worker can be poked, or none comes."""
        due = oldest_due()
        if due is None:
            return
        poked = self.poked_at
        # What became due after the last poke tells that the poke was heard: what it was for is taken.
        if poked is None or due.since > poked or (due.at - poked).total_seconds() > POKE_AGAIN:
            self.poked_at = due.at
            if not self.poke():
                self.poked_at = None
                self.drain_here()
        if due.seconds > NOBODY_CAME:
            self.drain_here()

    def poke(self) -> bool:
        """Whether the broker took a poke, in a thread of its own so that a silent broker holds up nothing."""
        if self.poking is not None and not self.poking.done():
            return False
        self.poking = self.broker.submit(tasks.poke)
        try:
            error = self.poking.exception(POKE_PATIENCE)
        except TimeoutError as late:
            error = late
        if error is not None:
            logger.warning("The broker cannot be reached, the relay delivers by itself: %s", described(error))
        return error is None

    def drain_here(self) -> None:
        """Starts a drain in this process, unless one is running."""
        if self.draining is not None and not self.draining.done():
            return
        if self.draining is not None and (error := self.draining.exception()) is not None:
            logger.error("The relay's own drain ended early: %s", described(error))
        self.draining = self.own.submit(self.drain)

    def drain(self) -> int:
        try:
            return relay.drain(seconds=OWN_SHIFT, stop=self.stop.is_set)
        finally:
            connection.close()  # this thread's own
