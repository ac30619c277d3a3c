"""Redemptions race a containment: once it is answered nobody comes in, and nobody who came in before is missed."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.utils import timezone

from config.invariants import broken
from invites import hot
from invites.actions import containing, redeeming
from invites.actions.containing import Decision
from invites.leaks import Target
from invites.models import Code, Containment, ContainmentPart, Redemption
from outbox.errors import Refused
from tests.concurrency.test_redeem_race import codes, redeem
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
MANY = 16
PATIENCE = 30


def contain(by: str = "staff:7") -> tuple[Containment, bool]:
    code = Code.objects.get(kind="bulk")
    target = Target(code.launch_id, "code", str(code.pk), timezone.now())
    return containing.contain(Decision(target, net="everybody"), "leaked", by=by)


def test_whoever_came_in_is_held_and_nobody_comes_in_after_the_answer(launch: Launch, race: Race) -> None:
    [text] = codes(launch, 1, 100)
    answered: list[int] = []

    def act(n: int) -> Any:
        if n == MANY // 2:
            contain()
            answered.append(Redemption.objects.count())
            return None
        return redeem(launch, text, f"p{n}")

    results = race(MANY, act)
    assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, Refused)], results
    assert [Redemption.objects.count()] == answered
    came = set(Redemption.objects.values_list("entry", flat=True))
    assert set(ContainmentPart.objects.filter(kind="person", done="held").values_list("entry", flat=True)) == came
    assert set(Entry.objects.filter(held_at__isnull=False).values_list("pk", flat=True)) == came
    assert broken() == []


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[Launch, str], Callable[[int], Any]]:
    """One redemption has looked at the code and found it good, then waits until the containment is answered, and spends it."""
    looked, answered, spend = threading.Event(), threading.Event(), redeeming._spend

    def after_the_answer(*args: Any, **more: Any) -> bool:
        looked.set()
        assert answered.wait(PATIENCE)
        return spend(*args, **more)

    monkeypatch.setattr(redeeming, "_spend", after_the_answer)

    def acts(launch: Launch, text: str) -> Callable[[int], Any]:
        def act(n: int) -> Any:
            if n == 0:
                return redeem(launch, text, "late")
            assert looked.wait(PATIENCE)
            contain()
            answered.set()
            return None

        return act

    return acts


def test_a_redemption_under_way_is_refused(
    launch: Launch, race: Race, late: Callable[[Launch, str], Callable[[int], Any]]
) -> None:
    [text] = codes(launch, 1, 100)
    refused, _nothing = race(2, late(launch, text))
    assert isinstance(refused, Refused) and refused.why == "code_paused"
    assert not Redemption.objects.exists()


def test_control_without_the_guard_in_the_update_it_comes_in(
    launch: Launch,
    race: Race,
    late: Callable[[Launch, str], Callable[[int], Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hot, "SPEND", hot.SPEND.replace(f"AND NOT ({hot.REFUSED})", ""))
    [text] = codes(launch, 1, 100)
    race(2, late(launch, text))
    assert Redemption.objects.count() == 1


def test_of_two_moderators_at_once_one_contains_and_the_other_finds_it(launch: Launch, race: Race) -> None:
    [text] = codes(launch, 1, 100)
    for n in range(5):
        redeem(launch, text, f"p{n}")
    results = race(6, lambda n: contain(f"staff:{n}"))
    assert sorted(fresh for _row, fresh in results) == [False] * 5 + [True]
    assert Containment.objects.count() == 1
    assert ContainmentPart.objects.filter(kind="person").count() == 5


def test_an_undo_at_the_same_moment_is_done_once(launch: Launch, race: Race) -> None:
    [text] = codes(launch, 1, 100)
    for n in range(5):
        redeem(launch, text, f"p{n}")
    row, _fresh = contain()
    results = race(4, lambda n: containing.undo(row.pk, "a false alarm", by=f"staff:{n}"))
    assert sum(isinstance(one, Containment) for one in results) == 1, results
    assert Code.objects.get(kind="bulk", uses=5).status == "active"
    assert not Entry.objects.filter(held_at__isnull=False).exists()
