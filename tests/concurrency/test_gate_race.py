"""Gates and the pace under real threads: one announcement, one paced batch; each with a control that removes the guard."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.utils import timezone

from invites.actions import releasing
from invites.models import Batch, PaceDecision
from outbox.models import Event
from quality.actions import gating
from quality.models import Gate, Reading
from tests import cast
from waitlist.actions import tuning
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
MANY = 8


def reads(launch: Launch, value: float) -> None:
    Reading.objects.create(launch=launch, metric="churn_rate", value=value, sample=100, newest_at=timezone.now())


@pytest.fixture
def guarded(launch: Launch) -> Launch:
    """A launch with an open gate on churn, and people who wait."""
    reads(launch, 0.05)
    gate = gating.set_gate(launch, "churn_rate", by="staff:1", now=timezone.now(), closes_at=0.10, opens_at=0.08)
    gating.switch_on(gate, "a test", by="staff:1", now=timezone.now())
    tuning.tune(launch, {"pace_step": 2}, by="staff:1")
    for n in range(20):
        cast.waits(launch, f"p{n}")
    return launch


def decide(launch: Launch) -> None:
    gating.decide(launch, by="system", now=timezone.now())


def test_many_evaluations_at_once_announce_a_closed_gate_once(guarded: Launch, race: Race) -> None:
    reads(guarded, 0.14)
    results = race(MANY, lambda _n: decide(guarded))
    assert not any(isinstance(one, Exception) for one in results)
    assert Event.objects.filter(kind="gate.closed").count() == 1


def test_control_without_the_lock_it_is_announced_again_and_again(
    guarded: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_has_read, last = threading.Barrier(MANY), gating._last

    def read_together(gate: Gate) -> Any:
        found = last(gate)
        everybody_has_read.wait(timeout=30)
        return found

    monkeypatch.setattr(gating, "_locked", lambda launch: list(Gate.objects.filter(launch=launch)))
    monkeypatch.setattr(gating, "_last", read_together)
    reads(guarded, 0.14)
    race(MANY, lambda _n: decide(guarded))
    assert Event.objects.filter(kind="gate.closed").count() > 1


def test_many_schedulers_at_once_make_one_paced_batch(guarded: Launch, race: Race) -> None:
    race(MANY, lambda n: releasing.release(guarded, by=("beat", "cron")[n % 2]))
    assert Batch.objects.count() == PaceDecision.objects.exclude(batch=None).count() == 1
    assert Entry.objects.filter(status="invited").count() == 2


def test_control_a_pace_that_is_read_and_then_written_makes_many(
    guarded: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_has_read, past_of = threading.Barrier(MANY), releasing.queries.past_of

    def read_together(launch: Launch) -> Any:
        found = past_of(launch)
        everybody_has_read.wait(timeout=30)
        return found

    monkeypatch.setattr(releasing, "_held", lambda launch: launch)
    monkeypatch.setattr(releasing.queries, "past_of", read_together)
    race(MANY, lambda _n: releasing.release(guarded, by="beat"))
    assert Batch.objects.count() > 1


def test_many_batches_with_shares_at_once_give_nobody_two_places(launch: Launch, race: Race) -> None:
    tuning.tune(launch, {"share_first": 30, "share_lottery": 30, "daily_quota": 30}, by="staff:1")
    for n in range(40):
        cast.waits(launch, f"p{n}")
    results = race(MANY, lambda _n: releasing.release(launch, 5, by="staff:1"))
    assert not any(isinstance(one, Exception) for one in results)
    assert Entry.objects.filter(status="invited").count() == 30
    issued = Event.objects.filter(kind="invite.issued").values_list("subject", flat=True)
    assert len(issued) == len(set(issued)) == 30
