"""What joining would bring somebody who waits already, by the launch's points as they are or as they would be."""

from dataclasses import dataclass
from typing import Any

from waitlist import queries, scoring
from waitlist.models import Entry, Launch

# What of an entry the rules look at; nothing else is read where many are looked at.
READ = ("pk", "persona", "use_case", "source", "vouched", "referred_by_id", "contact_kind", "canonical", "arm")


@dataclass(frozen=True, slots=True)
class Table:
    """The points of a launch and the words it looks for."""

    keywords: tuple[str, ...]
    weights: dict[str, dict[tuple[str, str], int]]  # by arm


def rules_now(launch: Launch) -> Table:
    """The points of the launch as they are in this transaction."""
    return table_of(launch, queries.read_rules(launch))


def table_of(launch: Launch, rules: queries.Rules) -> Table:
    """The points by which each arm is scored."""
    return Table(tuple(launch.keywords), {arm: rules.of_arm(arm) for arm in Entry.Arm.values})


def points_now(table: Table, person: Any) -> dict[str, int]:
    """The points of each rule for this person, an entry or a row with the columns of READ."""
    evidence = scoring.Evidence(
        persona=person.persona,
        use_case=person.use_case,
        source=_source(person),
        vouched=person.vouched,
        referred=person.referred_by_id is not None,
        domain=person.canonical.partition("@")[2] if person.contact_kind == Entry.Kind.EMAIL else "",
        keywords=table.keywords,
    )
    return {line.rule: line.points for line in scoring.score(evidence, table.weights[person.arm])}


def _source(person: Any) -> str:
    """What was said of the source: "referral" is what joining writes where nothing was said and a friend brought them."""
    return "organic" if person.source == "referral" and person.referred_by_id else str(person.source)
