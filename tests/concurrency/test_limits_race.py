"""Two hundred tries at one moment: exactly the limit passes, and a flood of refusals leaves one row a minute that counts all."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from config.limits import Counters, Decision, spend
from quality.actions import refusals
from quality.models import Refusal
from tests.conftest import Act, Api
from tests.limited import in_force
from waitlist import queries
from waitlist.models import Launch

CROWD, LIMIT = 200, 10
ADA = {"network": "192.0.2.1", "contact": "ada@example.com"}


@pytest.fixture(autouse=True)
def counters(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Counters:
    """Limits in force."""
    return in_force(monkeypatch, settings)


def at_once(act: Act) -> Sequence[Any]:
    """What two hundred get who act at the same moment."""
    start = threading.Barrier(CROWD)

    def one(number: int) -> Any:
        start.wait(30)
        return act(number)

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(one, range(CROWD)))


@pytest.mark.django_db
def test_exactly_the_limit_passes(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "KEPT_SECONDS", 60.0)
    queries.limit_percent()  # kept, so that the crowd asks the counters alone
    said: Sequence[Decision] = at_once(lambda _n: spend("join", lambda part: ADA.get(part, "")))
    assert sum(one.allowed for one in said) == LIMIT
    assert max(one.count for one in said) == CROWD


def test_control_who_reads_and_then_writes_lets_more_pass() -> None:
    def reads_then_writes(_n: int) -> bool:
        count = cache.get("control", 0)
        cache.set("control", count + 1)
        return bool(count < LIMIT)

    assert sum(at_once(reads_then_writes)) > LIMIT


@pytest.mark.django_db(transaction=True)
def test_a_flood_leaves_one_row_a_minute_that_counts_all(race: Callable[[int, Act], Sequence[Any]]) -> None:
    said = race(40, lambda _n: refusals.note("join:network", "a flood", Refusal.Result.REFUSED, count=1, limit=1))
    refusals.note("join:network", "a flood", Refusal.Result.REFUSED)
    assert set(said) == {None}
    assert sum(Refusal.objects.values_list("times", flat=True)) == 41
    assert Refusal.objects.count() <= 2  # the minute may have turned


@pytest.mark.django_db(transaction=True)
def test_a_crowd_at_the_door_is_refused_quickly_and_counted(
    launch: Launch, race: Callable[[int, Act], Sequence[Any]]
) -> None:
    said = race(30, lambda _n: Api().post("/api/waitlist/join", {"email": "ada@example.com"}).status_code)
    assert (said.count(200), said.count(429)) == (LIMIT, 20)
    assert set(Refusal.objects.values_list("rule", flat=True)) == {"join:network+contact"}
