"""What must be true of the rows at any moment; `manage.py check_invariants` asks. Each query finds the rows that break it."""

from outbox import sql

COUNTED = "status IN ('waiting', 'approved') AND held_at IS NULL"

INVARIANTS: dict[str, str] = {
    "a code's uses are its redemptions": """
        SELECT code.id FROM invites_code AS code
        WHERE code.uses <> (SELECT count(*) FROM invites_redemption WHERE code_id = code.id)""",
    "a code's reserved uses are its open reservations": """
        SELECT code.id FROM invites_code AS code
        WHERE code.reserved <> (SELECT count(*) FROM invites_reservation WHERE code_id = code.id AND status = 'open')""",
    "a day grants as many places as invites were issued on it, and never more": """
        SELECT day.id FROM waitlist_day AS day JOIN waitlist_launch AS launch ON launch.id = day.launch_id
        WHERE day.granted <> (
            SELECT count(*) FROM invites_invite AS invite JOIN invites_code AS code ON code.id = invite.code_id
            WHERE code.launch_id = day.launch_id AND (invite.issued_at AT TIME ZONE launch.time_zone)::date = day.date)""",
    "nobody has two open invites": """
        SELECT entry_id FROM invites_invite WHERE status IN ('issued', 'sent', 'bounced') AND NOT lapse_told
        GROUP BY entry_id HAVING count(*) > 1""",
    "who is invited has an open invite": """
        SELECT entry.id FROM waitlist_entry AS entry WHERE entry.status = 'invited' AND NOT EXISTS (
            SELECT FROM invites_invite WHERE entry_id = entry.id AND status IN ('issued', 'sent', 'bounced') AND NOT lapse_told)""",
    "nobody is admitted twice": """
        SELECT entry_id FROM invites_redemption GROUP BY entry_id HAVING count(*) > 1""",
    "who registered has a moment of it, and the trail says so": """
        SELECT id FROM waitlist_entry AS entry WHERE status IN ('registered', 'suspended') AND (registered_at IS NULL
            OR NOT EXISTS (SELECT FROM outbox_event WHERE subject = 'entry:' || entry.id AND kind = 'entry.registered'))""",
    "every redemption stands in the trail": """
        SELECT redemption.id FROM invites_redemption AS redemption WHERE NOT EXISTS (
            SELECT FROM outbox_event WHERE subject = 'entry:' || redemption.entry_id AND kind = 'code.redeemed')""",
    "a priority is the clamped sum of its points": """
        SELECT entry.id FROM waitlist_entry AS entry WHERE entry.priority <> least(200, greatest(0, coalesce(
            (SELECT sum(points) FROM waitlist_points WHERE entry_id = entry.id), 0)))""",
    "the counters of the queue are the people in it": f"""
        SELECT launch.id FROM waitlist_launch AS launch
        WHERE (SELECT count(*) FROM waitlist_entry WHERE launch_id = launch.id AND {COUNTED})
           <> coalesce((SELECT sum(n) FROM waitlist_queuecount WHERE launch_id = launch.id AND level = 3), 0)
            + coalesce((SELECT sum(n) FROM waitlist_queuedelta WHERE launch_id = launch.id), 0)""",
    "every level of the counters has the same sum": """
        SELECT launch_id FROM (SELECT launch_id, level, sum(n) AS n FROM waitlist_queuecount GROUP BY 1, 2) AS level
        GROUP BY launch_id HAVING min(n) <> max(n)""",
    "the ledger of points is the points that friends brought": """
        SELECT entry.id FROM waitlist_entry AS entry
        LEFT JOIN (SELECT referrer_id, sum(amount) AS n FROM referrals_ledgerline WHERE friend_id IS NOT NULL
                   GROUP BY 1) AS told
          ON told.referrer_id = entry.id
        LEFT JOIN (SELECT entry_id, sum(points) AS n FROM waitlist_points WHERE rule = 'friend_confirmed'
                   GROUP BY 1) AS had ON had.entry_id = entry.id
        WHERE coalesce(told.n, 0) <> coalesce(had.n, 0)""",
    "nobody has more of a reward than it says": """
        SELECT reward.id FROM referrals_reward AS reward JOIN referrals_ledgerline AS line ON line.reward_id = reward.id
        GROUP BY reward.id HAVING sum(line.amount) NOT BETWEEN 0 AND greatest(reward.amount, 1)""",
    "what was turned is so, but for what an owner or a later turn changed since": """
        SELECT turn.id FROM waitlist_turn AS turn JOIN waitlist_launch AS launch ON launch.id = turn.launch_id
        CROSS JOIN jsonb_each(turn.after) AS one(name, value)
        WHERE turn.ended_at IS NULL AND NOT one.name = ANY(turn."left") AND to_jsonb(launch) -> one.name <> one.value
          AND NOT EXISTS (SELECT FROM waitlist_turn AS later WHERE later.launch_id = turn.launch_id AND later.id > turn.id
                          AND later.ended_at IS NULL AND jsonb_exists(later.after, one.name))""",
    "of who was erased nothing is left that names them": """
        SELECT id FROM waitlist_entry AS entry WHERE status = 'erased' AND (
            contact <> '' OR name <> '' OR use_case <> '' OR user_id IS NOT NULL OR left(canonical, 7) <> 'erased:'
            OR EXISTS (SELECT FROM waitlist_comment WHERE entry_id = entry.id)
            OR EXISTS (SELECT FROM waitlist_trace WHERE entry_id = entry.id)
            OR NOT EXISTS (SELECT FROM waitlist_tombstone AS stone WHERE stone.entry_id = entry.id))""",
    "a job that is done looked at every row": """
        SELECT id FROM outbox_job WHERE status = 'done' AND done <> total""",
    "a milestone paid once": """
        SELECT referrer_id FROM referrals_reward WHERE milestone IS NOT NULL GROUP BY referrer_id, milestone HAVING count(*) > 1""",
}


def broken() -> list[str]:
    """A line for each invariant that does not hold, with the first ids that break it."""
    lines = []
    for sentence, query in INVARIANTS.items():
        ids = [str(row[0]) for row in sql.rows(f"{query} LIMIT 5")]
        if ids:
            lines.append(f"broken: {sentence} (such as {', '.join(ids)})")
    return lines
