"""The facts of accounts, for the trail alone."""

from outbox.facts import Fact

key_created = Fact("key.created", "An API key was made; the scopes it was given.")
key_revoked = Fact("key.revoked", "An API key was revoked; it opens nothing from then on.")
log_in_claimed = Fact(
    "log_in.claimed",
    "Somebody proved the mailbox of a log-in nobody had confirmed; its password and sign-ons were forgotten.",
)
log_in_erased = Fact("log_in.erased", "The log-in of somebody who was erased was deleted.")
staff_created = Fact("staff.created", "Somebody was given a log-in to the console, with a role.")
