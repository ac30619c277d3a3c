"""`manage.py draw_lots BATCH`: draws the lots of a batch again from its seed and says whether they agree."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from invites import pacing, queries
from invites.models import Batch


class Command(BaseCommand):
    """Checks a lottery: nobody who stood in it, and still waits, drew a better lot than somebody who won."""

    help = "Draws the lots of a batch again from its seed, and compares them with who was invited by lot."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("batch", type=int, help="the number of the batch")

    def handle(self, *args: Any, **options: Any) -> None:
        batch = Batch.objects.select_related("launch").filter(pk=options["batch"]).first()
        if batch is None or not batch.seed:
            raise CommandError("No lots were drawn for a batch of that number.")
        winners, others = queries.drawn_by_lot(batch), queries.stood_in_draw(batch)
        for place, entry_id in enumerate(pacing.draw(batch.seed, winners), start=1):
            self.stdout.write(f"{place} entry:{entry_id} {pacing.lot(batch.seed, entry_id).hex()}")
        better = pacing.passed_over(batch.seed, winners, others)
        moved = queries.moved_since(batch, better)
        if passed_over := [entry_id for entry_id in better if entry_id not in moved]:
            named = ", ".join(f"entry:{entry_id}" for entry_id in passed_over)
            raise CommandError(f"The lots do not agree: {named} drew better lots and were passed over.")
        self.stdout.write(
            f"The lots agree: {len(winners)} won with seed {batch.seed}, and none of the {len(others) - len(moved)} "
            "who stood in the same draw and still wait drew better."
        )
