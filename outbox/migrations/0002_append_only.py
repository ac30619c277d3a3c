"""The trail is append-only, and the queue of deliveries is vacuumed as a queue needs it."""

from django.db import migrations, models

# ALWAYS: also for a session that replays another server's changes. Two triggers, so that a test suite, which owns the
# table and empties it between tests, can put the second one aside and keep the first.
TRAIL = """
CREATE FUNCTION outbox_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The trail of events is append-only: % on outbox_event is refused.', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Write another event that tells what is right.';
END $$;
CREATE TRIGGER outbox_event_unaltered BEFORE UPDATE OR DELETE ON outbox_event
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_event_append_only();
CREATE TRIGGER outbox_event_kept BEFORE TRUNCATE ON outbox_event
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_event_append_only();
ALTER TABLE outbox_event ENABLE ALWAYS TRIGGER outbox_event_unaltered;
ALTER TABLE outbox_event ENABLE ALWAYS TRIGGER outbox_event_kept;
"""
UNDO_TRAIL = """
DROP TRIGGER outbox_event_kept ON outbox_event;
DROP TRIGGER outbox_event_unaltered ON outbox_event;
DROP FUNCTION outbox_event_append_only;
"""

# Each row is changed twice and then stays: half of each page is room for leases, which then touch no index; and a vacuum
# comes after some thousand changes rather than after a fifth of a table that is kept for a month.
QUEUE = """
ALTER TABLE outbox_delivery SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 1000);
"""
UNDO_QUEUE = """
ALTER TABLE outbox_delivery RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_analyze_scale_factor, autovacuum_analyze_threshold);
"""


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [
        migrations.RunSQL(TRAIL, UNDO_TRAIL),
        migrations.RunSQL(QUEUE, UNDO_QUEUE),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("leased_until__isnull", True), ("status", "owed"), _connector="OR"),
                name="only_what_is_owed_is_leased",
            ),
        ),
    ]
