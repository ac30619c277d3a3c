"""Named reads of what the product reports and what is measured from it."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max

from outbox import sql
from quality import trust
from quality.measures import WINDOW
from quality.models import Activity, Reading
from quality.queries import gating
from waitlist.models import Launch

MEMBER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DAY_7 = timedelta(days=7)

# The newest members and what is known of them, in one look. `told` has a row for each who was reported of.
# Churned: nothing they did came after it. Flagged: reported, suspended, or held while their last assessment is not "allow";
# staff who release somebody take the brake off, and so the flag.
COHORT = """
WITH people AS MATERIALIZED (
    SELECT id, registered_at, status, held_at, registered_at > %(since)s AS newest, registered_at <= %(week_ago)s AS due
    FROM waitlist_entry
    WHERE launch_id = %(launch)s AND status IN ('registered', 'suspended')
      AND registered_at > %(since_week)s AND registered_at <= %(now)s
), told AS (
    SELECT activity.entry_id,
           max(activity.at) FILTER (WHERE kind IN ('activated', 'engaged', 'converted')) AS active_at,
           max(activity.at) FILTER (WHERE kind = 'churned') AS churned_at,
           bool_or(kind = 'engaged') AS engaged, bool_or(kind = 'converted') AS converted, bool_or(kind = 'reported') AS reported,
           bool_or(feature <> '' AND kind IN ('activated', 'engaged', 'converted')) AS adopted,
           count(*) FILTER (WHERE kind = 'support_ticket') AS tickets
    FROM quality_activity AS activity JOIN people ON people.id = activity.entry_id
    GROUP BY activity.entry_id
)
SELECT count(*) FILTER (WHERE newest) AS members,
       count(*) FILTER (WHERE newest AND told.active_at IS NOT NULL) AS activated,
       count(*) FILTER (WHERE newest AND told.engaged) AS engaged,
       count(*) FILTER (WHERE newest AND told.churned_at >= coalesce(told.active_at, '-infinity')) AS churned,
       count(*) FILTER (WHERE newest AND told.converted) AS converted,
       count(*) FILTER (WHERE newest AND told.adopted) AS adopted,
       count(*) FILTER (WHERE newest AND (told.reported OR status = 'suspended' OR (held_at IS NOT NULL AND 'allow' <> (
           SELECT verdict FROM quality_assessment WHERE entry_id = people.id ORDER BY id DESC LIMIT 1)))) AS flagged,
       coalesce(sum(told.tickets) FILTER (WHERE newest), 0)::bigint AS tickets,
       count(*) FILTER (WHERE due) AS due_day7,
       count(*) FILTER (WHERE due AND told.active_at >= registered_at + interval '6 days') AS retained_day7,
       EXISTS (SELECT FROM quality_activity WHERE launch_id = %(launch)s) AS told
FROM people LEFT JOIN told ON told.entry_id = people.id
"""


def cohort_counts(launch: Launch, now: datetime) -> dict[str, Any]:
    """The counts behind the metrics over members, by name."""
    week_ago = now - DAY_7
    moments = {"since": now - WINDOW, "since_week": week_ago - WINDOW, "week_ago": week_ago, "now": now}
    found: dict[str, Any] = sql.one(COHORT, {"launch": launch.pk, **moments})._asdict()
    return found


MOST_COUNTED = 10_000
DELIVERIES = "SELECT count(*) AS n FROM (SELECT FROM outbox_delivery LIMIT %(most)s) AS kept"


def deliveries_kept() -> int:
    """How many deliveries stand in the outbox, counted up to 10,000."""
    return int(sql.one(DELIVERIES, {"most": MOST_COUNTED}).n)


def newest_report(launch: Launch) -> datetime | None:
    """When the product last reported anything of this launch's members; None when it never has."""
    found: datetime | None = Activity.objects.filter(launch=launch).aggregate(newest=Max("received_at"))["newest"]
    return found


PEOPLE = """
SELECT id, status, canonical AS name, 'email' AS known_by FROM waitlist_entry
WHERE launch_id = %(launch)s AND contact_kind = 'email' AND canonical = ANY(%(canonicals)s::text[])
UNION ALL
SELECT id, status, host_user_id, 'id' FROM waitlist_entry
WHERE launch_id = %(launch)s AND host_user_id <> '' AND host_user_id = ANY(%(user_ids)s::text[])
UNION ALL
SELECT id, status, member_id::text, 'id' FROM waitlist_entry
WHERE launch_id = %(launch)s AND member_id = ANY(%(member_ids)s::uuid[]) AND registered_at IS NOT NULL
"""


def people_reported(launch: Launch, canonicals: Sequence[str], user_ids: Sequence[str]) -> list[Any]:
    """The entries that a report names, and by what: by canonical e-mail address, by the host's id, or by our member id."""
    members = [one for one in set(user_ids) if MEMBER_ID.fullmatch(one)]
    named = {"canonicals": list(set(canonicals)), "user_ids": list(set(user_ids)), "member_ids": members}
    return sql.rows(PEOPLE, {"launch": launch.pk, **named})


# One probe of reading_latest for each metric; DISTINCT ON would read a year of them.
LATEST = """
SELECT reading.*
FROM unnest(%(metrics)s::text[]) AS asked(metric)
CROSS JOIN LATERAL (SELECT * FROM quality_reading WHERE launch_id = %(launch)s AND metric = asked.metric
                    ORDER BY at DESC, id DESC LIMIT 1) AS reading
"""


def latest_readings(launch: Launch, metrics: Sequence[str]) -> dict[str, Reading]:
    """The newest reading of each of these metrics that has one."""
    newest = Reading.objects.raw(LATEST, {"launch": launch.pk, "metrics": list(metrics)})
    return {reading.metric: reading for reading in newest}


def standing(launch: Launch, now: datetime) -> dict[str, Any]:
    """How the launch stands as last measured: the trust score, its harmful parts, and whether it is healthy and let in."""
    last = latest_readings(launch, ["trust_score", *trust.WEIGHTS])
    rates = trust.Rates(**{name: last[name].value if name in last else None for name in trust.WEIGHTS})
    score = last.get("trust_score")
    trusted, newest_at = (score.value, score.newest_at) if score else (None, None)
    return {
        "trust_score": trusted,
        "churn_rate": rates.churn_rate,
        "fraud_rate": rates.fraud_rate,
        "engagement_rate": rates.engagement_rate,
        "invites_paused": not gating.standing(launch.pk, now).invites_open,
        "health_status": trust.health(trusted, rates, newest_at, now),
        "measured_at": score.at if score else None,
        "sample": score.sample if score else 0,
    }


HISTORY = """
SELECT DISTINCT ON (metric, bucket) metric, date_bin(%(step)s, at, %(since)s) AS bucket, at, value, sample
FROM quality_reading
WHERE launch_id = %(launch)s AND at >= %(since)s AND at <= %(until)s
ORDER BY metric, bucket, at DESC
"""


def history(launch: Launch, since: datetime, until: datetime, step: timedelta) -> list[Any]:
    """The last reading of each metric in each step of time, oldest first."""
    return sql.rows(HISTORY, {"launch": launch.pk, "since": since, "until": until, "step": step})


LINE = """
SELECT DISTINCT ON (bucket) date_bin(%(step)s, at, %(since)s) AS bucket, at, value
FROM quality_reading
WHERE launch_id = %(launch)s AND metric = %(metric)s AND at >= %(since)s AND at <= %(until)s
ORDER BY bucket, at DESC
"""


def line(launch: Launch, metric: str, since: datetime, until: datetime, step: timedelta) -> list[Any]:
    """The same of one metric alone."""
    return sql.rows(LINE, {"launch": launch.pk, "metric": metric, "since": since, "until": until, "step": step})
