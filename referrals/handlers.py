"""What a worker does for referrals: settle what somebody's friends have earned them."""

from collections.abc import Mapping, Sequence

from outbox.models import Delivery
from outbox.registry import handler
from referrals import actions


@handler("milestones")
def settle(deliveries: Sequence[Delivery]) -> Mapping[int, str]:
    """One transaction a person, however many of their friends came. It tolerates being run twice."""
    for referrer in sorted({int(delivery.subject.partition(":")[2]) for delivery in deliveries}):
        actions.grant_due([referrer], by="system")
    return {}
