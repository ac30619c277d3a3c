"""Measures everything on the servers that __main__ started, and prints the table."""

import argparse
import sys

from benchmarks import (
    batches,
    console,
    databases,
    deliveries,
    finding,
    imports,
    joins,
    machine,
    positions,
    redeems,
    review,
)
from benchmarks.asked import arguments
from benchmarks.scale import FULL, NORMAL, QUICK, Scale
from benchmarks.table import Line, table

PARTS = {
    ("S1", "S2", "S9"): joins.lines,
    ("S3", "S9"): positions.lines,
    ("S4", "S9"): redeems.lines,
    ("S5", "S6"): batches.lines,
    ("S7",): deliveries.lines,
    ("C3",): finding.lines,
    ("C2",): review.lines,
    ("S10", "S11"): imports.lines,
    ("S8",): console.lines,
}


def scale_of(said: argparse.Namespace) -> Scale:
    chosen = QUICK if said.quick else FULL if said.full else NORMAL
    return chosen.with_rounds(said.rounds, said.seconds)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    said = arguments()
    scale, only = scale_of(said), set(said.only.split(",")) - {""}
    databases.make_template()
    databases.make_limits()
    for name, people in scale.people.items():
        say(f"seeding {people:,} people")
        databases.make(name, people)
    found: list[Line] = []
    for names, lines in PARTS.items():
        if not only or only & set(names):
            say(f"measuring {', '.join(names)}")
            found += lines(scale)
    print(f"\n{machine.described()}\n\n{table(sorted(found, key=lambda line: line.name))}")


if __name__ == "__main__":
    main()
