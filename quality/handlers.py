"""What a worker does for quality: look again at the people around one who was caught."""

from collections.abc import Mapping, Sequence

from outbox.models import Delivery
from outbox.registry import handler
from quality.actions import assessing


@handler("look_again")
def look_again(deliveries: Sequence[Delivery]) -> Mapping[int, str]:
    """One transaction for each caught person. It tolerates being run twice."""
    for delivery in deliveries:
        assessing.look_again(int(delivery.subject.partition(":")[2]))
    return {}
