"""Promise 9 under real threads: a milestone pays once for ever. The controls take the guards away and show the bug."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from config.invariants import broken
from invites.actions import making, redeeming
from invites.queries import codes_of, run_texts, unspent
from outbox import relay
from outbox.models import Delivery
from referrals import actions, hot, milestones, queries
from referrals.models import LedgerLine, Referral, Reward
from tests import cast
from waitlist.actions import confirming
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
CROWD = 8
UNIQUE = "a_milestone_pays_once"


@pytest.fixture
def ben(launch: Launch) -> Entry:
    """Ben is in; eight friends used his link and confirmed."""
    ben = cast.ben(launch)
    for number in range(CROWD):
        cast.waits(launch, f"friend{number}", referral_code=ben.referral_code)
    relay.drain()
    return ben


@pytest.fixture
def bulk(launch: Launch) -> str:
    """A code that lets all of them in."""
    spec = making.Spec(1, timezone.now() + timedelta(9), batch_id="many", max_uses=100)
    return next(iter(run_texts(making.generate(launch, spec, by="staff:1")[0].pk)))


@pytest.fixture
def without_constraint(transactional_db: None) -> Iterator[None]:
    """The table without its last guard."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE referrals_reward DROP CONSTRAINT {UNIQUE}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM referrals_reward")
        cursor.execute(f"ALTER TABLE referrals_reward ADD CONSTRAINT {UNIQUE} UNIQUE (referrer_id, milestone)")


@pytest.fixture
def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody reads the referrer without waiting, and decides before anybody has written."""
    met = threading.Barrier(CROWD)
    decide = milestones.due

    def decided(*evidence: Any) -> list[milestones.Step]:
        steps = decide(*evidence)
        met.wait(timeout=30)
        return steps

    def unlocked(ids: Sequence[int]) -> list[Entry]:
        return list(Entry.objects.select_related("launch").filter(pk__in=ids))

    monkeypatch.setattr(actions, "_locked", unlocked)
    monkeypatch.setattr(milestones, "due", decided)


def come_in(launch: Launch, code: str, numbers: Sequence[int]) -> None:
    for number in numbers:
        redeeming.redeem(launch, redeeming.Ask(cast.contact(f"friend{number}"), code=code, proven=True), by="public")


def earned_codes(referrer: Entry) -> int:
    return len(codes_of(referrer)) - 3


def paid(referrer: Entry) -> list[int | None]:
    granted = Reward.objects.filter(referrer=referrer, status="granted").order_by("milestone")
    return list(granted.values_list("milestone", flat=True))


def pay(referrer: Entry) -> Callable[[int], int]:
    return lambda _number: actions.grant_due([referrer.pk], by="system")


def test_a_milestone_that_eight_reach_at_once_pays_once(launch: Launch, ben: Entry, bulk: str, race: Race) -> None:
    def arrive(number: int) -> None:
        come_in(launch, bulk, [number])
        relay.drain()

    assert race(CROWD, arrive) == [None] * CROWD
    relay.drain()
    assert paid(ben) == [3, 5]
    assert earned_codes(ben) == 6
    assert broken() == []


def test_eight_workers_pay_once(launch: Launch, ben: Entry, bulk: str, race: Race) -> None:
    come_in(launch, bulk, range(3))
    assert sorted(race(CROWD, pay(ben))) == [0] * (CROWD - 1) + [1]
    assert earned_codes(ben) == 3
    assert Delivery.objects.filter(name="milestone").count() == 1


def test_the_constraint_alone_holds(launch: Launch, ben: Entry, bulk: str, race: Race, without_lock: None) -> None:
    come_in(launch, bulk, range(3))
    assert sorted(race(CROWD, pay(ben))) == [0] * (CROWD - 1) + [1]
    assert earned_codes(ben) == 3


def test_the_lock_alone_holds(launch: Launch, ben: Entry, bulk: str, race: Race, without_constraint: None) -> None:
    come_in(launch, bulk, range(3))
    assert sorted(race(CROWD, pay(ben))) == [0] * (CROWD - 1) + [1]
    assert earned_codes(ben) == 3


def test_control_without_both_a_milestone_pays_eight_times(
    launch: Launch, ben: Entry, bulk: str, race: Race, without_constraint: None, without_lock: None
) -> None:
    come_in(launch, bulk, range(3))
    assert sum(race(CROWD, pay(ben))) > 1
    assert earned_codes(ben) > 3
    assert any("a milestone paid once" in line for line in broken())


def test_a_count_that_falls_and_crosses_at_once_pays_once(launch: Launch, ben: Entry, bulk: str, race: Race) -> None:
    come_in(launch, bulk, range(3))
    counted = list(Referral.objects.filter(referrer=ben, status="qualified").values_list("pk", flat=True))

    def rise_or_fall(number: int) -> None:
        if number < 3:
            actions.void([counted[number]], "a fake", by="staff:1")
        else:
            come_in(launch, bulk, [number])
        relay.drain()

    assert race(CROWD, rise_or_fall) == [None] * CROWD
    relay.drain()
    assert queries.qualified_count(ben) == 5
    assert paid(ben) == [3, 5]
    assert (earned_codes(ben), unspent(ben)) == (6, 9)
    assert broken() == []


@pytest.fixture
def taken_back(launch: Launch, ben: Entry, bulk: str) -> Entry:
    """Ben, whose milestone was taken back when a friend was voided; another one came in since, and nobody has looked."""
    come_in(launch, bulk, range(3))
    relay.drain()
    actions.void([Referral.objects.filter(referrer=ben, status="qualified").earliest("pk").pk], "a fake", by="staff:1")
    relay.drain()
    come_in(launch, bulk, [3])
    return ben


def test_what_was_taken_back_is_given_again_once(taken_back: Entry, race: Race) -> None:
    assert sorted(race(CROWD, pay(taken_back))) == [0] * (CROWD - 1) + [1]
    lines = LedgerLine.objects.filter(referrer=taken_back, kind="codes").order_by("pk")
    assert list(lines.values_list("amount", flat=True)) == [3, -3, 3]
    assert (earned_codes(taken_back), unspent(taken_back)) == (3, 6)
    assert broken() == []


def test_control_without_lock_and_guard_it_is_given_again_many_times(
    taken_back: Entry, race: Race, without_lock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = actions.move

    def unguarded(rows: Any, *, to: str, **changes: Any) -> int:
        if to != "granted":
            return guarded(rows, to=to, **changes)
        return int(Reward.objects.filter(referrer=taken_back).update(status=to, **changes))

    monkeypatch.setattr(actions, "move", unguarded)
    assert sum(race(CROWD, pay(taken_back))) > 1


def test_it_is_taken_back_once(launch: Launch, ben: Entry, bulk: str, race: Race) -> None:
    come_in(launch, bulk, range(3))
    relay.drain()
    actions.void([Referral.objects.filter(referrer=ben, status="qualified").earliest("pk").pk], "a fake", by="staff:1")
    race(CROWD, pay(ben))
    assert list(LedgerLine.objects.filter(kind="codes").order_by("pk").values_list("amount", flat=True)) == [3, -3]


def test_earning_and_the_worker_race_and_pay_once(launch: Launch, ben: Entry, bulk: str, race: Race) -> None:
    come_in(launch, bulk, range(3))
    said = race(CROWD, lambda n: relay.drain() if n % 2 else actions.earn(ben, by=f"person:{ben.pk}")[0])
    assert sum(said[::2]) <= 1
    assert paid(ben) == [3]
    assert earned_codes(ben) == 3


def test_friends_who_confirm_at_once_give_their_points_up_to_the_cap(launch: Launch, race: Race) -> None:
    ada = cast.ada(launch)
    friends = [cast.joins(launch, f"friend{n}", referral_code=ada.referral_code) for n in range(12)]
    assert race(12, lambda n: confirming.confirm(friends[n].pk, by="public")) == [True] * 12
    relay.drain()
    assert queries.had_for_friends(ada) == 50
    assert cast.now(ada).priority == 55
    assert broken() == []


def test_nobody_waits_for_a_busy_referrer(launch: Launch, race: Race) -> None:
    ada = cast.ada(launch)
    cleo = cast.joins(launch, "cleo", referral_code=ada.referral_code)
    with transaction.atomic():
        Entry.objects.select_for_update(no_key=True).get(pk=ada.pk)
        assert race(1, lambda _n: confirming.confirm(cleo.pk, by="public")) == [True]
    assert cast.now(ada).priority == 5
    relay.drain()
    assert cast.now(ada).priority == 10


def test_friends_who_come_in_wait_for_no_referrer(launch: Launch, ben: Entry, bulk: str, race: Race) -> None:
    with transaction.atomic():
        Entry.objects.select_for_update(no_key=True).get(pk=ben.pk)
        assert race(3, lambda n: come_in(launch, bulk, [n])) == [None] * 3
    relay.drain()
    assert paid(ben) == [3]


def test_one_address_gets_two_of_eight_mails_asked_for_at_once(launch: Launch, race: Race) -> None:
    inviters = [cast.waits(launch, f"friend{n}") for n in range(CROWD)]
    race(CROWD, lambda n: actions.share(inviters[n], cast.contact("cleo"), by="public"))
    assert Referral.objects.filter(status="shared").count() == CROWD
    assert Delivery.objects.filter(name="share").count() == 2


def test_control_without_taking_turns_an_address_gets_more(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    inviters = [cast.waits(launch, f"friend{n}") for n in range(CROWD)]
    met, count = threading.Barrier(CROWD), queries.mails_shared_to

    def counted(*evidence: Any) -> tuple[int, int]:
        found = count(*evidence)
        met.wait(timeout=30)
        return found

    monkeypatch.setattr(hot, "ONE_BY_ONE", "SELECT %(number)s::bigint")
    monkeypatch.setattr(queries, "mails_shared_to", counted)
    race(CROWD, lambda n: actions.share(inviters[n], cast.contact("cleo"), by="public"))
    assert Delivery.objects.filter(name="share").count() > 2


def test_one_friend_is_told_once_however_often_it_is_asked_at_once(launch: Launch, race: Race) -> None:
    ada = cast.ada(launch)
    told = race(CROWD, lambda _n: actions.share(ada, cast.contact("cleo"), by="public").pk)
    assert len(set(told)) == 1
    assert Delivery.objects.filter(name="share").count() == 1


def test_a_day_has_ten_friends_also_when_they_are_told_at_once(launch: Launch, race: Race) -> None:
    ada = cast.ada(launch)
    race(15, lambda n: actions.share(ada, cast.contact(f"friend{n}"), by="public"))
    assert Delivery.objects.filter(name="share").count() == 10
