"""The outbox's own facts, for the trail alone."""

from outbox.facts import Fact

# delivery:ID {name, about}
delivery_given_up = Fact(
    "delivery.given_up", "A delivery was refused for good, or failed for three days: a dead letter."
)
# delivery:ID {reason}
delivery_replayed = Fact("delivery.replayed", "Staff owed a dead letter again.")
# suppression:ID {reason}
address_suppressed = Fact("address.suppressed", "An address asked for no more mail, or bounced for good.")
# suppression:ID {reason, why}
address_restored = Fact("address.restored", "Staff took an address off the list of those that get no mail.")
# endpoint:ID {events, full_contact}
endpoint_made = Fact("endpoint.made", "Staff made an endpoint that hears of public facts.")
# endpoint:ID {reason}
endpoint_rotated = Fact("endpoint.rotated", "Staff gave an endpoint a new secret; the old one signs as well for a day.")
# endpoint:ID {reason}
endpoint_disabled = Fact("endpoint.disabled", "An endpoint was switched off by staff, or said that it is gone.")
# endpoint:ID {reason}
endpoint_enabled = Fact("endpoint.enabled", "Staff switched an endpoint on again.")
# job:ID {name, rows, reason}
job_started = Fact("job.started", "Staff gave a worker many rows to change; what each became stands beside the row.")
# job:ID {changed, unchanged}
job_ended = Fact("job.ended", "A worker came to the end of a job; how many rows it changed.")
# job:ID {done, reason}
job_stopped = Fact("job.stopped", "Staff stopped a job; what it had changed stays changed.")
# job:ID {reason}
job_resumed = Fact("job.resumed", "Staff let a job go on from where it stood.")
# job:ID {error}
job_failed = Fact("job.failed", "A job met an error and stands still until staff let it go on.")
# export:MODEL {export, columns, filters}
export_begun = Fact("export.begun", "Staff began to take rows out of the console as CSV.")
# export:MODEL {export, rows, whole}
export_ended = Fact("export.ended", "An export ended, or its reader went away; how many rows left the house.")
