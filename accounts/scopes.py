"""The catalogue of what an API key may be allowed to do, and what each staff role may do of it over the API."""

SCOPES: dict[str, str] = {
    "waitlist:write": "Put people on the list, and vouch for where they came from.",
    "codes:write": "Make, pause, extend and revoke codes.",
    "codes:redeem": "Redeem codes for people who sign up in your product.",
    "codes:read": "Read the state of a code.",
    "gate:check": "Ask whether somebody may enter.",
    "gate:read": "Read the trust score.",
    "gate:write": "Evaluate the quality gates now.",
    "referrals:write": "Share and earn on behalf of a member.",
    "referrals:read": "Read the referrals and rewards of a member.",
    "events:write": "Report what members do in your product.",
    "admin": "Read and decide about everybody on the list.",
    "metrics": "Read the measurements at /metrics.",
}

# What a session of staff may do over the API. No role but the owner's writes there: each verb of the console has a
# permission of its own (config/roles.py), and a scope would open several at once.
ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset(SCOPES),
    "moderator": frozenset({"codes:read", "referrals:read", "gate:read"}),
    "viewer": frozenset({"codes:read", "referrals:read", "gate:read"}),
}
RANKS = ("", "viewer", "moderator", "owner")  # who moves to the left of where they were has to log in anew
