"""Everybody's position is exact at every moment: counters and deltas against counting the people, over random lives."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from invites import queries as codes
from invites.actions import inviting, redeeming, releasing
from invites.models import Code
from outbox import sql
from outbox.models import Event
from tests import cast
from waitlist import queries, ranking
from waitlist.actions import awarding, confirming, deciding, tuning
from waitlist.models import Entry, Launch, Points, QueueCount
from waitlist.scoring import PERSONAS

pytestmark = pytest.mark.django_db

# The plain truth: whoever is counted and stands before. Held people are given the place they would have.
BY_COUNTING = """
SELECT entry.id, 1 + (
    SELECT count(*) FROM waitlist_entry AS other
    WHERE other.launch_id = entry.launch_id AND other.status IN ('waiting', 'approved') AND other.held_at IS NULL
      AND (other.priority > entry.priority OR (other.priority = entry.priority AND other.place < entry.place))) AS position
FROM waitlist_entry AS entry WHERE entry.launch_id = %(launch)s AND entry.status IN ('waiting', 'approved')
"""


def by_counting(launch: Launch) -> dict[int, int]:
    return {row.id: row.position for row in sql.rows(BY_COUNTING, {"launch": launch.pk})}


def by_counters(launch: Launch) -> dict[int, int]:
    positions = {entry.pk: queries.position_of(entry) for entry in Entry.objects.filter(launch=launch)}
    return {pk: position for pk, position in positions.items() if position is not None}


def counted(launch: Launch) -> int:
    return Entry.objects.filter(Entry.COUNTED, launch=launch).count()


@dataclass
class Crowd:
    """People of one launch to whom anything may happen, drawn from a seed so that a failure can be lived again."""

    launch: Launch
    draw: random.Random
    names: int = 0
    lived: list[str] = field(default_factory=list)

    def live(self, moments: int) -> None:
        """Lets so many things happen, and compares everybody's position after each."""
        for _n in range(moments):
            happens = self.draw.choices(HAPPENINGS, WEIGHTS)[0]
            self.lived.append(happens.__name__)
            happens(self)
            assert by_counters(self.launch) == by_counting(self.launch), self.lived
            assert queries.total_waiting(self.launch) == counted(self.launch), self.lived

    def some(self, **where: Any) -> list[int]:
        """Up to three people of whom this is true."""
        found = list(Entry.objects.filter(launch=self.launch, **where).order_by("pk").values_list("pk", flat=True))
        return self.draw.sample(found, min(len(found), self.draw.randint(1, 3)))

    def one(self, **where: Any) -> Entry | None:
        return next((Entry.objects.get(pk=pk) for pk in self.some(**where)), None)


def somebody_joins(crowd: Crowd) -> None:
    crowd.names += 1
    use_case = crowd.draw.choice(["", "content for small teams"])
    name, persona = f"p{crowd.names}-{crowd.launch.pk}", crowd.draw.choice(PERSONAS)
    cast.joins(crowd.launch, name, persona=persona, use_case=use_case)


def somebody_confirms(crowd: Crowd) -> None:
    for pk in crowd.some(status="pending"):
        confirming.confirm(pk, by="public")


def somebody_who_left_joins_again(crowd: Crowd) -> None:
    if gone := crowd.one(status="left"):
        cast.joins(crowd.launch, gone.contact.partition("@")[0])


def somebody_gains_points(crowd: Crowd) -> None:
    for pk in crowd.some():
        awarding.award(pk, "reward", crowd.draw.randint(1, 120), key=str(len(crowd.lived)), by="system")


def somebody_loses_points(crowd: Crowd) -> None:
    lines = list(Points.objects.filter(entry__launch=crowd.launch, rule="reward").order_by("pk"))
    for line in crowd.draw.sample(lines, min(len(lines), 1)):
        awarding.withdraw(line.entry_id, "reward", line.key, by="system")


def a_moderator_holds(crowd: Crowd) -> None:
    deciding.hold(crowd.some(held_at=None), "odd", by="staff:1")


def a_moderator_lets_go(crowd: Crowd) -> None:
    deciding.release(crowd.some(held_at__isnull=False), "fine", by="staff:1")


def a_moderator_approves(crowd: Crowd) -> None:
    deciding.approve(crowd.some(status="waiting"), "fine", by="staff:1")


def a_moderator_rejects(crowd: Crowd) -> None:
    deciding.reject(crowd.some(), "spam", by="staff:1")


def a_moderator_blocks(crowd: Crowd) -> None:
    deciding.block(crowd.some(), "abuse", by="staff:1")


def an_appeal_is_heard(crowd: Crowd) -> None:
    deciding.appeal(crowd.some(status__in=["rejected", "blocked"]), "a mistake", by="staff:1")


def somebody_leaves(crowd: Crowd) -> None:
    if tired := crowd.one(status__in=["pending", "waiting", "approved", "invited"]):
        deciding.leave(tired, by=f"person:{tired.pk}")


def somebody_asks_to_be_passed_over(crowd: Crowd) -> None:
    if busy := crowd.one(status="waiting"):
        deciding.defer(busy, timezone.now() + timedelta(days=crowd.draw.randint(1, 30)), by=f"person:{busy.pk}")


def a_batch_goes_out(crowd: Crowd) -> None:
    releasing.release(crowd.launch, crowd.draw.randint(1, 5), by="cron")


def invites_lapse(crowd: Crowd) -> None:
    late = crowd.some(status="invited")
    Code.objects.filter(invite__entry__in=late).update(expires_at=timezone.now() - timedelta(minutes=1))
    inviting.lapse()


def somebody_registers(crowd: Crowd) -> None:
    lucky = crowd.one(status="invited", held_at=None)
    offer = lucky and codes.open_invite_of(lucky)
    if lucky and offer:
        ask = redeeming.Ask(cast.contact(lucky.contact.partition("@")[0]), code=codes.text_of(offer.code))
        redeeming.redeem(crowd.launch, ask, by="public")


def many_join_elsewhere(crowd: Crowd) -> None:
    """Places go on by leaps, into other blocks on every level."""
    leap = crowd.draw.choice([1 << 6, 1 << 8, 1 << 13, 1 << 14, 1 << 20, 3 << 20])
    sql.rows("SELECT setval('waitlist_place', nextval('waitlist_place') + %(leap)s)", {"leap": leap})


def the_relay_folds(crowd: Crowd) -> None:
    ranking.fold()


def an_operator_rebuilds(crowd: Crowd) -> None:
    ranking.rebuild()


def redis_is_flushed(crowd: Crowd) -> None:
    cache.clear()
    queries.forget_kept()


HAPPENINGS: list[Callable[[Crowd], None]] = [
    somebody_joins, somebody_confirms, somebody_who_left_joins_again, somebody_gains_points, somebody_loses_points,
    a_moderator_holds, a_moderator_lets_go, a_moderator_approves, a_moderator_rejects, a_moderator_blocks,
    an_appeal_is_heard, somebody_leaves, somebody_asks_to_be_passed_over, a_batch_goes_out, invites_lapse,
    somebody_registers, many_join_elsewhere, the_relay_folds, an_operator_rebuilds, redis_is_flushed,
]  # fmt: skip
WEIGHTS = [14, 14] + [2] * (len(HAPPENINGS) - 2)  # enough people for something to happen to


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_every_position_is_exact(launch: Launch, seed: int) -> None:
    crowd = Crowd(launch, random.Random(seed))
    other = Crowd(tuning.make_launch("other", "Other", by="staff:1", confirm_contact=False), random.Random(-seed))
    for _n in range(10):
        somebody_joins(crowd)
    for _round in range(6):
        crowd.live(16)
        other.live(4)
    assert len(by_counting(launch)) > 5
    assert Event.objects.filter(kind="entry.invited").exists()


def test_a_position_is_the_same_before_and_after_the_fold(launch: Launch) -> None:
    for name in ("ben", "cleo", "ada"):
        cast.waits(launch, name)
    before = by_counters(launch)
    assert ranking.unfolded() > 0
    ranking.fold()
    assert (by_counters(launch), ranking.unfolded()) == (before, 0)


def test_a_boost_shows_at_once(launch: Launch) -> None:
    for name in ("ben", "cleo"):
        cast.waits(launch, name)
    ada = cast.ada(launch)
    ranking.fold()
    awarding.award(ada.pk, "reward", 50, key="1", by="system")
    assert queries.position_of(cast.now(ada)) == 1


def test_a_held_person_keeps_the_place_they_would_have(launch: Launch) -> None:
    cast.waits(launch, "ben")
    cleo, ada = cast.cleo(launch), cast.ada(launch)
    assert [queries.position_of(one) for one in (cleo, ada)] == [2, 2]
    assert queries.total_waiting(launch) == 2


def test_damaged_counters_are_made_anew(launch: Launch) -> None:
    ada = cast.ada(launch)
    ranking.fold()
    QueueCount.objects.update(n=99)
    ranking.rebuild()
    assert queries.position_of(ada) == queries.total_waiting(launch) == 1
