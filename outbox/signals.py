"""The outbox's own facts, for the trail alone."""

from outbox.facts import Fact

delivery_replayed = Fact("delivery.replayed", "Staff owed a dead letter again.")
address_suppressed = Fact("address.suppressed", "An address asked for no more mail, or bounced for good.")
