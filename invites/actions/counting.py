"""Counts campaigns and channels: what is issued and opened as it happens, and all that becomes of it every few minutes."""

from datetime import date
from typing import Any

from django.utils import timezone

from invites import codes
from outbox import sql
from outbox.states import verb
from quality.queries.readings import DAY_7
from waitlist.models import Launch
from waitlist.queries import local_date

ISSUED = """
INSERT INTO invites_campaignday (launch_id, campaign, channel, date, issued)
VALUES (%(launch)s, %(campaign)s, %(channel)s, %(date)s, %(count)s)
ON CONFLICT (launch_id, campaign, channel, date) DO UPDATE SET issued = invites_campaignday.issued + excluded.issued
RETURNING id
"""


@verb
def note_issued(launch: Launch, campaign: str, channel: str, count: int) -> None:
    """So many codes were made now; those of no campaign and no channel are not counted."""
    if campaign or channel:
        sql.rows(ISSUED, _today(launch) | {"campaign": campaign, "channel": channel, "count": count})


# One row is written whatever was opened, so that the time it takes tells nobody which codes exist.
OPENED = """
WITH asked AS (SELECT %(launch)s::bigint AS launch_id, %(date)s::date AS date)
INSERT INTO invites_campaignday (launch_id, campaign, channel, date, opened)
SELECT asked.launch_id, coalesce(code.campaign, ''), coalesce(code.channel, ''), asked.date, 1
FROM asked LEFT JOIN invites_code AS code ON code.launch_id = asked.launch_id AND code.digest = ANY(%(digests)s::bytea[])
LIMIT 1
ON CONFLICT (launch_id, campaign, channel, date) DO UPDATE SET opened = invites_campaignday.opened + 1
RETURNING id
"""


@verb
def note_opened(launch: Launch, typed: str) -> None:
    """Somebody has the sign-up page with this code before them, and moved: a person, as far as one can tell."""
    sql.rows(OPENED, _today(launch) | {"digests": codes.digests(typed)})


def _today(launch: Launch) -> dict[str, Any]:
    today: date = local_date(launch, timezone.now())
    return {"launch": launch.pk, "date": today}


# All launches at once, in one pass over the codes and one over the redemptions. People count on the local date they came;
# who is held before they could redeem counts beside them. What has no rows any more (people were erased) becomes 0. The
# row without a name is written in any case: its moment says when this last ran.
CAMPAIGNS = """
WITH issued AS (
    SELECT code.launch_id, campaign, channel, (code.created_at AT TIME ZONE launch.time_zone)::date AS date, count(*) AS n
    FROM invites_code AS code JOIN waitlist_launch AS launch ON launch.id = code.launch_id
    WHERE campaign <> '' OR channel <> ''
    GROUP BY 1, 2, 3, 4
), came AS MATERIALIZED (
    SELECT code.launch_id, campaign, channel, redemption.at, redemption.entry_id, TRUE AS redeemed
    FROM invites_redemption AS redemption JOIN invites_code AS code ON code.id = redemption.code_id
    WHERE campaign <> '' OR channel <> ''
    UNION ALL
    SELECT code.launch_id, campaign, channel, kept.created_at, kept.entry_id, FALSE
    FROM invites_reservation AS kept JOIN invites_code AS code ON code.id = kept.code_id
    JOIN waitlist_entry AS entry ON entry.id = kept.entry_id
    WHERE kept.status = 'open' AND entry.held_at IS NOT NULL AND (campaign <> '' OR channel <> '')
), begun AS MATERIALIZED (
    SELECT entry_id, max(at) AS at FROM quality_activity
    WHERE kind IN ('activated', 'engaged', 'converted') AND entry_id IN (SELECT entry_id FROM came WHERE redeemed)
    GROUP BY entry_id
), person AS (
    SELECT came.launch_id, campaign, channel, (came.at AT TIME ZONE launch.time_zone)::date AS date, redeemed,
           redeemed AND entry.status = 'registered' AS member, begun.at AS active_at, entry.registered_at,
           entry.held_at IS NOT NULL OR entry.status IN ('rejected', 'blocked', 'suspended') AS held
    FROM came JOIN waitlist_launch AS launch ON launch.id = came.launch_id JOIN waitlist_entry AS entry ON entry.id = came.entry_id
    LEFT JOIN begun ON begun.entry_id = came.entry_id
), people AS (
    SELECT launch_id, campaign, channel, date, count(*) AS came, count(*) FILTER (WHERE redeemed) AS redeemed,
           count(*) FILTER (WHERE member) AS registered, count(active_at) FILTER (WHERE member) AS active,
           count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE member AND registered_at <= %(week_ago)s) AS due_day7,
           count(*) FILTER (WHERE member AND registered_at <= %(week_ago)s AND active_at >= registered_at + interval '6 days')
               AS retained_day7
    FROM person GROUP BY 1, 2, 3, 4
), place AS (
    SELECT launch_id, campaign, channel, date FROM issued UNION SELECT launch_id, campaign, channel, date FROM people
    UNION SELECT launch_id, campaign, channel, date FROM invites_campaignday
    UNION SELECT id, '', '', (now() AT TIME ZONE time_zone)::date FROM waitlist_launch
)
INSERT INTO invites_campaignday AS kept (launch_id, campaign, channel, date, issued, redeemed, registered, active, came, held,
                                   due_day7, retained_day7, counted_at)
SELECT launch_id, campaign, channel, date, coalesce(issued.n, 0), coalesce(redeemed, 0), coalesce(registered, 0),
       coalesce(active, 0), coalesce(came, 0), coalesce(held, 0), coalesce(due_day7, 0), coalesce(retained_day7, 0), statement_timestamp()
FROM place LEFT JOIN issued USING (launch_id, campaign, channel, date) LEFT JOIN people USING (launch_id, campaign, channel, date)
ORDER BY launch_id, campaign, channel, date
ON CONFLICT (launch_id, campaign, channel, date) DO UPDATE
SET issued = excluded.issued, redeemed = excluded.redeemed, registered = excluded.registered, active = excluded.active,
    came = excluded.came, held = excluded.held, due_day7 = excluded.due_day7, retained_day7 = excluded.retained_day7,
    counted_at = excluded.counted_at
WHERE (kept.campaign = '' AND kept.channel = '')
   OR (kept.issued, kept.redeemed, kept.registered, kept.active, kept.came, kept.held, kept.due_day7, kept.retained_day7)
      IS DISTINCT FROM (excluded.issued, excluded.redeemed, excluded.registered, excluded.active, excluded.came, excluded.held,
                        excluded.due_day7, excluded.retained_day7)
RETURNING id
"""


@verb
def count_campaigns() -> int:
    """Counts every campaign and channel anew; how many rows changed."""
    return len(sql.rows(CAMPAIGNS, {"week_ago": timezone.now() - DAY_7}))
