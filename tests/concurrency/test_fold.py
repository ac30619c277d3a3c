"""The fold moves deltas into counters while people join and batches go out: nobody is counted twice, nobody is lost."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from invites.actions import releasing
from outbox import sql
from tests import cast
from tests.integration.test_positions import by_counters, by_counting, counted
from waitlist import queries, ranking
from waitlist.actions import tuning
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
JOINERS, JOINS = 6, 12


@pytest.fixture
def launch(launch: Launch) -> Launch:
    """People wait as soon as they join."""
    tuning.tune(launch, {"confirm_contact": False, "daily_quota": 1000}, by="staff:1")
    return Launch.objects.get(pk=launch.pk)


def exact(launch: Launch) -> bool:
    """One statement's snapshot each: with nobody at work both must say the same."""
    return by_counters(launch) == by_counting(launch) and queries.total_waiting(launch) == counted(launch)


def test_folding_while_people_join_and_batches_go_out_stays_exact(launch: Launch, race: Race) -> None:
    joined = threading.Semaphore(0)

    def join(number: int) -> None:
        for n in range(JOINS):
            cast.joins(launch, f"p{number}-{n}")
        joined.release()

    def fold_meanwhile() -> None:
        while not joined.acquire(blocking=False):
            ranking.fold()
        joined.release()

    def release_some() -> None:
        for _n in range(JOINS):
            releasing.release(launch, 2, by="cron")

    acts: list[Callable[[], Any]] = [lambda n=n: join(n) for n in range(JOINERS)]  # type: ignore[misc]
    acts += [fold_meanwhile, fold_meanwhile, release_some]
    assert race(len(acts), lambda n: acts[n]()) == [None] * len(acts)
    assert exact(launch)
    ranking.fold()
    assert exact(launch)


def test_two_folds_at_once_count_nobody_twice(launch: Launch, race: Race) -> None:
    for n in range(JOINS):
        cast.joins(launch, f"p{n}")
    folded = race(4, lambda _n: ranking.fold())
    assert sum(folded) == JOINS
    assert exact(launch)


def test_somebody_who_joins_during_a_fold_is_counted(launch: Launch, race: Race) -> None:
    cast.joins(launch, "ben")
    interrupted(launch, race, ranking.fold)
    assert exact(launch)


def test_without_the_relay_a_look_up_folds_what_piled_up(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "FOLD_INLINE_AT", 3)
    for n in range(5):
        cast.joins(launch, f"p{n}")
    assert queries.total_waiting(launch) == 5
    assert ranking.unfolded() == 0


def test_control_a_fold_that_reads_and_then_deletes_loses_who_joins_between(launch: Launch, race: Race) -> None:
    cast.joins(launch, "ben")
    interrupted(launch, race, careless_fold)
    assert not exact(launch)


between = threading.local()


def interrupted(launch: Launch, race: Race, fold: Callable[[], Any]) -> None:
    """Folds, and lets Ada join at the moment after the fold has looked at the deltas."""
    looked, joined = threading.Event(), threading.Event()

    def act(number: int) -> None:
        if number == 0:
            between.look = looked.set
            between.wait = lambda: joined.wait(10)
            fold()
            looked.set()
        else:
            looked.wait(10)
            cast.ada(launch)
            joined.set()

    race(2, act)


def careless_fold() -> None:
    """The same sums, but in two statements, each with a snapshot of its own."""
    read = sql.rows("SELECT launch_id, priority, block, n FROM waitlist_queuedelta")
    between.look()
    between.wait()
    sql.rows("DELETE FROM waitlist_queuedelta")
    for delta in read:
        for level in range(4):
            block = 0 if level == 3 else delta.block >> 6 * level
            row = {"launch": delta.launch_id, "level": level, "priority": delta.priority, "block": block, "n": delta.n}
            sql.rows(COUNT_ONE, row)


COUNT_ONE = """
INSERT INTO waitlist_queuecount AS kept (launch_id, level, priority, block, n)
VALUES (%(launch)s, %(level)s, %(priority)s, %(block)s, %(n)s)
ON CONFLICT (launch_id, level, priority, block) DO UPDATE SET n = kept.n + excluded.n
"""


def size() -> int:
    """How many bytes a look-up reads to see the deltas."""
    return int(sql.one("SELECT pg_relation_size('waitlist_queuedelta') AS bytes").bytes)


def test_folding_leaves_no_empty_pages_behind(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look-up reads the whole table: a million people imported at once must not slow it down for ever."""
    cast.ada(launch)
    monkeypatch.setattr(ranking, "SWEEP_AFTER", 1)
    ranking.fold_and_sweep()
    assert size() > 0  # somebody may be joining this very moment
    ranking.fold_and_sweep()
    assert size() == 0
