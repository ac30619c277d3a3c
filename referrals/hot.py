"""The statement of ours on the hot paths join and redeem: referrals follow their friends' entries."""

from functools import cache

# Brings a friend's referral to where the friend's entry stands now, and never back: pending is attributed, in line is
# confirmed, registered is qualified. A friend without a referral gets the one that somebody shared to their address
# (the oldest; the referrer's own where a referrer is named), else a new one for the referrer that their entry names.
# Whoever brought a person is no friend for that person to bring, so two people cannot bring each other. Whom the rules
# last denied and staff have not cleared since is nobody's friend, and what staff voided is not made anew.
# One friend a statement and plain parameters: then PostgreSQL keeps the plan, which takes ten times as long to make as to
# run. Plan: friend by primary key, the latest look at it by assessment_entry; referral by one_referrer_per_friend and
# referral_recipient; only our own row is locked.
FOLLOW = """
WITH friend AS (
    SELECT id, launch_id, referred_by_id, CASE left(invited_by, 5) WHEN 'code:' THEN 'code' ELSE 'link' END AS via,
           CASE status WHEN 'pending' THEN 'attributed' WHEN 'registered' THEN 'qualified' ELSE 'confirmed' END AS stands
    FROM waitlist_entry
    WHERE id = %(friend)s AND status IN ('pending', 'waiting', 'approved', 'invited', 'registered')
      AND NOT EXISTS (
        SELECT FROM (SELECT verdict, at FROM quality_assessment WHERE entry_id = waitlist_entry.id
                     ORDER BY id DESC LIMIT 1) AS look
        WHERE look.verdict = 'deny' AND NOT EXISTS (
            SELECT FROM outbox_event WHERE subject = 'entry:' || waitlist_entry.id AND at > look.at
               AND kind IN ('assessment.overruled', 'entry.released', 'entry.appealed', 'entry.restored')))
), had AS (
    SELECT referral.id, referral.referee_id, referral.status FROM referrals_referral AS referral
    JOIN friend ON referral.referee_id = friend.id
    WHERE referral.status <> 'voided'
), shared AS (
    SELECT referral.id, friend.id AS referee_id, referral.status
    FROM friend
    JOIN referrals_referral AS referral ON referral.recipient_key IN ({keys})
     AND referral.status = 'shared' AND referral.launch_id = friend.launch_id
    JOIN waitlist_entry AS referrer ON referrer.id = referral.referrer_id
     AND referrer.id <> friend.id AND referrer.status NOT IN ('rejected', 'blocked', 'left', 'suspended')
    WHERE referrer.id = coalesce(friend.referred_by_id, referrer.id)
      AND NOT EXISTS (SELECT FROM had WHERE had.referee_id = friend.id)
    ORDER BY referral.id LIMIT 1
), moved AS (
    UPDATE referrals_referral AS referral
    SET status = friend.stands, referee_id = friend.id,
        confirmed_at = CASE WHEN friend.stands <> 'attributed' THEN coalesce(referral.confirmed_at, now()) END,
        qualified_at = CASE WHEN friend.stands = 'qualified' THEN now() END
    FROM (TABLE had UNION ALL TABLE shared) AS old(id, referee_id, status)
    JOIN friend ON friend.id = old.referee_id
    WHERE referral.id = old.id AND referral.status = old.status AND (old.status, friend.stands) IN (
        ('shared', 'attributed'), ('shared', 'confirmed'), ('shared', 'qualified'),
        ('attributed', 'confirmed'), ('attributed', 'qualified'), ('confirmed', 'qualified'))
    RETURNING referral.id, referral.launch_id, referral.referrer_id, referral.referee_id, referral.status, referral.via
), made AS (
    INSERT INTO referrals_referral (launch_id, referrer_id, referee_id, status, via, confirmed_at, qualified_at)
    SELECT launch_id, referred_by_id, id, stands, via,
           CASE WHEN stands <> 'attributed' THEN now() END, CASE WHEN stands = 'qualified' THEN now() END
    FROM friend
    WHERE referred_by_id <> id
      AND NOT EXISTS (SELECT FROM had WHERE had.referee_id = friend.id)
      AND NOT EXISTS (SELECT FROM shared WHERE shared.referee_id = friend.id)
      AND NOT EXISTS (SELECT FROM referrals_referral AS back WHERE back.referee_id = friend.referred_by_id
                      AND back.referrer_id = friend.id AND back.status <> 'voided')
      AND NOT EXISTS (SELECT FROM referrals_referral AS ended WHERE ended.referee_id = friend.id
                      AND ended.referrer_id = friend.referred_by_id AND ended.status = 'voided'
                      AND ended.void_for_good)
    ON CONFLICT DO NOTHING
    RETURNING id, launch_id, referrer_id, referee_id, status, via
)
TABLE moved UNION ALL TABLE made
"""


# Whether there is anything to follow for a friend whose entry names no referrer. Most people come by themselves, and this
# costs a third of following them.
KNOWN = """
SELECT id FROM referrals_referral WHERE recipient_key IN ({keys}) AND status = 'shared'
UNION ALL
SELECT id FROM referrals_referral WHERE referee_id = %(friend)s AND status <> 'voided'
LIMIT 1
"""


# Which of many friends have a referral to follow: one of their own, or one that somebody shared to their address. Each of
# those is followed by itself. Plan: one probe of referral_recipient and of one_referrer_per_friend each.
KNOWN_MANY = """
SELECT DISTINCT asked.id FROM json_to_recordset(%(friends)s::json) AS asked(id bigint, key text)
WHERE EXISTS (SELECT FROM referrals_referral AS own WHERE own.referee_id = asked.id AND own.status <> 'voided')
   OR EXISTS (SELECT FROM referrals_referral AS shared
              WHERE shared.recipient_key = decode(asked.key, 'hex') AND shared.status = 'shared')
"""

# What FOLLOW makes for a friend who has none of either, for many at once: the referral that their entry names.
MAKE_MANY = (
    FOLLOW.split("), had AS", maxsplit=1)[0].replace("id = %(friend)s", "id = ANY(%(friends)s::bigint[])")
    + """)
INSERT INTO referrals_referral (launch_id, referrer_id, referee_id, status, via, confirmed_at, qualified_at)
SELECT launch_id, referred_by_id, id, stands, via,
       CASE WHEN stands <> 'attributed' THEN now() END, CASE WHEN stands = 'qualified' THEN now() END
FROM friend
WHERE referred_by_id <> id
  AND NOT EXISTS (SELECT FROM referrals_referral AS back WHERE back.referee_id = friend.referred_by_id
                  AND back.referrer_id = friend.id AND back.status <> 'voided')
  AND NOT EXISTS (SELECT FROM referrals_referral AS ended WHERE ended.referee_id = friend.id
                  AND ended.referrer_id = friend.referred_by_id AND ended.status = 'voided' AND ended.void_for_good)
ON CONFLICT DO NOTHING
RETURNING id, launch_id, referrer_id, referee_id, status, via
"""
)


# What is known of the two people that a row of a file names, and of a referral between them.
FIND_PAIRS = """
WITH asked AS (
    SELECT * FROM json_to_recordset(%(asked)s::json) AS asked(n int, friend bigint, referrer bigint)
)
SELECT asked.n, friend.status AS friend_status, friend.referred_by_id AS named, referrer.status AS referrer_status,
       live.id AS live, live.referrer_id AS brought_by, ended.void_reason AS void_reason, back.id AS back
FROM asked
JOIN waitlist_entry AS friend ON friend.id = asked.friend
LEFT JOIN waitlist_entry AS referrer ON referrer.id = asked.referrer
LEFT JOIN referrals_referral AS live ON live.referee_id = asked.friend AND live.status <> 'voided'
LEFT JOIN LATERAL (
    SELECT id, void_reason FROM referrals_referral
    WHERE referee_id = asked.friend AND referrer_id = asked.referrer AND status = 'voided' AND void_for_good LIMIT 1
) AS ended ON true
LEFT JOIN LATERAL (
    SELECT id FROM referrals_referral
    WHERE referee_id = asked.referrer AND referrer_id = asked.friend AND status <> 'voided' LIMIT 1
) AS back ON true
"""


@cache
def for_keys(statement: str, count: int) -> str:
    """The statement for a friend whose address has so many keys: key0, key1, …"""
    return statement.format(keys=", ".join(f"%(key{number})s" for number in range(count)))


# One at a time for one recipient: people who share to the same address at once must see each other's count.
ONE_BY_ONE = "SELECT pg_advisory_xact_lock(%(number)s::bigint)"
