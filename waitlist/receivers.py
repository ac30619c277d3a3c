"""What the queue does when it is asked from below: the relay folds its counters twice a second."""

from outbox import registry
from waitlist.ranking import fold_and_sweep

registry.ticks.append(fold_and_sweep)
