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
role_given = Fact(
    "staff.role_given", "An owner made somebody staff, or gave them another role; which, and which they had."
)
role_taken = Fact("staff.role_taken", "An owner took somebody's role in the console; they are staff no more.")
staff_logged_in = Fact("staff.logged_in", "Staff logged in; with what they proved who they are.")
staff_turned_away = Fact("staff.turned_away", "A log-in of staff was tried with a wrong password or a wrong code.")
user_deactivated = Fact("user.deactivated", "An owner switched somebody's log-in off.")
user_reactivated = Fact("user.reactivated", "An owner switched somebody's log-in on again.")
sessions_ended = Fact("sessions.ended", "Sessions of a log-in were ended, by themselves or by an owner; how many.")
second_factor_added = Fact("second_factor.added", "Somebody set up an app, a key or recovery codes as a second factor.")
second_factor_removed = Fact("second_factor.removed", "Somebody removed a second factor of theirs.")
second_factor_renewed = Fact("second_factor.renewed", "Somebody made new recovery codes; the old ones are void.")
second_factor_reset = Fact("second_factor.reset", "An owner made somebody's log-in forget its second factor.")
