"""The fault barrier: work on many rows, where a bad one fails alone and never stops the rest."""

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

from outbox.policy import described

logger = logging.getLogger(__name__)
Row = TypeVar("Row")
Result = TypeVar("Result")


class Fault:
    """Keeps an error that is raised within it, whatever it is; what ends the process passes through."""

    error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        # Where it happened, without the values: those may hold an address.
        logger.error("%s\n%s", described(error), "".join(traceback.format_tb(trace)))
        return True


def apart(
    work: Callable[[Sequence[Row]], Result], rows: Sequence[Row]
) -> Iterator[tuple[Sequence[Row], Result | Exception]]:
    """Does the work on all rows at once; when it raises, on each alone. Yields rows with their result or their error."""
    with Fault() as fault:
        result = work(rows)
    if fault.error is None:
        yield rows, result
    elif len(rows) == 1:
        yield rows, fault.error
    else:
        for row in rows:
            yield from apart(work, [row])
