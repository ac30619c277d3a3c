"""The statements that gather evidence (who else acted from the same place, with the same browser, in the same words), and the
one that grants ask about gates."""

# One row for each person asked about: what their own traces say. The last trace tells from where and with what they acted;
# what only a join knows (domain, words, time on the form) is taken from there.
OF_ENTRIES = """
asked AS MATERIALIZED (
    SELECT entry.id, entry.launch_id, entry.contact_kind, entry.canonical, entry.referred_by_id AS referrer,
           last.network, last.user_agent, last.device, coalesce(last.at, entry.created_at) AS at,
           coalesce(said.domain, '') AS domain, said.text_key, said.stem_key, said.form_seconds, last.country,
           NULL::bigint AS code_id
    FROM unnest(string_to_array(%(ids)s, E'\\x1f')::bigint[]) AS wanted(id)
    JOIN waitlist_entry AS entry ON entry.id = wanted.id
    LEFT JOIN LATERAL (SELECT * FROM waitlist_trace WHERE entry_id = entry.id ORDER BY id DESC LIMIT 1) AS last ON true
    LEFT JOIN LATERAL (SELECT * FROM waitlist_trace WHERE entry_id = entry.id AND stem_key IS NOT NULL ORDER BY id LIMIT 1) AS said
        ON true
)
"""

# The same for somebody who redeems a code and may have no entry yet: what the call itself says.
OF_CALL = """
asked AS MATERIALIZED (
    SELECT %(entry)s::bigint AS id, %(launch)s::bigint AS launch_id, %(contact_kind)s::text AS contact_kind,
           %(canonical)s::text AS canonical,
           coalesce(%(referrer)s::bigint, (SELECT referred_by_id FROM waitlist_entry WHERE id = %(entry)s)) AS referrer,
           %(network)s::inet AS network,
           %(user_agent)s::text AS user_agent, %(device)s::text AS device, coalesce(%(at)s::timestamptz, now()) AS at,
           %(domain)s::text AS domain, NULL::bytea AS text_key, %(stem_key)s::bytea AS stem_key, NULL::float8 AS form_seconds,
           %(country)s::text AS country, %(code)s::bigint AS code_id
)
"""

PEOPLE = "count(DISTINCT entry_id) AS people"
DEVICES = "count(DISTINCT nullif(device, '')) AS devices"
PLACES = "count(DISTINCT network) AS places"
BLOCK = "set_masklen(asked.network, CASE family(asked.network) WHEN 4 THEN 24 ELSE 48 END)"


def crowd(name: str, counts: str, where: str, within: str, more: str = "") -> str:
    """The other people of the launch for whom that is true within a time, counted.

    On both sides of the moment, so that a second look at an early one sees who came after; never past %(most)s rows: a
    crowd is a crowd. Plan: one index range of waitlist_trace.
    """
    return f"""CROSS JOIN LATERAL (
    SELECT {counts} FROM (
        SELECT other.entry_id, other.device, other.network FROM waitlist_trace AS other
        {more}
        WHERE {where} AND other.launch_id = asked.launch_id AND other.entry_id IS DISTINCT FROM asked.id
          AND other.at BETWEEN asked.at - interval '{within}' AND asked.at + interval '{within}'
        LIMIT %(most)s) AS seen) AS {name}
"""


SAME_BROWSER = "(other.device = asked.device AND other.device <> '')"
CROWDS = "".join(
    (
        crowd("here", f"{PEOPLE}, {DEVICES}", "other.network = asked.network", "1 hour"),
        crowd(
            "around",
            f"{PEOPLE}, {DEVICES}",
            f"other.network BETWEEN host(network({BLOCK}))::inet AND host(broadcast({BLOCK}))::inet",
            "1 hour",
        ),
        crowd("machine", PEOPLE, SAME_BROWSER, "30 days"),
        crowd("house", f"{PEOPLE}, {PLACES}", "other.domain = asked.domain AND other.domain <> ''", "1 day"),
        crowd("words", PEOPLE, "other.text_key = asked.text_key", "7 days"),
        crowd(
            "named",
            PEOPLE,
            f"other.stem_key = asked.stem_key AND (other.network = asked.network OR {SAME_BROWSER})",
            "1 day",
        ),
        # Not for a company's own domain: colleagues share a network, a kind of browser, and a friend's link.
        crowd(
            "linked",
            PEOPLE,
            f"""asked.domain = '' AND (asked.referrer IS NOT NULL OR EXISTS (
                SELECT FROM waitlist_entry AS friend JOIN waitlist_trace AS trace ON trace.entry_id = friend.id
                WHERE friend.referred_by_id = asked.id AND trace.network = asked.network))
                AND other.network = asked.network AND (other.user_agent = asked.user_agent OR {SAME_BROWSER})""",
            "1 day",
            """JOIN waitlist_entry AS entry ON entry.id = other.entry_id
        JOIN waitlist_trace AS brought ON brought.entry_id = entry.referred_by_id AND brought.network = asked.network""",
        ),
    )
)

NEIGHBOURS = f"""
SELECT asked.id, asked.launch_id, launch.review_score, launch.deny_score, asked.contact_kind, asked.canonical,
       asked.user_agent, asked.form_seconds, asked.network IS NOT NULL AS placed,
       here.people AS network_people, here.devices AS network_devices, around.people AS nearby_people,
       around.devices AS nearby_devices, machine.people AS device_people, house.people AS domain_people,
       house.places AS domain_networks, words.people AS same_text, named.people AS same_stem, linked.people AS linked_here,
       company.brought AS company_brought, company.caught AS company_caught, near.same_device AS referrer_device,
       near.same_stem AS referrer_stem, circle.closed AS referral_cycle,
       {{spread}} AS code_networks, asked.id IS NOT NULL AND EXISTS (
           SELECT FROM outbox_event AS event
           WHERE event.subject = 'entry:' || asked.id AND event.kind = 'assessment.overruled') AS cleared
FROM asked
JOIN waitlist_launch AS launch ON launch.id = asked.launch_id
{CROWDS}CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(trace.device = asked.device AND trace.device <> ''), false) AS same_device,
           coalesce(bool_or(trace.stem_key = asked.stem_key), false) AS same_stem
    FROM waitlist_trace AS trace WHERE trace.entry_id = asked.referrer) AS near
CROSS JOIN LATERAL (
    SELECT count(*) AS brought, count(*) FILTER (WHERE held_by = 'quality') AS caught FROM (
        SELECT held_by FROM waitlist_entry WHERE referred_by_id = asked.referrer AND id IS DISTINCT FROM asked.id
        LIMIT %(most)s) AS seen) AS company
CROSS JOIN LATERAL (
    WITH RECURSIVE chain(id, depth) AS (
        SELECT asked.referrer, 1 WHERE asked.referrer IS NOT NULL
        UNION
        SELECT entry.referred_by_id, depth + 1 FROM chain JOIN waitlist_entry AS entry ON entry.id = chain.id
        WHERE entry.referred_by_id IS NOT NULL AND depth < 10)
    SELECT coalesce(bool_or(chain.id = asked.id), false) AS closed FROM chain) AS circle
"""

# How far a code has travelled in an hour; the table of redemptions is another app's, which hands the count in.
GATHER_ENTRIES = "WITH " + OF_ENTRIES + NEIGHBOURS.format(spread="0")
GATHER_CALL = "WITH " + OF_CALL + NEIGHBOURS.format(spread="%(code_networks)s::bigint")

KEEP = """
INSERT INTO quality_assessment (launch_id, entry_id, act, evidence, rules, score, verdict)
SELECT kept.launch, kept.entry, %(act)s, kept.evidence, coalesce(string_to_array(kept.rules, ','), '{}'), kept.score, kept.verdict
FROM unnest(string_to_array(%(launches)s, E'\\x1f')::bigint[], string_to_array(%(entries)s, E'\\x1f', E'\\x1e')::bigint[],
            string_to_array(%(evidence)s, E'\\x1f')::jsonb[], string_to_array(%(rules)s, E'\\x1f', E'\\x1e'),
            string_to_array(%(scores)s, E'\\x1f')::smallint[], string_to_array(%(verdicts)s, E'\\x1f'))
     AS kept(launch, entry, evidence, rules, score, verdict)
"""

# People whom a second look may see otherwise, now that one of their neighbours was caught: not held, not gone, and near by.
NEAR = """
SELECT DISTINCT other.entry_id AS id
FROM waitlist_trace AS mine
JOIN waitlist_entry AS caught ON caught.id = mine.entry_id
JOIN LATERAL (
    SELECT entry_id FROM waitlist_trace WHERE network = mine.network
       AND at BETWEEN mine.at - interval '1 day' AND mine.at + interval '1 day'
    UNION ALL
    SELECT entry_id FROM waitlist_trace WHERE device = mine.device AND device <> ''
       AND at BETWEEN mine.at - interval '30 days' AND mine.at + interval '30 days'
    UNION ALL
    SELECT entry_id FROM waitlist_trace WHERE domain = mine.domain AND domain <> ''
       AND at BETWEEN mine.at - interval '1 day' AND mine.at + interval '1 day'
    UNION ALL
    SELECT id FROM waitlist_entry WHERE referred_by_id = caught.referred_by_id
    UNION ALL
    SELECT entry_id FROM waitlist_trace WHERE text_key = mine.text_key
       AND at BETWEEN mine.at - interval '7 days' AND mine.at + interval '7 days'
) AS other ON true
JOIN waitlist_entry AS entry ON entry.id = other.entry_id AND entry.launch_id = caught.launch_id
WHERE mine.entry_id = %(entry)s AND entry.id <> mine.entry_id AND entry.held_at IS NULL
  AND entry.status IN ('pending', 'waiting', 'approved', 'invited', 'registered')
LIMIT %(most)s
"""

# The gates that are on, each with its latest decision and the override that lasts longest: one look.
# Plan: a launch has few gates; each probes decision_latest and override's index by gate once.
GATES = """
SELECT gate.id, gate.metric, gate.stops, gate.closes_at, gate.opens_at, gate.min_sample, gate.max_age_hours,
       decision.id AS decision_id, decision.is_open, decision.why, decision.value, decision.sample, decision.newest_at, decision.at,
       override.until, override.created_at AS overridden_at
FROM quality_gate AS gate
LEFT JOIN LATERAL (
    SELECT * FROM quality_decision WHERE gate_id = gate.id ORDER BY at DESC, id DESC LIMIT 1
) AS decision ON true
LEFT JOIN LATERAL (
    SELECT until, created_at FROM quality_override WHERE gate_id = gate.id AND ended_at IS NULL ORDER BY until DESC LIMIT 1
) AS override ON true
WHERE gate.launch_id = %(launch)s AND gate.is_on
ORDER BY gate.metric
"""
