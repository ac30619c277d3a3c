"""Every metric as a table: what it says of which counts, and over how many."""

from dataclasses import replace
from typing import Any

import pytest

import referrals.metrics as friends
from invites.metrics import Offers
from quality.measures import METRICS, Measured, computed
from quality.metrics import Cohort, Mails
from quality.trust import FEWEST
from referrals.metrics import Brought

NOBODY = Cohort(told=True)
SILENT = Cohort(members=40, activated=9, engaged=9, flagged=3, due_day7=8)  # the product never reported anything
FORTY = Cohort(
    members=40,
    activated=30,
    engaged=20,
    churned=4,
    converted=5,
    adopted=8,
    flagged=2,
    tickets=6,
    due_day7=12,
    retained_day7=9,
    told=True,
)

# What a metric says: (the counts, the value, over how many).
TABLES: dict[str, list[tuple[Any, float | None, int]]] = {
    "churn_rate": [(NOBODY, None, 0), (SILENT, None, 40), (FORTY, 0.1, 40), (replace(FORTY, churned=40), 1.0, 40)],
    "fraud_rate": [(NOBODY, None, 0), (SILENT, None, 40), (FORTY, 0.05, 40), (replace(FORTY, flagged=0), 0.0, 40)],
    "engagement_rate": [(NOBODY, None, 0), (SILENT, None, 40), (FORTY, 0.5, 40), (replace(FORTY, engaged=0), 0.0, 40)],
    "activation_rate": [(NOBODY, None, 0), (SILENT, None, 40), (FORTY, 0.75, 40)],
    "retention_day7": [(NOBODY, None, 0), (SILENT, None, 8), (FORTY, 0.75, 12), (replace(FORTY, due_day7=0), None, 0)],
    "conversion_rate": [(NOBODY, None, 0), (SILENT, None, 40), (FORTY, 0.125, 40)],
    "feature_adoption": [(NOBODY, None, 0), (SILENT, None, 40), (FORTY, 0.2, 40)],
    "support_tickets": [
        (NOBODY, None, 0),
        (SILENT, None, 40),
        (FORTY, 15.0, 40),
        (replace(FORTY, tickets=100), 250.0, 40),  # more than one each
        (replace(FORTY, members=3, tickets=1), 33.33, 3),
    ],
    "trust_score": [
        (NOBODY, None, 0),
        (SILENT, None, 40),
        (replace(FORTY, members=FEWEST - 1), None, 29),
        (FORTY, 0.715, 40),  # 0.3 * 0.8 + 0.3 * 0.75 + 0.2 * 0.5 + 0.2 * 0.75
        (Cohort(members=40, activated=40, engaged=40, told=True), 1.0, 40),
        (Cohort(members=40, churned=40, flagged=40, told=True), 0.0, 40),
    ],
    "outbox_lag": [(Mails(), 0.0, 0), (Mails(0.04, 9), 0.0, 9), (Mails(61.26, 50), 61.3, 50)],
    "redemption_rate": [
        (Offers(), None, 0),
        (Offers(decided=8), 0.0, 8),
        (Offers(decided=8, redeemed=6), 0.75, 8),
        (Offers(decided=3, redeemed=1), 0.3333, 3),
    ],
    "bounce_rate": [(Offers(), None, 0), (Offers(delivered=50), 0.0, 50), (Offers(delivered=50, bounced=1), 0.02, 50)],
    "failed_code_rate": [(Offers(), None, 0), (Offers(tried=9), 0.0, 9), (Offers(tried=10, refused=4), 0.4, 10)],
    "referral_conversion": [(Brought(), None, 0), (Brought(joined=4), 0.0, 4), (Brought(4, 3), 0.75, 4)],
}


@pytest.mark.parametrize(
    ("name", "counts", "value", "sample"), [(name, *row) for name, rows in TABLES.items() for row in rows]
)
def test_it_says_what_the_table_says(name: str, counts: Any, value: float | None, sample: int) -> None:
    assert METRICS[name].formula(counts) == Measured(value, sample)


@pytest.mark.parametrize("name", METRICS)
def test_of_nobody_it_says_nothing(name: str) -> None:
    said = METRICS[name].formula(METRICS[name].counts())
    assert said.value is None or name == "outbox_lag"
    assert said.sample == 0


def test_all_are_computed_from_one_count_of_each_kind() -> None:
    said = computed([FORTY, Mails(), Offers(), Brought(4, 3)])
    assert set(said) == set(METRICS)
    assert said["referral_conversion"] == friends.referral_conversion(Brought(4, 3)) == Measured(0.75, 4)


@pytest.mark.parametrize("name", METRICS)
def test_what_the_product_reports_is_as_fresh_as_its_report(name: str) -> None:
    assert METRICS[name].from_events == (METRICS[name].counts is Cohort)


@pytest.mark.parametrize("name", METRICS)
def test_each_says_in_one_sentence_what_it_is(name: str) -> None:
    assert METRICS[name].reason.endswith(".") and "\n" not in METRICS[name].reason
