"""A tightening that ends while an owner changes the same setting, and a quota that falls under a running batch; with controls."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from config.invariants import broken
from invites.actions import releasing
from tests import cast
from waitlist.actions import tuning, turning
from waitlist.models import Day, Entry, Launch, Turn

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]


def tightened(launch: Launch) -> Turn:
    until = timezone.now() + timedelta(days=1)
    return turning.turn(launch, "tighten", {"daily_quota": 10}, "odd", by="staff:1", until=until)


def call(acts: Sequence[Callable[[], Any]], n: int) -> Any:
    return acts[n]()


def test_whoever_is_first_an_owners_value_stays(launch: Launch, race: Race) -> None:
    for n in range(8):
        turn = tightened(launch)
        acts: list[Callable[[], Any]] = [
            partial(turning.take_back, turn.pk, "over", by="system"),
            partial(tuning.tune, launch, {"daily_quota": 50 + n}, by="staff:1"),
        ]
        assert not [error for error in race(2, partial(call, acts)) if isinstance(error, Exception)]
        assert Launch.objects.get().daily_quota == 50 + n


def test_control_without_the_lock_the_end_overwrites_what_the_owner_has_just_set(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = tightened(launch)
    owner_is_done, end_has_read = threading.Event(), threading.Event()
    set_to = tuning.set_to

    def late(kept: Launch, values: Any) -> Any:
        if values == {"daily_quota": 100}:  # the end, which has read what is left to the owner
            end_has_read.set()
            owner_is_done.wait(30)
        return set_to(kept, values)

    monkeypatch.setattr(tuning, "lock", lambda pk: Launch.objects.get(pk=pk))
    monkeypatch.setattr(Turn.objects, "select_for_update", lambda **_locks: Turn.objects.all(), raising=False)
    monkeypatch.setattr(tuning, "set_to", late)

    def act(n: int) -> None:
        if n:
            turning.take_back(turn.pk, "over", by="system")
            return
        end_has_read.wait(30)
        tuning.tune(launch, {"daily_quota": 55}, by="staff:1")
        owner_is_done.set()

    race(2, act)
    assert Launch.objects.get().daily_quota == 100


def test_one_end_of_eight_takes_back_and_says_so_once(launch: Launch, race: Race) -> None:
    turn = tightened(launch)
    said = race(8, lambda _n: turning.take_back(turn.pk, "over", by="system"))
    assert sum(isinstance(one, Turn) for one in said) == 1
    assert Launch.objects.get().daily_quota == 100


def test_quota_and_mode_change_under_running_batches_and_the_quota_holds(launch: Launch, race: Race) -> None:
    for n in range(40):
        cast.waits(launch, f"p{n}")
    tuning.tune(launch, {"daily_quota": 30}, by="staff:1")
    doors: list[Callable[[], Any]] = [lambda: releasing.release(Launch.objects.get(), 8, by="cron")] * 5
    doors += [lambda: tuning.tune(launch, {"daily_quota": 12}, by="staff:1")] * 2
    doors += [lambda: tuning.tune(launch, {"mode": "codes"}, by="staff:1")]
    race(8, lambda n: doors[n]())
    granted = Day.objects.filter(launch=launch).first()
    assert Entry.objects.filter(status="invited").count() == (granted.granted if granted else 0) <= 30
    before = Entry.objects.filter(status="invited").count()
    tuning.tune(launch, {"mode": "both"}, by="staff:1")
    releasing.release(Launch.objects.get(), by="cron")
    assert Entry.objects.filter(status="invited").count() == max(before, 12)
    assert broken() == []
