"""Named reads of what was counted for the console, and the statements that count people, looks and refusals."""

from datetime import datetime, timedelta
from typing import Any

from outbox import sql
from quality.measures import WINDOW
from quality.models import Tally
from waitlist.models import Launch

WEEKS, DAYS = 12, 30  # back from now, the one under way included
# Rules that find somebody to be another who is here already, under a second address.
TWIN_RULES = ("numbered_address", "self_referral", "device_of_referrer", "shared_device", "crowded_device")
ACTIVE_KINDS = ("activated", "engaged", "converted")


def kept(launch: Launch) -> dict[str, Tally]:
    """What was counted last of this launch, by name."""
    return {one.name: one for one in Tally.objects.filter(launch=launch)}


# How far somebody came: 0 joined, 1 confirmed, 2 invited, 3 registered, 4 active. Who came further counts as having come
# through what lies before: a code lets people in who were never invited. Days and weeks are those of the launch.
# Plan: each table once; a million people are hashed into some thousands of groups, and these summed five ways.
PEOPLE = """
WITH active AS MATERIALIZED (
    SELECT DISTINCT entry_id FROM quality_activity WHERE launch_id = %(launch)s AND kind IN ('activated', 'engaged', 'converted')
), groups AS MATERIALIZED (
    SELECT status, held_at IS NOT NULL AS held, source, (created_at AT TIME ZONE %(zone)s)::date AS day,
           CASE WHEN registered_at IS NOT NULL AND active.entry_id IS NOT NULL THEN 4 WHEN registered_at IS NOT NULL THEN 3
                WHEN invited_at IS NOT NULL THEN 2 WHEN confirmed_at IS NOT NULL THEN 1 ELSE 0 END AS stage,
           created_at > %(since)s AS newcomer, count(*) AS n,
           count(*) FILTER (WHERE registered_at > %(day_ago)s) AS registered,
           count(*) FILTER (WHERE confirmed_at > %(week_ago)s) AS confirmed_lately,
           count(*) FILTER (WHERE confirmed_at <= %(week_ago)s) AS confirmed_before
    FROM waitlist_entry AS entry LEFT JOIN active ON active.entry_id = entry.id
    WHERE launch_id = %(launch)s
    GROUP BY 1, 2, 3, 4, 5, 6
), people AS (SELECT *, date_trunc('week', day)::date AS week FROM groups)
SELECT CASE GROUPING(status, source, week, day) WHEN 7 THEN 'states' WHEN 11 THEN 'sources' WHEN 13 THEN 'weeks'
            WHEN 14 THEN 'days' ELSE 'all' END AS kind,
       status, held, source, week, day, stage, coalesce(sum(n), 0)::bigint AS n,
       coalesce(sum(registered), 0)::bigint AS registered_lately,
       coalesce(sum(confirmed_lately), 0)::bigint AS confirmed_lately,
       coalesce(sum(confirmed_before), 0)::bigint AS confirmed_before,
       coalesce(sum(n) FILTER (WHERE newcomer), 0)::bigint AS joined_lately,
       coalesce(sum(n) FILTER (WHERE newcomer AND held), 0)::bigint AS held_lately,
       coalesce(sum(n) FILTER (WHERE newcomer AND status IN ('rejected', 'blocked')), 0)::bigint AS refused_lately
FROM people
GROUP BY GROUPING SETS ((status, held), (source, stage), (week, stage), (day), ())
"""


def people_counts(launch: Launch, now: datetime) -> list[Any]:
    """The people of a launch by state, by source, by week and by day of joining, and as a whole; `kind` says which."""
    moments = {"day_ago": now - timedelta(days=1), "week_ago": now - timedelta(days=7), "since": now - WINDOW}
    return sql.rows(PEOPLE, {"launch": launch.pk, "zone": launch.time_zone, **moments})


LOOKS = """
SELECT count(*) AS looks, count(*) FILTER (WHERE rules && %(twins)s::text[]) AS twins,
       count(*) FILTER (WHERE verdict = 'review') AS review, count(*) FILTER (WHERE verdict = 'deny') AS deny
FROM quality_assessment WHERE launch_id = %(launch)s AND act = 'join' AND at > %(since)s
"""


def look_counts(launch: Launch, now: datetime) -> dict[str, int]:
    """The looks at people who joined in the last 28 days: how many there were, and what they found."""
    asked = {"launch": launch.pk, "since": now - WINDOW, "twins": list(TWIN_RULES)}
    found: dict[str, int] = sql.one(LOOKS, asked)._asdict()
    return found


REFUSALS = """
SELECT (minute AT TIME ZONE %(zone)s)::date AS day, sum(times) AS n
FROM quality_refusal WHERE minute > %(since)s GROUP BY 1
"""
REFUSALS_BY_RULE = """
SELECT rule, sum(times) AS n FROM quality_refusal WHERE minute > %(since)s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
"""


def refusals_by_day(launch: Launch, now: datetime) -> list[Any]:
    """How often the doors refused somebody on each of the last days, as the launch counts days. All launches share the doors."""
    return sql.rows(REFUSALS, {"zone": launch.time_zone, "since": now - timedelta(days=DAYS)})


def refusals_by_rule(now: datetime) -> list[Any]:
    """How often each rule refused somebody in the last 24 hours, the busiest first."""
    return sql.rows(REFUSALS_BY_RULE, {"since": now - timedelta(days=1)})


ALERTS = """
SELECT count(*) FILTER (WHERE since > %(week_ago)s) AS week, count(*) FILTER (WHERE since <= %(week_ago)s) AS before
FROM quality_alert WHERE (launch_id = %(launch)s OR launch_id IS NULL) AND since > %(fortnight_ago)s
"""


def alert_counts(launch: Launch, now: datetime) -> dict[str, int]:
    """How many alerts were raised in the last seven days, and in the seven before."""
    moments = {"week_ago": now - timedelta(days=7), "fortnight_ago": now - timedelta(days=14)}
    found: dict[str, int] = sql.one(ALERTS, {"launch": launch.pk, **moments})._asdict()
    return found
