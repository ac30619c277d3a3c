"""The statements that gather evidence (who else acted from the same place, with the same browser, in the same words), and the
one that grants ask about gates."""

# What one person's own traces say. The last trace tells from where and with what they acted; what only a join knows (domain,
# words, time on the form) is taken from the first. How the form was filled in speaks only while they act from where that was
# done: else whoever types a stranger's address in the words of bots would have its owner held. One person and plain
# parameters: then PostgreSQL keeps the plan, which takes twice as long to make as to run. Plan: index probes by the entry's
# id alone.
SAID = """
SELECT entry.id, entry.launch_id, launch.review_score, launch.deny_score, entry.contact_kind, entry.canonical,
       entry.referred_by_id AS referrer, last.network, last.user_agent, last.device, coalesce(last.at, entry.created_at) AS at,
       coalesce(said.domain, '') AS domain, CASE WHEN same.place THEN said.text_key END AS text_key, said.stem_key,
       CASE WHEN same.place THEN said.form_seconds END AS form_seconds,
       EXISTS (SELECT FROM waitlist_entry WHERE referred_by_id = entry.id) AS has_friends,
       EXISTS (SELECT FROM outbox_event AS event
               WHERE event.subject = 'entry:' || entry.id AND event.kind = 'assessment.overruled') AS cleared
FROM waitlist_entry AS entry JOIN waitlist_launch AS launch ON launch.id = entry.launch_id
LEFT JOIN LATERAL (SELECT * FROM waitlist_trace WHERE entry_id = entry.id ORDER BY id DESC LIMIT 1) AS last ON true
LEFT JOIN LATERAL (SELECT * FROM waitlist_trace WHERE entry_id = entry.id AND stem_key IS NOT NULL ORDER BY id LIMIT 1) AS said
    ON true
CROSS JOIN LATERAL (
    SELECT said.network IS NOT DISTINCT FROM last.network OR (said.device = last.device AND said.device <> '') AS place) AS same
WHERE entry.id = %(entry)s
"""

NETWORK, DEVICE, ENTRY, AT = "%(network)s::inet", "%(device)s::text", "%(entry)s::bigint", "%(at)s::timestamptz"
BLOCK = f"set_masklen({NETWORK}, CASE family({NETWORK}) WHEN 4 THEN 24 ELSE 48 END)"
IN_BLOCK = f"other.network BETWEEN host(network({BLOCK}))::inet AND host(broadcast({BLOCK}))::inet"
HERE = f"other.network = {NETWORK}"
SAME_BROWSER = f"other.device = {DEVICE}"


def crowd(counts: str, where: str, within: str, more: str = "", columns: str = "") -> str:
    """The other people of the launch for whom that is true within a time, counted.

    On both sides of the moment, so that a second look at an early one sees who came after; never past %(most)s rows: a
    crowd is a crowd. Plan: one index range of waitlist_trace, the question's own: `+ 0` keeps the index of launch and time out,
    which would read everybody who came in that time.
    """
    return f"""
    SELECT {counts} FROM (
        SELECT other.entry_id, other.device, other.network{columns} FROM waitlist_trace AS other {more}
        WHERE {where} AND other.launch_id + 0 = %(launch)s AND other.entry_id IS DISTINCT FROM {ENTRY}
          AND other.at BETWEEN {AT} - interval '{within}' AND {AT} + interval '{within}'
        LIMIT %(most)s) AS seen"""


PEOPLE = "count(DISTINCT entry_id)"
# What staff blocked for now: a handful of rows that are read whole.
NETWORK_BARRED = f"""EXISTS (
    SELECT FROM quality_bar WHERE {NETWORK} BETWEEN first AND last AND ended_at IS NULL AND until > now())"""
# Each question that may be asked of the others, by what must be known of the person to ask it. One statement each: for several
# in one the server would not keep its plan, and making it takes longer than all of them.
QUESTIONS = {
    "place": crowd(
        f"""{PEOPLE} FILTER (WHERE network = {NETWORK}) AS network_people,
            count(DISTINCT nullif(device, '')) FILTER (WHERE network = {NETWORK}) AS network_devices,
            {PEOPLE} FILTER (WHERE network = {NETWORK} AND held_by = 'quality') AS network_caught,
            {PEOPLE} AS nearby_people, count(DISTINCT nullif(device, '')) AS nearby_devices, {NETWORK_BARRED} AS network_barred""",
        IN_BLOCK,
        "1 hour",
        "JOIN waitlist_entry AS entry ON entry.id = other.entry_id",
        ", entry.held_by",
    ),
    "browser": crowd(f"{PEOPLE} AS device_people", f"{SAME_BROWSER} AND other.device <> ''", "30 days"),
    "domain": crowd(
        f"{PEOPLE} AS domain_people, count(DISTINCT network) AS domain_networks",
        "other.domain = %(domain)s::text AND other.domain <> ''",
        "1 day",
    ),
    "words": crowd(f"{PEOPLE} AS same_text", "other.text_key = %(text_key)s::bytea", "7 days"),
    "name": crowd(
        f"{PEOPLE} AS same_stem",
        f"other.stem_key = %(stem_key)s::bytea AND ({HERE} OR ({SAME_BROWSER} AND other.device <> ''))",
        "1 day",
    ),
    # Never asked about a company's own domain: colleagues share a network, a kind of browser, and a friend's link.
    "links": crowd(
        f"{PEOPLE} AS linked_here",
        f"{HERE} AND (other.user_agent = %(user_agent)s::text OR ({SAME_BROWSER} AND other.device <> ''))",
        "1 day",
        f"""JOIN waitlist_entry AS entry ON entry.id = other.entry_id AND (
            entry.referred_by_id = %(referrer)s OR EXISTS (
                SELECT FROM waitlist_trace AS brought WHERE brought.entry_id = entry.referred_by_id AND brought.network = {NETWORK}))""",
    ),
    "referrer": f"""
    SELECT coalesce(bool_or(trace.device = {DEVICE} AND trace.device <> ''), false) AS referrer_device,
           coalesce(bool_or(trace.stem_key = %(stem_key)s::bytea), false) AS referrer_stem
    FROM waitlist_trace AS trace WHERE trace.entry_id = %(referrer)s""",
    "company": f"""
    SELECT count(*) AS company_brought, count(*) FILTER (WHERE held_by = 'quality') AS company_caught FROM (
        SELECT held_by FROM waitlist_entry WHERE referred_by_id = %(referrer)s AND id IS DISTINCT FROM {ENTRY}
        LIMIT %(most)s) AS seen""",
    "circle": f"""
    WITH RECURSIVE chain(id, depth) AS (
        SELECT %(referrer)s::bigint, 1
        UNION
        SELECT entry.referred_by_id, depth + 1 FROM chain JOIN waitlist_entry AS entry ON entry.id = chain.id
        WHERE entry.referred_by_id IS NOT NULL AND depth < 10)
    SELECT coalesce(bool_or(chain.id = {ENTRY}), false) AS referral_cycle FROM chain""",
}

KEEP = """
INSERT INTO quality_assessment (launch_id, entry_id, act, evidence, rules, score, verdict)
VALUES (%(launch)s, %(entry)s, %(act)s, %(evidence)s::jsonb, coalesce(string_to_array(%(rules)s, ' '), '{}'), %(score)s, %(verdict)s)
"""

# The same for many at once.
KEEP_MANY = """
INSERT INTO quality_assessment (launch_id, entry_id, act, evidence, rules, score, verdict)
SELECT launch, entry, act, evidence, coalesce(string_to_array(rules, ' '), '{}'), score, verdict
FROM json_to_recordset(%(found)s::json) AS found(
    launch bigint, entry bigint, act text, evidence jsonb, rules text, score int, verdict text)
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
