"""Many watchers at once raise an alert once. The controls take the guards away and show the bug."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import connection

from outbox.models import Event
from quality.actions import alerting
from quality.actions.alerting import Sighting, note
from quality.models import Alert
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
CROWD = 8
CODE = "joins_from_source"
PLAIN = """
INSERT INTO quality_alert AS alert (launch_id, code, subject, detail)
SELECT %(launch)s::bigint, seen.code, seen.subject, seen.detail
FROM jsonb_to_recordset(%(seen)s::jsonb) AS seen(code text, subject text, detail text), pg_sleep(0.2)
WHERE NOT EXISTS (SELECT FROM quality_alert AS open WHERE open.launch_id = %(launch)s::bigint AND open.code = seen.code
                  AND open.subject = seen.subject AND open.ended_at IS NULL)
RETURNING id, code, subject, true AS raised
"""


@pytest.fixture
def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watchers do not wait for each other."""
    monkeypatch.setattr(alerting, "ALONE", "SELECT %(watchers)s::int, %(launch)s::int")


@pytest.fixture
def without_constraint(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The table without its guard; a statement that looks first and writes then."""
    monkeypatch.setattr(alerting, "NOTE", PLAIN)
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX one_open_alert")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM quality_alert")
        cursor.execute(
            "CREATE UNIQUE INDEX one_open_alert ON quality_alert (launch_id, code, subject) NULLS NOT DISTINCT "
            "WHERE ended_at IS NULL"
        )


def looks(launch: Launch | None, subject: str = "twitter") -> Callable[[int], int]:
    return lambda number: note(launch, [Sighting(CODE, subject, f"look {number}")], {CODE}, by="system")


@pytest.mark.parametrize("everywhere", [False, True])
def test_eight_watchers_raise_once(everywhere: bool, launch: Launch, race: Race) -> None:
    assert sorted(race(CROWD, looks(None if everywhere else launch))) == [0] * (CROWD - 1) + [1]
    assert Alert.objects.get().times == CROWD
    assert Event.objects.filter(kind="alert.raised").count() == 1


def test_the_constraint_alone_holds(launch: Launch, race: Race, without_lock: None) -> None:
    assert sorted(race(CROWD, looks(launch))) == [0] * (CROWD - 1) + [1]
    assert Alert.objects.get().times == CROWD


def test_the_lock_alone_holds(launch: Launch, race: Race, without_constraint: None) -> None:
    assert sorted(race(CROWD, looks(launch))) == [0] * (CROWD - 1) + [1]


def test_the_control_without_both_raises_more_than_once(
    launch: Launch, race: Race, without_lock: None, without_constraint: None
) -> None:
    assert sum(race(CROWD, looks(launch))) > 1
    assert Event.objects.filter(kind="alert.raised").count() > 1
