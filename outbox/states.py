"""The guarded move: the only way a Status changes. The UPDATE names the states it may start from; the row count is the answer."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from django.db.models import QuerySet

P = ParamSpec("P")
R = TypeVar("R")
_in_verb: ContextVar[bool] = ContextVar("in_verb", default=False)


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """Makes a function one transaction. A verb inside a verb joins the outer one: no savepoint, which would cost two round trips."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        inner = _in_verb.get()
        token = _in_verb.set(True)
        try:
            with transaction.atomic(savepoint=not inner):
                return function(*args, **kwargs)
        finally:
            _in_verb.reset(token)

    return run


class StaleState(Exception):
    """Somebody else moved the row first, or it stands where this verb may not start."""


def sources(model: Any, to: str) -> list[str]:
    """The states that may move to `to`, read from the model's MOVES."""
    return [str(start) for start, targets in model.MOVES.items() if to in targets]


def move(queryset: QuerySet[Any], *, to: str, **changes: Any) -> int:
    """Moves the rows that MOVES lets go to `to`, with the other columns changed alike; how many moved."""
    return queryset.filter(status__in=sources(queryset.model, to)).update(status=to, **changes)


def move_one(queryset: QuerySet[Any], *, to: str, **changes: Any) -> None:
    """Moves exactly one row or raises StaleState."""
    if move(queryset, to=to, **changes) != 1:
        raise StaleState(f"{queryset.model._meta.verbose_name} cannot become {to} from where it stands")
