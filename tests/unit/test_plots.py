"""Where the points of a line stand, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from quality.plots import HEIGHT, WIDTH, Dot, ceiling, plot

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(1)
Points = list[tuple[int, float | None]]


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (0.2, 1), (1, 1), (1.1, 2), (2.3, 2.5), (4, 5), (7, 10), (10, 10), (11, 20), (99, 100), (12_345, 20_000)],
)
def test_an_axis_ends_on_a_round_number(value: float, top: float) -> None:
    assert ceiling(value) == top


@pytest.mark.parametrize(
    ("points", "lines", "dots"),
    [
        ([], [], []),
        ([(0, None)], [], []),
        ([(5, 0.5)], [], [Dot(WIDTH / 2, HEIGHT / 2)]),
        ([(9, 0), (10, 1)], ["540.0,120.0 600.0,0.0"], []),
        ([(0, 0), (1, 0), (2, None), (3, 1), (4, 1)], ["0.0,120.0 60.0,120.0", "180.0,0.0 240.0,0.0"], []),
        ([(0, 0), (1, None), (2, None), (3, 1)], [], [Dot(0, HEIGHT), Dot(180, 0)]),
        ([(0, 0), (1, 0), (4, 0), (5, 0)], ["0.0,120.0 60.0,120.0", "240.0,120.0 300.0,120.0"], []),  # nobody measured
    ],
)
def test_a_line_breaks_where_nothing_was_known(points: Points, lines: list[str], dots: list[Dot]) -> None:
    drawn = plot([(SINCE + n * DAY, value) for n, value in points], SINCE, SINCE + 10 * DAY, gap=2 * DAY)
    assert (drawn.lines, drawn.dots) == (lines, dots)
