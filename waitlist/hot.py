"""The statements of the hot paths: join, register, invite. One round trip each; plain ORM everywhere else."""

# Inserts the entry with its points and trace, or finds who holds the contact. No row at all means that somebody else
# inserted the same contact in the same instant: run it again and it finds theirs.
# Plan: one index probe per ON CONFLICT; everything else hangs on the single row of `fresh`.
JOIN = """
WITH fresh AS (
    INSERT INTO waitlist_entry (launch_id, status, place, priority, contact_kind, contact, canonical, name, use_case, persona,
                                source, vouched, utm, locale, consent, referral_code, referred_by_id, arm, confirmed_at)
    VALUES (%(launch)s, %(status)s, CASE WHEN %(status)s::text = 'waiting' THEN nextval('waitlist_place') END, %(priority)s,
            %(contact_kind)s, %(contact)s, %(canonical)s, %(name)s, %(use_case)s, %(persona)s,
            %(source)s, %(vouched)s, %(utm)s, %(locale)s, %(consent)s, %(referral_code)s, %(referred_by)s,
            %(arm)s, CASE WHEN %(status)s::text = 'waiting' THEN now() END)
    ON CONFLICT (launch_id, contact_kind, canonical) DO NOTHING
    RETURNING id, status, confirm_round
), scored AS (
    INSERT INTO waitlist_points (entry_id, rule, points, reason)
    SELECT fresh.id, line.rule, line.points, line.reason
    FROM fresh, unnest(string_to_array(%(rules)s, E'\\x1f'), string_to_array(%(points)s, E'\\x1f')::smallint[],
                       string_to_array(%(reasons)s, E'\\x1f')) AS line(rule, points, reason)
), traced AS (
    INSERT INTO waitlist_trace (launch_id, entry_id, act, network, user_agent, device, domain, text_key, stem_key, form_seconds,
                                country, at)
    SELECT %(launch)s, fresh.id, 'join', %(network)s::inet, %(user_agent)s, %(device)s, %(domain)s, %(text_key)s::bytea,
           %(stem_key)s::bytea,
           %(form_seconds)s::float8, %(country)s, coalesce(%(traced_at)s::timestamptz, now())
    FROM fresh
)
SELECT id, status, confirm_round, true AS fresh FROM fresh
UNION ALL
SELECT id, status, confirm_round, false FROM waitlist_entry
WHERE launch_id = %(launch)s AND contact_kind = %(contact_kind)s AND canonical = %(canonical)s
"""

# Makes the person a member: moves their entry, or makes one for somebody who never waited. The states that may register
# are named in the UPDATE; no row means that the entry may not, or that another session took it in this instant.
REGISTER = """
WITH moved AS (
    UPDATE waitlist_entry
    SET status = 'registered', registered_at = now(), tier = %(tier)s, confirmed_at = coalesce(confirmed_at, now()),
        invited_by = %(invited_by)s, user_id = coalesce(%(user)s, user_id), host_user_id = %(host_user_id)s,
        referred_by_id = coalesce(referred_by_id, nullif(%(referred_by)s::bigint, id)),
        name = CASE WHEN name = '' THEN %(name)s ELSE name END
    WHERE launch_id = %(launch)s AND contact_kind = %(contact_kind)s AND canonical = %(canonical)s
      AND status = ANY(%(sources)s::text[]) AND held_at IS NULL
    RETURNING id, referred_by_id, locale, contact_kind, contact, canonical, member_id
), made AS (
    INSERT INTO waitlist_entry (launch_id, status, contact_kind, contact, canonical, name, source, tier, locale, consent,
                                referral_code, referred_by_id, invited_by, user_id, host_user_id, confirmed_at, registered_at)
    SELECT %(launch)s, 'registered', %(contact_kind)s, %(contact)s, %(canonical)s, %(name)s, %(source)s, %(tier)s, %(locale)s,
           'caller', %(referral_code)s, %(referred_by)s, %(invited_by)s, %(user)s, %(host_user_id)s, now(), now()
    WHERE NOT EXISTS (SELECT FROM waitlist_entry
                      WHERE launch_id = %(launch)s AND contact_kind = %(contact_kind)s AND canonical = %(canonical)s)
    ON CONFLICT (launch_id, contact_kind, canonical) DO NOTHING
    RETURNING id, referred_by_id, locale, contact_kind, contact, canonical, member_id
)
SELECT *, false AS made FROM moved UNION ALL SELECT *, true FROM made
"""

# Grants places to the next eligible people, best first, passing over rows that another session holds.
# `allowed` is policy.allowed of the launch.
# Plan: walks entry_order (or entry_approved) and stops after `count`; the UPDATE joins on the primary key. Where people need a
# yes the walk passes over who has none; the bound on points ends it early.
INVITE_NEXT = """
WITH next AS (
    SELECT id FROM waitlist_entry
    WHERE launch_id = %(launch)s AND {allowed} AND held_at IS NULL
      AND (deferred_until IS NULL OR deferred_until <= now())
    ORDER BY priority DESC, place
    LIMIT %(count)s
    FOR UPDATE SKIP LOCKED
)
UPDATE waitlist_entry AS entry SET status = 'invited', invited_at = now(), invited_by = %(by)s
FROM next WHERE entry.id = next.id
RETURNING entry.id, entry.contact_kind, entry.canonical, entry.lapses, entry.priority, entry.place
"""

# The same where places have shares: who came first, then by lot among the rest, then the best; a share that nobody fills
# falls to the best. `path` says how each came in. The lots are drawn by a hash of the batch's seed and the entry, so that
# anybody can draw them again.
# Plan: reads everybody who is eligible twice and sorts them, which a launch without shares never does.
ELIGIBLE = """
    SELECT id FROM waitlist_entry
    WHERE launch_id = %(launch)s AND {allowed} AND held_at IS NULL
      AND (deferred_until IS NULL OR deferred_until <= now())"""
INVITE_SHARED = f"""
WITH first AS ({ELIGIBLE}
    ORDER BY place
    LIMIT %(first)s
    FOR UPDATE SKIP LOCKED
), lot AS ({ELIGIBLE} AND id NOT IN (SELECT id FROM first)
    ORDER BY sha256((%(seed)s::text || ':' || id)::bytea)
    LIMIT %(lottery)s
    FOR UPDATE SKIP LOCKED
), best AS ({ELIGIBLE} AND id NOT IN (SELECT id FROM first UNION ALL SELECT id FROM lot)
    ORDER BY priority DESC, place
    LIMIT %(count)s - (SELECT count(*) FROM first) - (SELECT count(*) FROM lot)
    FOR UPDATE SKIP LOCKED
), next AS (
    SELECT id, 'first' AS path FROM first UNION ALL SELECT id, 'lottery' FROM lot UNION ALL SELECT id, 'top' FROM best
)
UPDATE waitlist_entry AS entry SET status = 'invited', invited_at = now(), invited_by = %(by)s
FROM next WHERE entry.id = next.id
RETURNING entry.id, entry.contact_kind, entry.canonical, entry.lapses, entry.priority, entry.place, next.path
"""

# The same for named people, whoever stands before them; manual approval counts as given by the act.
INVITE_NAMED = """
UPDATE waitlist_entry AS entry SET status = 'invited', invited_at = now(), invited_by = %(by)s,
       place = coalesce(place, nextval('waitlist_place'))
WHERE entry.id = ANY(%(ids)s::bigint[]) AND entry.status = ANY(%(sources)s::text[]) AND held_at IS NULL
RETURNING entry.id, entry.contact_kind, entry.canonical, entry.lapses, entry.priority, entry.place
"""

# Takes up to `count` places of the launch's local date; the database's clock says which date. The launch's row is locked
# by the statement before, so what is read here is what is written; the WHERE holds the quota even if somebody forgets.
TAKE = """
WITH asked AS (
    SELECT launch.id, (now() AT TIME ZONE launch.time_zone)::date AS date, launch.daily_quota,
           greatest(0, least(%(count)s::bigint, launch.daily_quota - coalesce(day.granted, 0))) AS taken
    FROM waitlist_launch AS launch
    LEFT JOIN waitlist_day AS day ON day.launch_id = launch.id AND day.date = (now() AT TIME ZONE launch.time_zone)::date
    WHERE launch.id = %(launch)s
), written AS (
    INSERT INTO waitlist_day AS day (launch_id, date, granted) SELECT id, date, taken FROM asked WHERE taken > 0
    ON CONFLICT (launch_id, date) DO UPDATE SET granted = day.granted + excluded.granted
    WHERE day.granted + excluded.granted <= (SELECT daily_quota FROM asked)
    RETURNING date
)
SELECT asked.date, CASE WHEN written.date IS NULL THEN 0 ELSE asked.taken END AS taken
FROM asked LEFT JOIN written ON true
"""

# Who of these people is on the list, by contact or by number, with the points that a file gave them.
# Plan: one probe of one_entry_per_contact or the primary key a row, and one of one_line_per_rule.
FIND_MANY = """
WITH asked AS (
    SELECT * FROM json_to_recordset(%(asked)s::json) AS asked(n int, id bigint, kind text, canonical text)
), found AS (
    SELECT asked.n, entry.id FROM asked JOIN waitlist_entry AS entry
        ON entry.launch_id = %(launch)s AND entry.contact_kind = asked.kind AND entry.canonical = asked.canonical
    UNION ALL
    SELECT asked.n, entry.id FROM asked JOIN waitlist_entry AS entry
        ON asked.canonical IS NULL AND entry.id = asked.id AND entry.launch_id = %(launch)s
)
SELECT found.n, entry.id, entry.status, entry.held_at IS NOT NULL AS held, coalesce(line.points, 0) AS points
FROM found JOIN waitlist_entry AS entry ON entry.id = found.id
LEFT JOIN waitlist_points AS line ON line.entry_id = entry.id AND line.rule = 'imported' AND line.key = ''
"""

# The people of a file, with their points, in the order of its rows. Who is on the list already is left alone. They leave no
# trace: where a file was brought from says nothing of who is named in it.
# Plan: one index probe per ON CONFLICT; the points hang on the rows of `fresh`.
JOIN_MANY = """
WITH asked AS (
    SELECT * FROM json_to_recordset(%(people)s::json) AS asked(
        n int, contact_kind text, contact text, canonical text, name text, use_case text, persona text, source text, vouched boolean,
        locale text, referral_code text, referred_by bigint, arm text, priority smallint, lines json)
), fresh AS (
    INSERT INTO waitlist_entry (launch_id, status, place, priority, contact_kind, contact, canonical, name, use_case, persona,
                                source, vouched, locale, consent, referral_code, referred_by_id, arm, confirmed_at)
    SELECT %(launch)s, %(status)s, CASE WHEN %(status)s::text = 'waiting' THEN nextval('waitlist_place') END, priority,
           contact_kind, contact, canonical, name, use_case, persona, source, vouched, locale, 'import', referral_code, referred_by, arm,
           CASE WHEN %(status)s::text = 'waiting' THEN now() END
    FROM (SELECT * FROM asked ORDER BY n) AS asked
    ON CONFLICT (launch_id, contact_kind, canonical) DO NOTHING
    RETURNING id, contact_kind, canonical
), joined AS (
    SELECT fresh.id, asked.n, asked.lines FROM fresh JOIN asked USING (contact_kind, canonical)
), scored AS (
    INSERT INTO waitlist_points (entry_id, rule, points, reason)
    SELECT joined.id, line.rule, line.points, line.reason
    FROM joined CROSS JOIN LATERAL json_to_recordset(joined.lines) AS line(rule text, points smallint, reason text)
)
SELECT id, n FROM joined
"""

# Points that a file gives: one line a person, which another file changes and 0 takes away. The entries are locked before.
MARK_MANY = """
WITH asked AS (
    SELECT * FROM json_to_recordset(%(asked)s::json) AS asked(id bigint, points smallint)
), gone AS (
    DELETE FROM waitlist_points AS line USING asked
    WHERE line.entry_id = asked.id AND line.rule = 'imported' AND line.key = '' AND asked.points = 0
)
INSERT INTO waitlist_points AS line (entry_id, rule, points, reason)
SELECT id, 'imported', points, %(reason)s FROM asked WHERE points <> 0
ON CONFLICT (entry_id, rule, key) DO UPDATE SET points = excluded.points, at = now()
"""

# Who brought whom, where nobody else is named yet.
NAME_REFERRERS = """
UPDATE waitlist_entry AS friend SET referred_by_id = asked.referrer
FROM json_to_recordset(%(asked)s::json) AS asked(friend bigint, referrer bigint)
WHERE friend.id = asked.friend AND asked.friend <> asked.referrer AND coalesce(friend.referred_by_id, asked.referrer) = asked.referrer
RETURNING friend.id
"""

# Rows of a file with what would come of each. By hand, for Django's bulk_create costs more than reading and sealing them.
KEEP_LINES = """
INSERT INTO waitlist_uploadline (upload_id, line, key, sealed, verdict, why, told)
SELECT %(upload)s, line, key, sealed, verdict, coalesce(why, ''), told
FROM unnest(string_to_array(%(lines)s, E'\\x1f')::int[], string_to_array(%(keys)s, E'\\x1f', E'\\x1e')::bytea[],
            string_to_array(%(sealed)s, E'\\x1f')::bytea[], string_to_array(%(verdicts)s, E'\\x1f'),
            string_to_array(%(whys)s, E'\\x1f', E'\\x1e'), string_to_array(%(told)s, E'\\x1f')::jsonb[])
     AS kept(line, key, sealed, verdict, why, told)
"""

# The points that joining brings, for many people at once: what is gone, then what they earn now. A line that stays keeps
# its time; points that came later (friends, rewards, by hand) have another rule or a key.
DROP_POINTS = """
DELETE FROM waitlist_points AS old WHERE entry_id = ANY(%(ids)s::bigint[]) AND rule = ANY(%(rules)s::text[]) AND key = ''
  AND NOT EXISTS (SELECT FROM unnest(string_to_array(%(entries)s, E'\\x1f')::bigint[], string_to_array(%(named)s, E'\\x1f'))
                  AS line(entry_id, rule) WHERE line.entry_id = old.entry_id AND line.rule = old.rule)
RETURNING id
"""
EARN_POINTS = """
INSERT INTO waitlist_points (entry_id, rule, points, reason)
SELECT line.* FROM unnest(string_to_array(%(entries)s, E'\\x1f')::bigint[], string_to_array(%(named)s, E'\\x1f'),
                          string_to_array(%(points)s, E'\\x1f')::smallint[], string_to_array(%(reasons)s, E'\\x1f'))
AS line(entry_id, rule, points, reason)
ON CONFLICT (entry_id, rule, key) DO UPDATE SET points = excluded.points, reason = excluded.reason
RETURNING id
"""
