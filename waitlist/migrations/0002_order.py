"""The sequence of places, and the triggers that keep the counters of the queue."""

from django.db import migrations

from waitlist.ranking import TRIGGERS, UNDO_TRIGGERS


class Migration(migrations.Migration):
    dependencies = [("waitlist", "0001_initial")]
    operations = [migrations.RunSQL(TRIGGERS, UNDO_TRIGGERS)]
