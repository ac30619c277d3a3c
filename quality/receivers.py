"""What quality does when something happens in the queue below."""

from collections.abc import Sequence

from outbox.facts import Said
from quality.actions import assessing, forgetting
from waitlist.signals import entry_confirmed, entry_erased, entry_joined, entry_released


@entry_joined.connect
def assess_joined(said: Sequence[Said], by: str) -> None:
    """Somebody typed an address."""
    assessing.assess_arrivals({one.id: one.extra for one in said if one.extra})
    again = [one.id for one in said if not one.extra]
    if again:
        assessing.assess(again, "join")


@entry_confirmed.connect
def assess_confirmed(said: Sequence[Said], by: str) -> None:
    """Its owner agreed, perhaps from elsewhere."""
    assessing.assess([one.id for one in said], "confirm")


@entry_released.connect
def overrule_released(said: Sequence[Said], by: str) -> None:
    """A person looked, and let them go."""
    if by.startswith("staff:"):
        assessing.overrule([one.id for one in said], by=by)


@entry_erased.connect
def forget_erased(said: Sequence[Said], by: str) -> None:
    """What was found out about them."""
    forgetting.forget([one.id for one in said])
