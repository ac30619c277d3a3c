"""The same event told by ten callers at once counts once; a control without the guard shows that it would not."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from quality.actions import activities
from quality.actions.activities import Heard
from quality.models import Activity
from tests import cast
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]


def event() -> dict[str, str]:
    return {"id": "e1", "email": "ben@example.com", "kind": "engaged", "at": timezone.now().isoformat()}


def hear(launch: Launch, told: list[dict[str, str]]) -> Heard:
    return activities.hear(launch, told, timezone.now(), by="key:1")


def test_an_event_told_by_ten_at_once_counts_once(launch: Launch, race: Race) -> None:
    cast.ben(launch)
    heard = race(10, lambda _n: hear(launch, [event()]))
    assert all(isinstance(one, Heard) for one in heard), heard
    assert (sum(one.accepted for one in heard), sum(one.duplicates for one in heard)) == (1, 9)
    assert Activity.objects.count() == 1


def test_control_without_the_unique_row_each_of_the_ten_counts(
    launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.ben(launch)
    monkeypatch.setattr(activities, "KEEP", activities.KEEP.replace("ON CONFLICT (launch_id, event_id) DO NOTHING", ""))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE quality_activity DROP CONSTRAINT one_activity_per_event_id")
    try:
        race(10, lambda _n: hear(launch, [event()]))
        assert Activity.objects.count() == 10
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE quality_activity")
            cursor.execute(
                "ALTER TABLE quality_activity ADD CONSTRAINT one_activity_per_event_id UNIQUE (launch_id, event_id)"
            )


def circles(launch: Launch, race: Race) -> list[Any]:
    """Who of four callers waited in a circle when they told the same events, half of them backwards; up to eight rounds."""
    user_id, at = str(cast.ben(launch).member_id), timezone.now().isoformat()
    for turn in range(8):
        told = [{"id": f"{turn}-{n:04}", "user_id": user_id, "kind": "engaged", "at": at} for n in range(2_000)]
        heard = race(4, lambda n, told=told: hear(launch, told[:: -1 if n % 2 else 1]))  # type: ignore[misc]
        if wrong := [one for one in heard if not isinstance(one, Heard)]:
            return wrong
    return []


def test_callers_in_opposite_orders_do_not_wait_in_a_circle(launch: Launch, race: Race) -> None:
    assert circles(launch, race) == []
    assert Activity.objects.count() == 8 * 2_000


def test_control_told_as_they_come_they_would(launch: Launch, race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities, "_in_order", list)
    assert "deadlock" in str(circles(launch, race))
