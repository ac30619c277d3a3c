"""The crowd that the tests of this folder use: it acts at one moment, and says what became of each."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from outbox.errors import Refused
from waitlist.models import Launch


def test_all_of_it_is_inside_at_once(race: Callable[..., Sequence[Any]], launch: Launch) -> None:
    inside = threading.Barrier(20)
    assert race(20, lambda _n: (inside.wait(timeout=10), Launch.objects.count())[1]) == [1] * 20


def test_what_was_raised_comes_back(race: Callable[..., Sequence[Any]]) -> None:
    def act(number: int) -> int:
        if number:
            raise Refused("no")
        return number

    first, second = race(2, act)
    assert first == 0
    assert isinstance(second, Refused)
