"""Eight calls at once with one Idempotency-Key: the verb runs once; and without the unique row it would not."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.urls import path
from rest_framework.request import Request

from outbox.doors import Door
from outbox.models import SavedReply
from outbox.replies import Answer
from tests.conftest import Api

pytestmark = pytest.mark.urls(__name__)
Race = Callable[[int, Callable[[int], Any]], Sequence[Any]]


class Slow(Door):
    """Takes a while, so that all eight are inside."""

    runs: ClassVar[list[int]] = []

    def post(self, request: Request) -> Answer:
        """Notes that it ran."""
        self.runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.2)")
        return Answer({"status": "success"})


urlpatterns = [path("api/test/slow", Slow.as_view(), name="slow")]


def call(number: int) -> int:
    """One of the callers; the status."""
    return int(Api().post("/api/test/slow", {}, HTTP_IDEMPOTENCY_KEY="one").status_code)


def test_of_eight_at_once_one_runs(race: Race) -> None:
    Slow.runs.clear()
    said = race(8, call)
    assert set(said) <= {200, 409}  # the answer, or "still running" to who came before there was one
    assert len(Slow.runs) == 1
    assert SavedReply.objects.get().status == 200


def test_without_the_unique_row_more_than_one_would(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    Slow.runs.clear()
    monkeypatch.setattr(
        "outbox.replies.CLAIM", "SELECT now() AS created_at WHERE %(scope)s <> %(key)s OR %(fingerprint)s IS NULL"
    )
    assert Counter(race(8, call)) == {200: 8}
    assert len(Slow.runs) == 8
