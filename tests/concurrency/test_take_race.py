"""Codes that were made are taken away once, however many ask at once. The control takes the guard away and shows the bug."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from invites import queries
from invites.actions import counting, making, revealing
from invites.models import CampaignDay, CodeRun
from outbox.errors import Refused
from outbox.models import Event
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]
CROWD = 10


@pytest.fixture
def run(launch: Launch) -> CodeRun:
    """Three codes, just made."""
    spec = making.Spec(count=3, expires_at=timezone.now() + timedelta(days=9), batch_id="x", campaign="SPRING")
    return making.generate(launch, spec, by="staff:1")[0]


def takes(run: CodeRun) -> Callable[[int], str]:
    """Each comes with the run as it stood before anybody took it."""

    def take(_number: int) -> str:
        try:
            revealing.take(run, "csv", by="staff:1")
        except Refused as refused:
            return refused.reason
        return "taken"

    return take


def test_ten_downloads_at_once_give_exactly_one(run: CodeRun, race: Race) -> None:
    run.refresh_from_db()
    assert sorted(race(CROWD, takes(run))) == ["codes_taken"] * (CROWD - 1) + ["taken"]
    assert Event.objects.filter(kind="codes.taken").count() == 1


def test_without_the_guard_in_the_write_more_than_one_is_given(
    run: CodeRun, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.refresh_from_db()
    plain = QuerySet.filter

    def unguarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        return plain(self, *args, **{name: kwargs[name] for name in kwargs if name != "taken_at"})

    monkeypatch.setattr(QuerySet, "filter", unguarded)
    assert list(race(CROWD, takes(run))).count("taken") > 1


def test_openings_at_once_are_all_counted_while_everything_is_counted_anew(
    launch: Launch, run: CodeRun, race: Race
) -> None:
    text = next(queries.run_texts(run.pk))
    race(CROWD, lambda number: counting.count_campaigns() if number == 5 else counting.note_opened(launch, text))
    assert CampaignDay.objects.get(campaign="SPRING").opened == CROWD - 1
