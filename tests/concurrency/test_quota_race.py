"""Promise 6: the daily quota under eight schedulers at once, with a control."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db.models import F

from config.invariants import broken
from invites.actions import inviting, releasing
from invites.models import Invite
from tests import cast
from waitlist.actions import granting, tuning
from waitlist.models import Day, Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]


@pytest.fixture
def crowd(launch: Launch) -> list[int]:
    tuning.tune(launch, {"daily_quota": 10}, by="staff:1")
    return [cast.waits(launch, f"p{n}").pk for n in range(40)]


def test_eight_schedulers_and_the_console_together_grant_the_quota_exactly(
    launch: Launch, crowd: list[int], race: Race
) -> None:
    doors: list[Callable[[], Any]] = [lambda: releasing.release(launch, 3, by="cron")] * 5
    doors += [lambda: inviting.invite(launch, crowd[-4:], by="staff:1")] * 3
    race(8, lambda n: doors[n]())
    assert Entry.objects.filter(status="invited").count() == Invite.objects.count() == Day.objects.get().granted == 10
    assert broken() == []


def test_control_a_quota_that_is_read_and_then_written_is_overdrawn(
    launch: Launch, crowd: list[int], race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    Day.objects.create(launch=launch, date="2026-01-01")
    everybody_has_read = threading.Barrier(8)

    def read_then_write(launch: Launch, count: int) -> tuple[Any, int]:
        day = Day.objects.get()
        taken = min(count, 10 - day.granted)
        everybody_has_read.wait(timeout=30)
        Day.objects.update(granted=F("granted") + taken)
        return day.date, taken

    def invite_five(_n: int) -> None:
        _day, taken = read_then_write(launch, 5)
        granting.invite_next(launch, taken, by="cron")

    race(8, invite_five)
    assert Entry.objects.filter(status="invited").count() > 10


def test_a_quota_is_never_under_used_by_a_batch_that_fails(
    launch: Launch, crowd: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place is taken in the grant's own transaction: what dies gives it back by dying."""
    monkeypatch.setattr("invites.messages.invited", lambda *_args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        releasing.release(launch, 4, by="cron")
    monkeypatch.undo()
    assert not Day.objects.filter(granted__gt=0).exists()
    assert releasing.release(launch, by="cron").released == 10
