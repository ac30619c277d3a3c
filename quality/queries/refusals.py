"""Named reads of what the doors refused."""

from datetime import datetime

from quality.actions.refusals import hashed
from quality.models import Refusal


def was_caught(rule: str, counted: str, since: datetime, until: datetime) -> bool:
    """Whether the same caller was caught by that rule between these times."""
    caught = Refusal.objects.filter(rule=rule, key=hashed(counted), result=Refusal.Result.CAUGHT)
    return caught.filter(minute__gte=since, last_at__lte=until).exists()
