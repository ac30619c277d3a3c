"""What quality forgets of somebody who is erased. That they were looked at, and the verdict, stays: rates are counted of it."""

from collections.abc import Sequence

from outbox.states import verb
from quality.models import Activity, Answer, Assessment


@verb
def forget(ids: Sequence[int]) -> None:
    """Takes the evidence out of the assessments, and what the product told and the person answered away."""
    Assessment.objects.filter(entry__in=ids).update(evidence={}, rules=[])
    Activity.objects.filter(entry__in=ids).delete()
    Answer.objects.filter(entry__in=ids).delete()
