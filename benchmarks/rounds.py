"""Interleaved rounds: everything that is compared is measured in turn, so that a noisy minute hits all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.load import Load


def interleaved(rounds: int, works: Mapping[str, Callable[[], Any]]) -> dict[str, list[Any]]:
    """What each work gave in each round."""
    found: dict[str, list[Any]] = {name: [] for name in works}
    for _n in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return found


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, by the clock on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(values: list[float]) -> float:
    return statistics.median(values)


def middle(loads: list[Load]) -> Load:
    """The round with the median rate."""
    return sorted(loads, key=lambda load: load.rate)[len(loads) // 2]


def ratio(of: list[float], to: list[float]) -> float:
    """The median of the ratios within each round, which noise that lasts longer than a round cannot move."""
    return statistics.median(one / other for one, other in zip(of, to, strict=True))
