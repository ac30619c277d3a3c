"""The statements of the hot paths: look a code up, spend it, make codes, issue invites. One round trip each."""

from functools import cache

# Why a code is refused: the same named predicates guard the spending UPDATE and name the reason afterwards.
# `bound` holds the caller's address keys under every key still kept; `domain` the domain of an e-mail address; `held` how
# many of the reserved uses are kept for this very contact.
REFUSALS = {
    "code_revoked": "code.status = 'revoked'",
    "code_paused": "code.status = 'paused'",
    "not_yet_valid": "coalesce(code.starts_at > now(), false)",
    "code_expired": "code.expires_at <= now()",
    "code_exhausted": "code.uses + code.reserved - %(held)s::int >= code.max_uses",
    "bound_elsewhere": "(code.bound_key IS NOT NULL AND code.bound_key <> ALL(%(bound)s::bytea[]))",
    "other_domain": "(code.bound_domain <> '' AND code.bound_domain <> %(domain)s)",
    "not_in_this_mode": "(NOT %(shared)s AND code.kind <> 'waitlist')",
    "gate_closed": "(%(gated)s AND code.kind <> 'waitlist')",  # who holds an invite was counted when it was granted
}
REFUSED = " OR ".join(REFUSALS.values())
REASON = "CASE " + " ".join(f"WHEN {predicate} THEN '{name}'" for name, predicate in REFUSALS.items()) + " END"

# The code, what it would say, who holds the contact already, and ids for the codes of a new member: one look.
FIND = f"""
SELECT code.id, code.kind, code.tier, code.campaign, code.owner_id, code.reserved, code.last4,
       code.bound_key IS NOT NULL AS bound, %(held)s::int AS held, {REASON} AS refusal,
       entry.id AS entry_id, entry.status AS entry_status, entry.held_at IS NOT NULL AS entry_held, entry.held_by,
       redemption.id AS redemption_id,
       redemption.network IS NOT DISTINCT FROM %(network)s::inet AS from_here,
       ARRAY(SELECT nextval('invites_code_id_seq') FROM generate_series(1, %(own)s)) AS own_ids
FROM (SELECT) AS asked
LEFT JOIN invites_code AS code ON code.launch_id = %(launch)s AND {{which}}
LEFT JOIN waitlist_entry AS entry
    ON entry.launch_id = %(launch)s AND entry.contact_kind = %(contact_kind)s AND entry.canonical = %(canonical)s
LEFT JOIN invites_redemption AS redemption ON redemption.code_id = code.id AND redemption.entry_id = entry.id
"""
FIND_BY_ID = FIND.format(which="code.id = %(code)s")


@cache
def find_by_digest(count: int) -> str:
    """FIND for a code that may stand under so many digests: digest0, digest1, …

    One plan is kept for it; with an array in their place every look-up would be planned anew, at five times its cost.
    """
    return FIND.format(which=f"code.digest IN ({', '.join(f'%(digest{number})s' for number in range(count))})")


# Spends one use, closes the invite, logs the redemption and makes the new member's codes. No row: the code would not.
# It comes last in its transaction, so that a hot code is locked for one statement and the commit.
SPEND = f"""
WITH spent AS (
    UPDATE invites_code AS code SET uses = uses + 1 WHERE code.id = %(code)s AND NOT ({REFUSED}) RETURNING code.id
), invite AS (
    UPDATE invites_invite SET status = 'redeemed' FROM spent
    WHERE code_id = spent.id AND invites_invite.status IN ('issued', 'sent', 'bounced')
), own AS (
    INSERT INTO invites_code (id, launch_id, kind, digest, last4, format, prefix, key_version, owner_id, expires_at, by)
    OVERRIDING SYSTEM VALUE
    SELECT made.id, %(launch)s, 'personal', made.digest, made.last4, %(format)s, %(prefix)s, %(key_version)s, %(entry)s,
           now() + %(own_days)s * interval '1 day', 'system'
    FROM spent, unnest(string_to_array(%(own_ids)s, E'\\x1f')::bigint[], string_to_array(%(own_digests)s, E'\\x1f')::bytea[],
                       string_to_array(%(own_last4)s, E'\\x1f')) AS made(id, digest, last4)
)
INSERT INTO invites_redemption (code_id, entry_id, door, by, network, user_agent)
SELECT spent.id, %(entry)s, %(door)s, %(by)s, %(network)s::inet, %(user_agent)s FROM spent
RETURNING id
"""

# Codes by the thousand. Returns the ids whose characters were taken already: they are drawn again with the next attempt.
MAKE_CODES = """
WITH made AS MATERIALIZED (
    SELECT * FROM unnest(string_to_array(%(ids)s, E'\\x1f')::bigint[], string_to_array(%(digests)s, E'\\x1f')::bytea[],
                         string_to_array(%(last4)s, E'\\x1f')) AS made(id, digest, last4)
), kept AS (
    INSERT INTO invites_code (id, launch_id, kind, digest, last4, format, prefix, attempt, key_version, max_uses, starts_at,
                              expires_at, tier, campaign, channel, run_id, owner_id, bound_key, bound_domain, vanity, by)
    OVERRIDING SYSTEM VALUE
    SELECT made.id, %(launch)s, %(kind)s, made.digest, made.last4, %(format)s, %(prefix)s, %(attempt)s, %(key_version)s,
           %(max_uses)s, %(starts_at)s, %(expires_at)s, %(tier)s, %(campaign)s, %(channel)s, %(run)s, %(owner)s, %(bound_key)s,
           %(bound_domain)s, %(vanity)s, %(by)s
    FROM made
    ON CONFLICT (digest) DO NOTHING
    RETURNING id
)
SELECT id FROM made WHERE NOT EXISTS (SELECT FROM kept WHERE kept.id = made.id)
"""

# Codes that were made elsewhere: a digest and the last four of each. One that is here already is left alone.
BRING_CODES = """
INSERT INTO invites_code (launch_id, kind, digest, last4, format, key_version, max_uses, starts_at, expires_at, tier, campaign,
                          channel, run_id, bound_key, bound_domain, by)
SELECT %(launch)s, 'bulk', decode(asked.digest, 'hex'), last4, 'imported', %(key_version)s, max_uses, starts_at, expires_at, tier,
       campaign, channel, %(run)s, decode(asked.bound_key, 'hex'), bound_domain, %(by)s
FROM json_to_recordset(%(codes)s::json) AS asked(
    digest text, last4 text, max_uses int, starts_at timestamptz, expires_at timestamptz, tier text, campaign text, channel text,
    bound_key text, bound_domain text)
ON CONFLICT (digest) DO NOTHING
RETURNING id, encode(digest, 'hex') AS digest
"""

NEXT_IDS = "SELECT ARRAY(SELECT nextval('invites_code_id_seq') FROM generate_series(1, %(count)s)) AS ids"

# One code and one invite for each person of a chunk.
ISSUE = """
WITH made AS (
    SELECT * FROM unnest(string_to_array(%(entries)s, E'\\x1f')::bigint[], string_to_array(%(ids)s, E'\\x1f')::bigint[],
                         string_to_array(%(digests)s, E'\\x1f')::bytea[], string_to_array(%(last4)s, E'\\x1f'),
                         string_to_array(%(bound)s, E'\\x1f')::bytea[]) AS made(entry_id, id, digest, last4, bound_key)
), code AS (
    INSERT INTO invites_code (id, launch_id, kind, digest, last4, format, prefix, key_version, expires_at, bound_key, by)
    OVERRIDING SYSTEM VALUE
    SELECT made.id, %(launch)s, 'waitlist', made.digest, made.last4, %(format)s, %(prefix)s, %(key_version)s,
           now() + %(days)s * interval '1 day', made.bound_key, %(by)s
    FROM made
)
INSERT INTO invites_invite (entry_id, batch_id, code_id)
SELECT made.entry_id, %(batch)s, made.id FROM made
RETURNING id, entry_id, code_id
"""

# The newest refused codes of one network: what a wait is counted from.
REFUSED_LATELY = """
SELECT at, device, address_key FROM invites_attempt
WHERE network = %(network)s::inet AND at >= %(since)s ORDER BY at DESC LIMIT %(most)s
"""
