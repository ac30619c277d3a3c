"""The ledger of what referrers were given and what was taken back, append-only; why a referral was voided."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


# As the trail: a statement that would alter or delete a line is refused. TRUNCATE is left to who owns the table.
LEDGER = """
CREATE FUNCTION referrals_ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is append-only: % on referrals_ledgerline is refused.', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Write another line that sets it right.';
END $$;
CREATE TRIGGER referrals_ledger_unaltered BEFORE UPDATE OR DELETE ON referrals_ledgerline
    FOR EACH STATEMENT EXECUTE FUNCTION referrals_ledger_append_only();
ALTER TABLE referrals_ledgerline ENABLE ALWAYS TRIGGER referrals_ledger_unaltered;
"""
UNDO_LEDGER = """
DROP TRIGGER referrals_ledger_unaltered ON referrals_ledgerline;
DROP FUNCTION referrals_ledger_append_only;
"""

# What stood before there was a ledger opens it. What was taken back before then is in the trail alone.
OPENING = """
INSERT INTO referrals_ledgerline (referrer_id, friend_id, kind, amount, reason, by, at)
SELECT entry_id, key::bigint, 'points', points, 'friend confirmed', 'system', at FROM waitlist_points
WHERE rule = 'friend_confirmed' AND key ~ '^[0-9]+$' AND points <> 0 ORDER BY id;
INSERT INTO referrals_ledgerline (referrer_id, reward_id, kind, amount, reason, by, at)
SELECT referrer_id, id, kind, CASE kind WHEN 'tier' THEN 1 ELSE amount END, reason, 'system', coalesce(granted_at, created_at)
FROM referrals_reward WHERE status = 'granted' AND amount > 0 ORDER BY id;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('referrals', '0001_initial'),
        ('waitlist', '0004_origin_and_trial'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.TextField(choices=[('codes', 'codes'), ('points', 'points'), ('tier', 'tier')])),
                ('amount', models.SmallIntegerField()),
                ('reason', models.TextField()),
                ('by', models.TextField()),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name='referral',
            name='void_for_good',
            field=models.BooleanField(db_default=False, default=False, help_text='Staff said that it counts no more: whatever the friend does later makes no new one.'),
        ),
        migrations.AddField(
            model_name='referral',
            name='void_reason',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='reward',
            name='may_return',
            field=models.BooleanField(db_default=False, default=False, help_text='Taken back because friends were voided; returns with the count.'),
        ),
        migrations.AddField(
            model_name='reward',
            name='tier_before',
            field=models.TextField(blank=True, db_default='', default='', help_text='To which a tier goes back.'),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.CheckConstraint(condition=models.Q(('void_for_good', False), ('status', 'voided'), _connector='OR'), name='only_the_voided_are_void_for_good'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('may_return', False), ('status', 'clawed_back'), _connector='OR'), name='only_what_was_taken_back_may_return'),
        ),
        migrations.AddField(
            model_name='ledgerline',
            name='friend',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='waitlist.entry'),
        ),
        migrations.AddField(
            model_name='ledgerline',
            name='referrer',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='ledger', to='waitlist.entry'),
        ),
        migrations.AddField(
            model_name='ledgerline',
            name='reward',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='ledger', to='referrals.reward'),
        ),
        migrations.AddIndex(
            model_name='ledgerline',
            index=models.Index(fields=['referrer', 'id'], name='ledger_referrer'),
        ),
        migrations.AddIndex(
            model_name='ledgerline',
            index=models.Index(condition=models.Q(('reward__isnull', False)), fields=['reward'], name='ledger_reward'),
        ),
        migrations.AddConstraint(
            model_name='ledgerline',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='a_ledger_line_says_something'),
        ),
        migrations.AddConstraint(
            model_name='ledgerline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('friend__isnull', True), ('reward__isnull', False)), models.Q(('friend__isnull', False), ('reward__isnull', True)), _connector='OR'), name='a_ledger_line_is_about_a_friend_or_a_reward'),
        ),
        migrations.RunSQL(OPENING, migrations.RunSQL.noop),
        migrations.RunSQL(LEDGER, UNDO_LEDGER),
    ]
