"""Lines and bars over time as SVG: where each stands, and what the axes say. Pure; templates/admin/ draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 600, 120  # of the plane, in its own units; the page scales it
STEPS = (1, 2, 2.5, 5, 10)  # an axis ends on one of these, times a power of ten


@dataclass(frozen=True, slots=True)
class Dot:
    """A point that stands alone, where a line would be invisible."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A line, broken where nothing was known; `top` is the value at the upper edge, 0 lies at the lower one."""

    lines: list[str]
    dots: list[Dot]
    top: float
    width: int = WIDTH
    height: int = HEIGHT


def ceiling(value: float) -> float:
    """The round number at or above the value: 1 for shares and scores, which never go beyond it."""
    if value <= 1:
        return 1.0
    power = 1.0
    while power * 10 < value:
        power *= 10
    return next(step * power for step in STEPS if step * power >= value)


def plot(points: Sequence[tuple[datetime, float | None]], since: datetime, until: datetime, gap: timedelta) -> Plot:
    """The line through these points, oldest first. It breaks at a missing value, and where no point came for longer than `gap`."""
    known = [value for _at, value in points if value is not None]
    top, span = ceiling(max(known, default=0.0)), (until - since).total_seconds()
    runs: list[list[Dot]] = [[]]
    before = since
    for at, value in points:
        if runs[-1] and (value is None or at - before > gap):
            runs.append([])
        if value is not None:
            x, y = (at - since).total_seconds() / span * WIDTH, HEIGHT - value / top * HEIGHT
            runs[-1].append(Dot(round(x, 1), round(y, 1)))
        before = at
    lines = [" ".join(f"{dot.x},{dot.y}" for dot in run) for run in runs if len(run) > 1]
    return Plot(lines, [run[0] for run in runs if len(run) == 1], top)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each step of time; `top` is the count at the upper edge."""

    bars: list[Bar]
    top: float
    width: int = WIDTH
    height: int = HEIGHT


def bars(counts: Sequence[int]) -> Bars:
    """A bar for each of these counts, with a little air between them; none is thinner than can be seen."""
    top, step = max(4.0, ceiling(max(counts, default=0))), WIDTH / max(1, len(counts))
    tall = [round(max(count / top * HEIGHT, 2.0 if count else 0.0), 1) for count in counts]
    return Bars(
        [Bar(round(n * step + step * 0.1, 1), HEIGHT - one, round(step * 0.8, 1), one) for n, one in enumerate(tall)],
        top,
    )
