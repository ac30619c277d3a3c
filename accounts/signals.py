"""The facts of accounts, for the trail alone."""

from outbox.facts import Fact

key_created = Fact("key.created", "An API key was made; the scopes it was given.")
key_revoked = Fact("key.revoked", "An API key was revoked; it opens nothing from then on.")
staff_created = Fact("staff.created", "Somebody was given a log-in to the console, with a role.")
