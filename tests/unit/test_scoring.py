"""The points rules, as a table."""

from typing import Any

import pytest

from waitlist.scoring import DEFAULT_WEIGHTS, RULES, Evidence, priority, reason_of, score, weight

LONG = " ".join(["word"] * 21)


def points(weights: dict[tuple[str, str], int] | None = None, **said: Any) -> dict[str, int]:
    return {line.rule: line.points for line in score(Evidence(**said), weights or {})}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {"persona": 5}),
        ({"persona": "solo_founder"}, {"persona": 10}),
        ({"persona": "small_team"}, {"persona": 15}),
        ({"persona": "agency"}, {"persona": 20}),
        ({"persona": "content_creator"}, {"persona": 8}),
        ({"persona": "astronaut"}, {"persona": 5}),
        ({"use_case": " ".join(["word"] * 20)}, {"persona": 5}),
        ({"use_case": LONG}, {"persona": 5, "detailed_use_case": 10}),
        ({"use_case": "MARKETING and more marketing", "keywords": ("marketing",)}, {"persona": 5, "keyword": 5}),
        ({"use_case": "sometimes", "keywords": ("time",)}, {"persona": 5}),
        ({"use_case": "time-saving", "keywords": ("time",)}, {"persona": 5, "keyword": 5}),
        ({"use_case": "Our e-mail, daily", "keywords": ("E-Mail",)}, {"persona": 5, "keyword": 5}),
        ({"use_case": "some machine-learning", "keywords": ("machine learning",)}, {"persona": 5, "keyword": 5}),
        ({"use_case": "a mail, - another", "keywords": ("", "-", "e-mail")}, {"persona": 5}),
        ({"source": "producthunt"}, {"persona": 5}),
        ({"source": "producthunt", "vouched": True}, {"persona": 5, "source": 20}),
        ({"source": "Twitter", "vouched": True}, {"persona": 5, "source": 5}),
        ({"source": "elsewhere", "vouched": True}, {"persona": 5}),
        ({"referred": True}, {"persona": 5, "came_by_referral": 10}),
        ({"domain": "acme.com"}, {"persona": 5}),
    ],
)
def test_it_gives_the_points_of_the_table(said: dict[str, Any], expected: dict[str, int]) -> None:
    assert points(**said) == expected


def test_a_launch_overrides_a_weight() -> None:
    assert points({("corporate_domain", ""): 7}, domain="acme.com")["corporate_domain"] == 7


def test_free_mail_is_no_corporate_domain() -> None:
    assert "corporate_domain" not in points({("corporate_domain", ""): 7}, domain="gmail.com")


def test_an_unknown_key_earns_what_the_rule_earns_otherwise() -> None:
    assert weight({}, "persona", "astronaut") == DEFAULT_WEIGHTS["persona", ""]
    assert weight({("persona", "astronaut"): 3}, "persona", "astronaut") == 3


@pytest.mark.parametrize(("lines", "expected"), [([], 0), ([150, 60], 200), ([-5], 0), ([20, 5, 10], 35)])
def test_priority_is_the_sum_within_0_and_200(lines: list[int], expected: int) -> None:
    assert priority(lines) == expected


def test_every_rule_says_why_in_a_sentence() -> None:
    assert all(reason_of(name).endswith(".") for name in RULES)
