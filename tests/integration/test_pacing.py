"""Batches where a gate is on: they begin small, bake, grow, shrink or wait; and the shares of who is in one."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.invariants import broken
from invites import pacing, queries
from invites.actions import releasing
from invites.models import Batch, Invite, PaceDecision
from invites.tasks import release_daily
from outbox.errors import Refused
from outbox.models import Event
from quality.actions import gating
from quality.models import Reading
from tests import cast
from waitlist.actions import awarding, deciding, tuning
from waitlist.models import Day, Entry, Launch

pytestmark = pytest.mark.django_db
GOOD, BAD = 0.05, 0.14


def reads(launch: Launch, value: float) -> None:
    """Churn is measured and the gate decides."""
    now = timezone.now()
    Reading.objects.create(launch=launch, metric="churn_rate", value=value, sample=100, newest_at=now, at=now)
    gating.decide(launch, by="system", now=now)


@pytest.fixture
def paced(launch: Launch) -> Launch:
    """A launch with a gate on churn that is open, steps of two, three days of bake time, and twenty people who wait."""
    tuning.tune(launch, {"pace_step": 2, "daily_quota": 7}, by="staff:1")
    reads(launch, GOOD)
    gate = gating.set_gate(launch, "churn_rate", by="staff:1", now=timezone.now(), closes_at=0.10, opens_at=0.08)
    gating.switch_on(gate, "a test", by="staff:1", now=timezone.now())
    for n in range(20):
        cast.waits(launch, f"p{n}")
    return launch


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that a test sets; rows that the database dates itself are dated by hand where the pace reads them."""
    with time_machine.travel(timezone.now(), tick=False) as moved:
        yield moved


def runs(launch: Launch, value: float = GOOD) -> str:
    """The gate decides and the scheduler looks, at this moment; the step it took and how many came."""
    reads(launch, value)
    try:
        batch = releasing.release(launch, by="beat")
    except Refused as refused:
        return f"wait {refused.why.partition(',')[0]}"
    Batch.objects.filter(pk=batch.pk).update(created_at=timezone.now(), released_at=timezone.now())
    return f"{PaceDecision.objects.get(batch=batch).step} {batch.released}"


def days(launch: Launch, clock: time_machine.Traveller, *values: float) -> list[str]:
    """One run a day."""
    said = []
    for value in values:
        said.append(runs(launch, value))
        later(clock, 1)
    return said


def later(clock: time_machine.Traveller, days: int) -> None:
    """Days pass; the quota's own day is the database's, which does not travel."""
    clock.shift(timedelta(days=days))
    Day.objects.all().delete()


def test_healthy_batches_grow_by_a_step_after_their_bake_time_up_to_the_quota(
    paced: Launch, clock: time_machine.Traveller
) -> None:
    said = days(paced, clock, *[GOOD] * 10)
    wait = "wait baking"
    assert said == ["begin 2", wait, wait, "grow 4", wait, wait, "grow 6", wait, wait, "grow 7"]


def test_a_closed_gate_waits_and_the_next_batch_is_half(paced: Launch, clock: time_machine.Traveller) -> None:
    said = days(paced, clock, GOOD, GOOD, GOOD, GOOD, BAD, GOOD, GOOD, BAD, BAD, GOOD)
    assert said[3:] == [
        "grow 4",
        "wait gate_closed",
        "wait baking",
        "shrink 2",
        "wait gate_closed",
        "wait gate_closed",
        "shrink 1",
    ]


def test_a_wait_is_written_once_a_day_and_says_why(paced: Launch, clock: time_machine.Traveller) -> None:
    runs(paced)
    for _n in range(3):
        runs(paced)
    runs(paced, BAD)
    runs(paced, BAD)
    said = [one.why for one in PaceDecision.objects.order_by("pk")]
    assert said == ["first", "baking", "gate_closed, churn_rate bad"]
    assert "(churn_rate bad)" in queries.pace_in_words(PaceDecision.objects.last() or PaceDecision())
    later(clock, 1)
    runs(paced)
    assert PaceDecision.objects.count() == 4


def test_an_explicit_count_is_kept_and_has_to_bake_too(paced: Launch, clock: time_machine.Traveller) -> None:
    runs(paced)
    later(clock, 2)
    reads(paced, GOOD)
    assert releasing.release(paced, 3, by="staff:1").released == 3
    Batch.objects.filter(by="staff:1").update(created_at=timezone.now(), released_at=timezone.now())
    later(clock, 1)
    assert runs(paced) == "wait baking"
    later(clock, 2)
    assert runs(paced) == "grow 4"


def test_without_a_gate_the_quota_alone_paces_every_day(launch: Launch) -> None:
    tuning.tune(launch, {"pace_step": 2, "daily_quota": 7}, by="staff:1")
    for n in range(10):
        cast.waits(launch, f"p{n}")
    assert releasing.release(launch, by="beat").released == 7
    assert not PaceDecision.objects.exists()


def test_the_daily_task_and_cron_wait_without_an_error(paced: Launch) -> None:
    runs(paced)
    Launch.objects.filter(pk=paced.pk).update(created_at=timezone.now() - timedelta(days=9), release_hour=0)
    release_daily()
    out = StringIO()
    call_command("invite_next", stdout=out)
    assert out.getvalue().startswith("0 invited: The last batch still has its bake time")
    assert Batch.objects.count() == 1


def test_cron_that_names_a_count_is_refused_by_a_closed_gate(paced: Launch) -> None:
    reads(paced, BAD)
    with pytest.raises(CommandError, match="A gate is closed"):
        call_command("invite_next", "--count", "3")


# Who is in a batch


def shared(launch: Launch, first: int, lottery: int, people: int = 20) -> list[Entry]:
    """People of whom the later ones have more points, and a launch that shares places."""
    tuning.tune(launch, {"share_first": first, "share_lottery": lottery}, by="staff:1")
    crowd = [cast.waits(launch, f"p{n}") for n in range(people)]
    for n, one in enumerate(crowd):
        awarding.award(one.pk, "reward", n, key="test", by="staff:1")
    return crowd


def paths(batch: Batch) -> dict[str, set[int]]:
    """Who came by which path, from the trail."""
    found: dict[str, set[int]] = {}
    for event in Event.objects.filter(kind="invite.issued", data__batch=batch.pk):
        found.setdefault(event.data.get("path", ""), set()).add(int(event.subject.partition(":")[2]))
    return found


def test_places_are_shared_between_who_came_first_the_lot_and_the_best(launch: Launch) -> None:
    crowd = shared(launch, 30, 20)
    batch = releasing.release(launch, 10, by="staff:1")
    came = paths(batch)
    assert {path: len(ids) for path, ids in came.items()} == {"first": 3, "lottery": 2, "top": 5}
    assert (batch.first_places, batch.lottery_places, batch.released) == (3, 2, 10)
    assert came["first"] == {one.pk for one in crowd[:3]}
    lots = pacing.draw(batch.seed, [one.pk for one in crowd[3:]])
    assert came["lottery"] == set(lots[:2])
    rest = [one.pk for one in reversed(crowd) if one.pk not in came["first"] | came["lottery"]]
    assert came["top"] == set(rest[:5])
    assert Invite.objects.filter(batch=batch).count() == 10
    assert broken() == []


def test_a_share_that_nobody_fills_leaves_no_place_empty(launch: Launch) -> None:
    shared(launch, 50, 50, people=3)
    batch = releasing.release(launch, 10, by="staff:1")
    assert batch.released == 3


def test_held_people_stand_in_no_share(launch: Launch) -> None:
    crowd = shared(launch, 50, 50, people=4)
    deciding.hold([crowd[0].pk, crowd[1].pk], "odd", by="rules")
    assert releasing.release(launch, 4, by="staff:1").released == 2
    assert cast.now(crowd[0]).status == "waiting"


def test_a_launch_without_shares_draws_no_lots_and_says_no_path(launch: Launch) -> None:
    cast.ada(launch)
    batch = releasing.release(launch, by="cron")
    assert (batch.seed, list(paths(batch))) == ("", [""])


def test_anybody_can_draw_the_lots_again(launch: Launch) -> None:
    crowd = shared(launch, 20, 40)
    batch = releasing.release(launch, 10, by="staff:1")
    out = StringIO()
    call_command("draw_lots", batch.pk, stdout=out)
    said = out.getvalue().splitlines()
    assert len(said) == 5
    assert said[-1].startswith(f"The lots agree: 4 won with seed {batch.seed}, and none of the {len(crowd) - 10} ")


def test_drawing_again_finds_somebody_who_was_passed_over(launch: Launch) -> None:
    """The control: with another seed the winners are not the winners."""
    shared(launch, 0, 50)
    batch = releasing.release(launch, 4, by="staff:1")
    Batch.objects.filter(pk=batch.pk).update(seed="another")
    with pytest.raises(CommandError, match="passed over"):
        call_command("draw_lots", batch.pk, stdout=StringIO())


def test_who_was_held_during_the_draw_was_not_passed_over(launch: Launch) -> None:
    crowd = shared(launch, 0, 50)
    deciding.hold([one.pk for one in crowd[:16]], "odd", by="rules")
    batch = releasing.release(launch, 2, by="staff:1")
    deciding.release([one.pk for one in crowd[:16]], "fine", by="staff:1")
    call_command("draw_lots", batch.pk, stdout=StringIO())


def test_a_batch_without_lots_has_none_to_draw(launch: Launch) -> None:
    with pytest.raises(CommandError, match="No lots"):
        call_command("draw_lots", 7)


def test_bake_time_is_counted_in_local_dates(paced: Launch, clock: time_machine.Traveller) -> None:
    """A batch of nine o'clock and some seconds must not push the next one to the day after."""
    tuning.tune(paced, {"time_zone": "Pacific/Auckland"}, by="staff:1")
    clock.move_to(datetime.fromisoformat("2027-01-04T09:00:05+13:00"))
    assert runs(paced) == "begin 2"
    clock.move_to(datetime.fromisoformat("2027-01-07T09:00:00+13:00"))
    assert runs(paced) == "grow 4"
