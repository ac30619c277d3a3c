"""The trust score and the health of a launch, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from quality.measures import Measured
from quality.trust import FEWEST, WEIGHTS, Rates, health, part, score

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
BEST, WORST = Rates(0, 0, 1, 1), Rates(1, 1, 0, 0)
FAIR = Rates(churn_rate=0.1, fraud_rate=0.05, engagement_rate=0.5, activation_rate=0.75)


def test_the_weights_make_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("rates", "sample", "expected"),
    [
        (BEST, FEWEST, 1.0),
        (WORST, FEWEST, 0.0),
        (FAIR, FEWEST, 0.715),
        (FAIR, FEWEST - 1, None),
        (BEST, 0, None),
        (Rates(0.5, 0, 1, 1), 99, 0.7),  # every second left: that part is worth nothing
        (Rates(0.9, 0, 1, 1), 99, 0.7),
        (Rates(0, 0.1, 1, 1), 99, 0.85),
        (Rates(0, 0.2, 1, 1), 99, 0.7),
        (Rates(0, 0, 0, 1), 99, 0.8),
        (Rates(0, 0, 1, 0), 99, 0.8),
        (Rates(None, 0, 1, 1), 99, None),
        (Rates(0, None, 1, 1), 99, None),
        (Rates(0, 0, None, 1), 99, None),
        (Rates(0, 0, 1, None), 99, None),
    ],
)
def test_the_score_is_the_weighted_sum_or_nothing(rates: Rates, sample: int, expected: float | None) -> None:
    assert score(rates, sample) == Measured(expected, sample)


@pytest.mark.parametrize("rate", [n / 20 for n in range(20)])
@pytest.mark.parametrize("name", WEIGHTS)
def test_a_part_lies_within_0_and_1_and_never_turns(name: str, rate: float) -> None:
    here, further = part(name, rate), part(name, rate + 0.05)
    assert 0 <= here <= 1
    assert here >= further if name in ("churn_rate", "fraud_rate") else here <= further


@pytest.mark.parametrize(
    ("trust", "rates", "age", "expected"),
    [
        (0.715, FAIR, timedelta(0), "healthy"),
        (0.5, FAIR, timedelta(hours=24), "healthy"),
        (0.4999, FAIR, timedelta(0), "unhealthy"),
        (0.0, WORST, timedelta(0), "unhealthy"),
        (0.7, Rates(0, 0.2, 1, 1), timedelta(0), "unhealthy"),  # the rest does not make up for frauds
        (0.8, Rates(0, 0, 0, 1), timedelta(0), "unhealthy"),
        (None, FAIR, timedelta(0), "unknown"),
        (0.9, FAIR, timedelta(hours=24, seconds=1), "unknown"),
        (0.9, FAIR, None, "unknown"),
    ],
)
def test_health_is_the_score_while_it_is_fresh(
    trust: float | None, rates: Rates, age: timedelta | None, expected: str
) -> None:
    assert health(trust, rates, NOW - age if age is not None else None, NOW) == expected
