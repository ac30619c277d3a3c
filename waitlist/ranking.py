"""The order of the queue, and everybody's exact position in it without counting the people.

The order is priority descending, then place ascending, over the *counted*: waiting or approved, and not held.
Counters keep how many counted people stand in a block of places, on four levels:

    level 0: place >> 8     level 1: place >> 14     level 2: place >> 20     level 3: the whole priority

Triggers on waitlist_entry append a signed delta for every change, in the change's own transaction; `fold` moves deltas
into the counters, one transaction at a time. A look-up adds counters and unfolded deltas in one snapshot, and counts the
at most 255 neighbours in its own block on the entries themselves: so it is exact at every moment, and its cost does not
grow with the queue (at most 200 priorities + 64 + 64 + places/2^20 counters).
"""

import logging
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from outbox import sql

FOLD_LOCK = 7_301_448  # one folder at a time; any fixed number that nothing else here locks
FOLD_INLINE_AT = 5_000  # unfolded deltas from which every look-up would feel them
SWEEP_AFTER = 2_000  # folded deltas, some fifteen pages of dead rows
swept = {"folded": SWEEP_AFTER, "kept_pages": 0}  # by this process since it last swept; a new relay sweeps once

logger = logging.getLogger(__name__)

TRIGGERS = """
CREATE SEQUENCE waitlist_place AS bigint;

CREATE FUNCTION waitlist_entry_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO waitlist_queuedelta (launch_id, priority, block, n)
        SELECT launch_id, priority, place >> 8, count(*) FROM entered
        WHERE status IN ('waiting', 'approved') AND held_at IS NULL GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO waitlist_queuedelta (launch_id, priority, block, n)
        SELECT launch_id, priority, place >> 8, -count(*) FROM gone
        WHERE status IN ('waiting', 'approved') AND held_at IS NULL GROUP BY 1, 2, 3;
    ELSE
        INSERT INTO waitlist_queuedelta (launch_id, priority, block, n)
        SELECT launch_id, priority, block, sum(n) FROM (
            SELECT launch_id, priority, place >> 8 AS block, 1 AS n FROM entered
            WHERE status IN ('waiting', 'approved') AND held_at IS NULL
            UNION ALL
            SELECT launch_id, priority, place >> 8, -1 FROM gone
            WHERE status IN ('waiting', 'approved') AND held_at IS NULL
        ) AS change GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER waitlist_entry_inserted AFTER INSERT ON waitlist_entry
    REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION waitlist_entry_counted();
CREATE TRIGGER waitlist_entry_updated AFTER UPDATE ON waitlist_entry
    REFERENCING OLD TABLE AS gone NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION waitlist_entry_counted();
CREATE TRIGGER waitlist_entry_deleted AFTER DELETE ON waitlist_entry
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION waitlist_entry_counted();

-- Emptied every half second, and swept by the relay: a look-up reads all of it, dead rows and empty pages included.
ALTER TABLE waitlist_queuedelta SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
ALTER TABLE waitlist_queuecount SET (fillfactor = 50);
"""

UNDO_TRIGGERS = """
DROP TRIGGER waitlist_entry_inserted ON waitlist_entry;
DROP TRIGGER waitlist_entry_updated ON waitlist_entry;
DROP TRIGGER waitlist_entry_deleted ON waitlist_entry;
DROP FUNCTION waitlist_entry_counted;
DROP SEQUENCE waitlist_place;
"""

# How many counted people stand strictly before (priority, place).
_AHEAD = """
       coalesce((SELECT sum(n) FROM waitlist_queuecount
                 WHERE launch_id = {launch} AND level = 3 AND priority > {priority}), 0)
     + coalesce((SELECT sum(n) FROM waitlist_queuecount
                 WHERE launch_id = {launch} AND level = 2 AND priority = {priority}
                   AND block < {place} >> 20), 0)
     + coalesce((SELECT sum(n) FROM waitlist_queuecount
                 WHERE launch_id = {launch} AND level = 1 AND priority = {priority}
                   AND block >= ({place} >> 20) << 6 AND block < {place} >> 14), 0)
     + coalesce((SELECT sum(n) FROM waitlist_queuecount
                 WHERE launch_id = {launch} AND level = 0 AND priority = {priority}
                   AND block >= ({place} >> 14) << 6 AND block < {place} >> 8), 0)
     + (SELECT count(*) FROM waitlist_entry
        WHERE launch_id = {launch} AND priority = {priority} AND status IN ('waiting', 'approved') AND held_at IS NULL
          AND place >= ({place} >> 8) << 8 AND place < {place})"""
_TOTAL = "coalesce((SELECT sum(n) FROM waitlist_queuecount WHERE launch_id = {launch} AND level = 3), 0)"
# What the deltas add to both, in one scan, and how many they are.
_DELTAS = """(
    SELECT coalesce(sum(n) FILTER (WHERE priority > {priority} OR (priority = {priority} AND block < {place} >> 8)), 0) AS ahead,
           coalesce(sum(n), 0) AS total, count(*) AS deltas
    FROM waitlist_queuedelta WHERE launch_id = {launch}) AS unfolded"""

_ASKED = {"launch": "%(launch)s", "priority": "%(priority)s", "place": "%(place)s::bigint"}
_LAST = _ASKED | {"priority": "-1", "place": "0"}
AHEAD = f"SELECT {_AHEAD.format(**_ASKED)} + ahead AS ahead, deltas FROM {_DELTAS.format(**_ASKED)}"  # noqa: S608
TOTAL = f"SELECT {_TOTAL.format(**_LAST)} + total AS total, deltas FROM {_DELTAS.format(**_LAST)}"  # noqa: S608
# Both, and the state, for one entry in one round trip: what the answer to a join says.
_OWN = {"launch": "entry.launch_id", "priority": "entry.priority", "place": "entry.place"}
STANDING = f"""
SELECT status, CASE WHEN status IN ('waiting', 'approved') THEN (1 + {_AHEAD.format(**_OWN)} + ahead)::bigint END AS position,
       ({_TOTAL.format(**_OWN)} + total)::bigint AS total, deltas
FROM waitlist_entry AS entry CROSS JOIN LATERAL {_DELTAS.format(**_OWN)} WHERE id = %(entry)s
"""  # noqa: S608

# The position of each of a page of people in one round trip.
POSITIONS = f"""
SELECT id, (1 + {_AHEAD.format(**_OWN)} + ahead)::bigint AS position
FROM waitlist_entry AS entry CROSS JOIN LATERAL {_DELTAS.format(**_OWN)}
WHERE id = ANY(%(ids)s::bigint[]) AND status IN ('waiting', 'approved')
"""  # noqa: S608
FOLD = """
WITH gone AS (
    DELETE FROM waitlist_queuedelta RETURNING launch_id, priority, block, n
), level AS (
    SELECT launch_id, 0 AS level, priority, block, n FROM gone
    UNION ALL SELECT launch_id, 1, priority, block >> 6, n FROM gone
    UNION ALL SELECT launch_id, 2, priority, block >> 12, n FROM gone
    UNION ALL SELECT launch_id, 3, priority, 0, n FROM gone
), summed AS (
    SELECT launch_id, level, priority, block, sum(n) AS n FROM level GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0
), folded AS (
    INSERT INTO waitlist_queuecount AS kept (launch_id, level, priority, block, n)
    SELECT launch_id, level, priority, block, n FROM summed
    ON CONFLICT (launch_id, level, priority, block) DO UPDATE SET n = kept.n + excluded.n
)
SELECT count(*) AS deltas FROM gone
"""

REBUILD = """
WITH counted AS (
    SELECT launch_id, priority, place >> 8 AS block, count(*) AS n FROM waitlist_entry
    WHERE status IN ('waiting', 'approved') AND held_at IS NULL GROUP BY 1, 2, 3
), level AS (
    SELECT launch_id, 0 AS level, priority, block, n FROM counted
    UNION ALL SELECT launch_id, 1, priority, block >> 6, n FROM counted
    UNION ALL SELECT launch_id, 2, priority, block >> 12, n FROM counted
    UNION ALL SELECT launch_id, 3, priority, 0, n FROM counted
)
INSERT INTO waitlist_queuecount (launch_id, level, priority, block, n)
SELECT launch_id, level, priority, block, sum(n) FROM level GROUP BY 1, 2, 3, 4
"""


def ahead(launch_id: int, priority: int, place: int) -> int:
    """How many counted people stand before this priority and place, exactly, now."""
    return int(_look(AHEAD, {"launch": launch_id, "priority": priority, "place": place}).ahead)


def total(launch_id: int) -> int:
    """How many people wait: confirmed and not held."""
    return int(_look(TOTAL, {"launch": launch_id}).total)


def standing(entry_id: int) -> Any:
    """(status, position, total) of one entry and its queue, exactly, now; the position is None for who does not wait."""
    return _look(STANDING, {"entry": entry_id})


def positions(ids: Sequence[int]) -> dict[int, int]:
    """The position of each of these people who waits, exactly, now."""
    return {row.id: row.position for row in sql.rows(POSITIONS, {"ids": list(ids)})}


def _look(statement: str, asked: dict[str, int]) -> Any:
    """The answer; should the relay be gone, whoever finds too many deltas folds them for all."""
    found = sql.one(statement, asked)
    if found.deltas > FOLD_INLINE_AT and not connection.in_atomic_block:
        logger.warning("%s changes of the queue were not folded yet; is the relay running?", found.deltas)
        fold()
    return found


@transaction.atomic
def fold() -> int:
    """Moves the deltas into the counters; how many. Does nothing while another session folds."""
    if not sql.one("SELECT pg_try_advisory_xact_lock(%(lock)s) AS mine", {"lock": FOLD_LOCK}).mine:
        return 0
    return int(sql.one(FOLD).deltas)


def fold_and_sweep() -> None:
    """What the relay does twice a second: fold, and after every few thousand deltas clear away what folding left behind.

    Look-ups read the whole table of deltas; unswept, a busy minute would make each of them several times slower. Empty
    pages are given back at a quiet moment only: that takes an exclusive lock, for which VACUUM would wait up to five
    seconds while people join, and nothing would be folded.
    """
    folded = fold()
    swept["folded"] += folded
    if (swept["folded"] >= SWEEP_AFTER or (swept["kept_pages"] and not folded)) and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM (TRUNCATE {not folded}) waitlist_queuedelta")  # a millisecond
        swept["folded"], swept["kept_pages"] = 0, folded


def unfolded() -> int:
    """How many deltas wait to be folded."""
    return int(sql.one("SELECT count(*) AS n FROM waitlist_queuedelta").n)


@transaction.atomic
def rebuild() -> int:
    """Makes the counters anew from the entries (1.3 s a million), with joins waiting meanwhile; how many counters."""
    for statement in _rebuilding():
        sql.rows(statement)
    return int(sql.one("SELECT count(*) AS n FROM waitlist_queuecount").n)


def _rebuilding() -> Sequence[str]:
    return (
        f"SELECT pg_advisory_xact_lock({FOLD_LOCK})",
        "LOCK TABLE waitlist_entry IN SHARE MODE",  # triggers write their deltas in the same transaction as the entry
        "DELETE FROM waitlist_queuedelta",
        "DELETE FROM waitlist_queuecount",
        REBUILD,
    )
