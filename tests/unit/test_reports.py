"""One event as the product tells it, as a table: what is read, and the code of what is not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from quality.reports import REJECTIONS, Report, Unfit, read

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ADA = {"id": "1", "email": "Ada@Example.com", "kind": "engaged", "at": "2026-11-26T11:00:00Z"}
LONG = "x" * 201


def test_it_reads_an_event() -> None:
    told = {**ADA, "at": "2026-11-26t13:00:00.5+02:00", "feature": " export "}
    at = datetime(2026, 11, 26, 11, 0, 0, 500_000, tzinfo=UTC)
    assert read(told, NOW) == Report("1", "engaged", at, canonical="ada@example.com", feature="export")


def test_an_id_counts_before_an_address() -> None:
    assert read({**ADA, "user_id": "u7"}, NOW).user_id == "u7"
    assert read({**ADA, "user_id": "u7"}, NOW).canonical == ""


@pytest.mark.parametrize("at", ["2000-01-01T00:00:00Z", "2026-11-26T12:05:00Z", "2026-11-26T14:05:00+02:00"])
def test_late_is_welcome_and_so_is_a_clock_that_runs_a_little_ahead(at: str) -> None:
    assert read({**ADA, "at": at}, NOW)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (None, "not_an_object"),
        ("engaged", "not_an_object"),
        ([ADA], "not_an_object"),
        ({**ADA, "id": None}, "bad_id"),
        ({**ADA, "id": ""}, "bad_id"),
        ({**ADA, "id": 7}, "bad_id"),
        ({**ADA, "id": LONG}, "bad_id"),
        ({**ADA, "kind": "danced"}, "unknown_kind"),
        ({**ADA, "kind": ["engaged"]}, "unknown_kind"),
        ({**ADA, "kind": None}, "unknown_kind"),
        ({**ADA, "at": None}, "bad_time"),
        ({**ADA, "at": 1764158400}, "bad_time"),
        ({**ADA, "at": "yesterday"}, "bad_time"),
        ({**ADA, "at": "2026-11-26"}, "bad_time"),
        ({**ADA, "at": "2026-11-26T11:00:00"}, "bad_time"),  # whose clock?
        ({**ADA, "at": "2026-02-30T11:00:00Z"}, "bad_time"),
        ({**ADA, "at": "2026-11-26T11:00:00+99:00"}, "bad_time"),
        ({**ADA, "at": "0001-01-01T00:00:00+14:00"}, "bad_time"),
        ({**ADA, "at": "1970-01-21T10:00:00Z"}, "bad_time"),
        ({**ADA, "at": "2026-11-26T12:05:01Z"}, "in_the_future"),
        ({**ADA, "at": "9999-12-31T23:59:59-14:00"}, "in_the_future"),
        ({**ADA, "feature": 7}, "bad_feature"),
        ({**ADA, "feature": "x" * 101}, "bad_feature"),
        ({**ADA, "email": None}, "no_person"),
        ({**ADA, "email": ""}, "no_person"),
        ({**ADA, "email": 7}, "no_person"),
        ({**ADA, "email": None, "user_id": ""}, "no_person"),
        ({**ADA, "email": "ada"}, "unknown_person"),
        ({**ADA, "email": f"ada@{LONG}.com"}, "unknown_person"),
    ],
)
def test_what_does_not_fit_has_a_code(told: Any, code: str) -> None:
    with pytest.raises(Unfit) as unfit:
        read(told, NOW)
    assert unfit.value.code == code
    assert code in REJECTIONS
