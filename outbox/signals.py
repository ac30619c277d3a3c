"""The outbox's own facts, for the trail alone."""

from outbox.facts import Fact

# delivery:ID {name, about}
delivery_given_up = Fact(
    "delivery.given_up", "A delivery was refused for good, or failed for three days: a dead letter."
)
# delivery:ID {}
delivery_replayed = Fact("delivery.replayed", "Staff owed a dead letter again.")
# suppression:ID {reason}
address_suppressed = Fact("address.suppressed", "An address asked for no more mail, or bounced for good.")
# suppression:ID {reason}
address_restored = Fact("address.restored", "Staff took an address off the list of those that get no mail.")
# endpoint:ID {events, full_contact}
endpoint_made = Fact("endpoint.made", "Staff made an endpoint that hears of public facts.")
# endpoint:ID {reason}
endpoint_rotated = Fact("endpoint.rotated", "Staff gave an endpoint a new secret; the old one signs as well for a day.")
# endpoint:ID {reason}
endpoint_disabled = Fact("endpoint.disabled", "An endpoint was switched off by staff, or said that it is gone.")
# endpoint:ID {reason}
endpoint_enabled = Fact("endpoint.enabled", "Staff switched an endpoint on again.")
