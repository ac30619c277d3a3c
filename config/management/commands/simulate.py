"""Plays a launch with honest people and cheats, and prints who was let in, held and denied."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from config.crowd import CHEATS
from config.simulation import Count, precision, recall, simulate, wrongly_held

HEAD = f"{'kind':<8}{'people':>8}{'held':>8}{'denied':>8}{'let in':>8}{'caught':>9}"


MOST = 100_000


def between(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number within bounds; anything else is wrong usage."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ArgumentTypeError(f"give a whole number from {low} to {high}")
        return int(text)

    return read


class Command(BaseCommand):
    help = (
        "Plays a launch through the real verbs in a transaction that is rolled back: no mail leaves, nothing is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many people, which dice, and how the answer is said."""
        parser.add_argument("--people", type=between(100, MOST), default=1000, metavar="N", help=f"100 to {MOST}")
        parser.add_argument(
            "--seed", type=between(0, 2**31), default=1, metavar="N", help="the same seed, the same people"
        )
        parser.add_argument(
            "--json", action="store_true", help="{kind: {people, held, denied, let_in}} and nothing else"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Plays and prints."""
        found = simulate(options["people"], options["seed"])
        if options["json"]:
            self.stdout.write(json.dumps({kind: asdict(count) for kind, count in found.items()}))
            return
        self.stdout.write(HEAD)
        for kind, count in found.items():
            self.stdout.write(line(kind, count))
        self.stdout.write(f"\nOf all who were caught, {precision(found):.1%} cheat (precision).")
        self.stdout.write(f"Of honest people, offices and families {wrongly_held(found):.2%} were wrongly held.")


def line(kind: str, count: Count) -> str:
    """One row of the table; for cheats `caught` is the recall."""
    caught = f"{recall(count):.1%}" if kind in CHEATS or count.caught else "–"
    return f"{kind:<8}{count.people:>8}{count.held:>8}{count.denied:>8}{count.let_in:>8}{caught:>9}"
