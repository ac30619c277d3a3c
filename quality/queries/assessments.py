"""Named reads of what was found out about people."""

from collections.abc import Iterator
from datetime import datetime

from quality.models import Assessment
from quality.rules import Finding, evidence_of, find
from waitlist.models import Launch


def reassessed(launch: Launch, since: datetime) -> Iterator[tuple[Assessment, Finding]]:
    """Each assessment kept since then, with what today's rules find in the same evidence."""
    kept = Assessment.objects.filter(launch=launch, at__gte=since).order_by("pk")
    for assessment in kept.iterator(chunk_size=2000):
        found = find(evidence_of(assessment.evidence), review_score=launch.review_score, deny_score=launch.deny_score)
        yield assessment, found
