"""The documents and the registries of the code say the same, one to one."""

import re
from pathlib import Path

import pytest

from config.limits import LIMITS
from config.problems import PROBLEMS
from invites import codes, hot
from outbox.facts import catalogue
from quality import trust
from quality.measures import METRICS
from quality.models import Activity
from quality.reports import REJECTIONS
from quality.rules import WEIGHTS
from tests.unit.test_metrics import TABLES
from waitlist import scoring

DOCS = Path(__file__).parents[2] / "docs"


def rows(document: str) -> dict[str, str]:
    """The first word of each table row in that document, and the row."""
    lines = (DOCS / document).read_text(encoding="utf-8").splitlines()
    return {found[1]: line for line in lines if (found := re.match(r"\| `([^`]+)`", line))}


def test_events_are_the_catalogue_word_for_word() -> None:
    expected = {
        name: f"| `{name}` | {'yes' if fact.public else ''} | {fact.when} |" for name, fact in catalogue.items()
    }
    assert rows("events.md") == expected


@pytest.mark.parametrize("name", [*LIMITS, *PROBLEMS, *hot.REFUSALS, *codes.FORMATS])
def test_rules_name_every_row_of_the_tables(name: str) -> None:
    assert name in rows("rules.md")


@pytest.mark.parametrize(("scope", "limits"), LIMITS.items())
def test_rules_say_the_limits_as_they_are(scope: str, limits: dict[str, str]) -> None:
    assert all(f"{part} {rate}" in rows("rules.md")[scope] for part, rate in limits.items())


@pytest.mark.parametrize(("rule", "points"), scoring.DEFAULT_WEIGHTS.items())
def test_rules_say_the_points_as_they_are(rule: tuple[str, str], points: int) -> None:
    name, key = rule
    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    assert re.search(rf"\| `{name}` \| {key or '[a-z ]*'} \| {points} \|", text)


def test_every_points_rule_has_a_weight_and_a_reason() -> None:
    assert {name for name, _key in scoring.DEFAULT_WEIGHTS} >= set(scoring.RULES)
    assert all(scoring.reason_of(name) for name in scoring.RULES)


def test_no_table_names_what_is_gone() -> None:
    known = {*LIMITS, *PROBLEMS, *hot.REFUSALS, *codes.FORMATS, *scoring.RULES, *scoring.LATER_REASONS}
    known |= {"code_unknown", "entry_blocked", "reservation_lapsed", "in_review", "denied"}
    assert set(rows("rules.md")) <= known


def test_every_metric_has_a_truth_table_and_a_row() -> None:
    assert set(TABLES) == set(METRICS)
    assert set(METRICS) | {*Activity.Kind} | set(REJECTIONS) == set(rows("gates.md"))


@pytest.mark.parametrize("name", [name for name in METRICS if name not in trust.WEIGHTS])
def test_gates_say_each_metric_as_it_is(name: str) -> None:
    one = METRICS[name]
    reports = "yes" if one.from_events else ""
    assert rows("gates.md")[name].startswith(f"| `{name}` | {one.better} | {one.unit} | {reports} | ")


@pytest.mark.parametrize("name", trust.WEIGHTS)
def test_gates_say_each_part_of_the_trust_score_as_it_is(name: str) -> None:
    lines = (DOCS / "gates.md").read_text(encoding="utf-8").splitlines()
    one = METRICS[name]
    assert f"| `{name}` | {trust.WEIGHTS[name]} | {trust.HOPELESS.get(name, '')} |" in lines
    assert any(line.startswith(f"| `{name}` | {one.better} | {one.unit} | yes | ") for line in lines)


@pytest.mark.parametrize(("rule", "weight"), WEIGHTS.items())
def test_the_rules_of_risk_are_documented_with_their_weights(rule: str, weight: int) -> None:
    assert rows("quality.md")[rule].startswith(f"| `{rule}` | {weight} |")


def test_no_rule_of_risk_is_documented_that_is_gone() -> None:
    assert set(rows("quality.md")) == set(WEIGHTS)
