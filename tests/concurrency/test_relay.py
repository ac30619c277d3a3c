"""Many workers on one outbox: each delivery goes once, a killed worker loses nothing, and the guards can be seen to work."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import IO, Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from outbox import loop, registry, relay, sql, tasks
from outbox.actions import Owed, owe
from outbox.loop import Loop
from outbox.models import Delivery
from outbox.registry import Outcome

Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
WORKERS, DELIVERIES = 8, 400


class Count:
    """A handler that counts how often each delivery reached it."""

    def __init__(self) -> None:
        self.seen: Counter[int] = Counter()

    def __call__(self, deliveries: Sequence[Delivery]) -> Mapping[int, str]:
        self.seen.update(one.id for one in deliveries)
        return {}


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Count:
    made = Count()
    monkeypatch.setitem(registry.handlers, "count", made)
    monkeypatch.setattr(relay, "CHUNK", 20)  # many leases, so that the workers really meet
    owe([Owed("count", "test", f"entry:{n}") for n in range(DELIVERIES)])
    return made


def test_eight_workers_deliver_each_once(race: Race, count: Count) -> None:
    settled = race(WORKERS, lambda _number: relay.drain())
    assert sum(settled) == DELIVERIES
    assert len(count.seen) == DELIVERIES
    assert set(count.seen.values()) == {1}
    assert Delivery.objects.filter(status="done", attempts=1).count() == DELIVERIES


def test_without_the_lock_they_deliver_twice(race: Race, count: Count) -> None:
    """The control: look, then take, as two statements without FOR UPDATE SKIP LOCKED."""
    looked = threading.Barrier(WORKERS)

    def take(_number: int) -> None:
        due = list(Delivery.objects.filter(status="owed", leased_until=None).order_by("due_at")[:20])
        looked.wait(timeout=30)
        Delivery.objects.filter(pk__in=[one.pk for one in due]).update(leased_until=timezone.now())
        count(due)

    race(WORKERS, take)
    assert max(count.seen.values()) > 1


def test_two_workers_that_think_they_hold_one_row_settle_it_once(race: Race, count: Count) -> None:
    """A worker that slept through its lease: its word no longer counts."""
    late = relay.lease(1)[0]
    Delivery.objects.filter(pk=late.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
    again = next(one for one in relay.lease(DELIVERIES) if one.pk == late.pk)
    settled = race(2, lambda number: relay.settle([Outcome((late, again)[number])], by="system"))
    assert sorted(settled) == [0, 1]


def test_a_guard_that_forgets_the_lease_settles_twice(race: Race, count: Count) -> None:
    """The control: the same without looking at the lease."""
    late = relay.lease(1)[0]
    settled = race(2, lambda _number: Delivery.objects.filter(pk=late.pk).update(status="done", leased_until=None))
    assert settled == [1, 1]


SLOW_WORKER = """
import sys
import django
django.setup()
from outbox import registry, relay
from outbox.registry import Outcome

@registry.sender("count")
def slow(deliveries):
    for one in deliveries:
        print(one.id, flush=True)   # it left the house
        sys.stdin.readline()        # and the worker lives as long as the test says so
        yield Outcome(one)

relay.drain()
"""


def database_url() -> str:
    address = connection.settings_dict
    host = str(address["HOST"] or "localhost").replace("/", "%2F")
    password = f":{address['PASSWORD']}" if address["PASSWORD"] else ""
    return f"postgresql://{address['USER']}{password}@{host}:{address['PORT'] or 5432}/{address['NAME']}"


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own that waits for a line after each delivery."""
    made = subprocess.Popen(
        [sys.executable, "-c", SLOW_WORKER],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield made
    made.kill()
    made.communicate()


def read(stream: IO[str] | None) -> int:
    assert stream is not None
    return int(stream.readline())


def test_a_killed_worker_loses_nothing(count: Count, worker: subprocess.Popen[str]) -> None:
    left: Counter[int] = Counter()
    for _delivery in range(5):
        left[read(worker.stdout)] += 1
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    in_its_hand = read(worker.stdout)
    left[in_its_hand] += 1
    worker.kill()
    worker.wait()
    assert Delivery.objects.filter(status="done").count() == 5
    Delivery.objects.filter(status="owed").exclude(leased_until=None).update(leased_until=timezone.now())
    relay.drain()
    left.update(count.seen)
    assert len(left) == DELIVERIES
    assert {pk for pk, times in left.items() if times > 1} == {in_its_hand}  # it died in the instant of sending


class Broker:
    """Stands for the broker: takes pokes, refuses them, or says nothing."""

    def __init__(self, answer: Callable[[], None]) -> None:
        self.answer, self.pokes = answer, 0

    def __call__(self) -> None:
        self.pokes += 1
        self.answer()


@pytest.fixture
def turning() -> Iterator[Loop]:
    made = Loop(threading.Event())
    yield made
    made.stop.set()
    made.run()


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    patience = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < patience
        threading.Event().wait(0.01)


def all_done() -> bool:
    return not Delivery.objects.filter(status="owed").exists()


def refuse() -> None:
    raise ConnectionRefusedError


def test_the_relay_pokes_a_worker_once_for_what_is_due(
    count: Count, turning: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker(lambda: None)
    monkeypatch.setattr(tasks, "poke", broker)
    turning.turn()
    turning.turn()
    assert broker.pokes == 1
    assert not count.seen


def test_without_a_broker_the_relay_delivers_by_itself(
    count: Count, turning: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "poke", Broker(refuse))
    turning.turn()
    wait_until(all_done)
    assert set(count.seen.values()) == {1}


def test_a_silent_broker_holds_up_nothing(count: Count, turning: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    silence = threading.Event()

    def hush() -> None:
        silence.wait(30)

    monkeypatch.setattr(tasks, "poke", Broker(hush))
    began = time.monotonic()
    turning.turn()
    turning.turn()
    assert time.monotonic() - began < 2 * loop.POKE_PATIENCE
    wait_until(all_done)
    silence.set()


def test_when_no_worker_comes_the_relay_delivers_by_itself(
    count: Count, turning: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "poke", Broker(lambda: None))
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=loop.NOBODY_CAME))
    turning.turn()
    wait_until(all_done)


def test_a_second_relay_stands_by_and_takes_over(count: Count, turning: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[str] = []
    monkeypatch.setattr(registry, "ticks", [lambda: ticks.append(threading.current_thread().name)])
    monkeypatch.setattr(tasks, "poke", Broker(lambda: None))
    turning.turn()
    with ThreadPoolExecutor(1, "second") as other:
        second = Loop(threading.Event())
        other.submit(second.turn).result()
        assert ticks == [threading.current_thread().name]
        turning.let_go()
        other.submit(second.turn).result()
        assert ticks[1:] == ["second_0"]
        second.stop.set()
        other.submit(second.run).result()


def test_the_relay_outlives_a_lost_database(count: Count, turning: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "poke", Broker(refuse))
    monkeypatch.setattr(registry, "ticks", [lambda: sql.one("SELECT 1 AS one")])
    assert turning.alone()
    with ThreadPoolExecutor(1) as other:
        other.submit(cut, connection.connection.info.backend_pid).result()
    turning.turn()
    assert turning.state.startswith("waiting for the database")
    turning.turn()
    assert turning.state == "at work"
    wait_until(all_done)


def cut(pid: int) -> None:
    """Ends somebody else's connection, as a restart of the server does."""
    sql.one("SELECT pg_terminate_backend(%(pid)s, 5000) AS ended", {"pid": pid})
    connections.close_all()
