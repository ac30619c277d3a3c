"""The Celery app and the one list of scheduled jobs. Beat only pokes: what may happen is decided by rows."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("vestibule")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Every time is UTC. A poke that nobody took before the next one expires, so that pokes never pile up.
app.conf.beat_schedule = {
    "deliver what is owed, should the relay have died": {
        "task": "outbox.tasks.deliver",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "let the gates that are on decide": {
        "task": "quality.decide",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "invite the next of every launch whose hour it is": {
        "task": "invites.daily",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "tell of invites and codes whose time ran out": {
        "task": "invites.lapse",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "count what became of campaigns and channels": {
        "task": "invites.count_campaigns",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "take back what was tightened for a time that is over": {
        "task": "waitlist.end_turns",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "look for what a person should see": {
        "task": "quality.watch",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "measure every open launch": {
        "task": "quality.measure",
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 600},
    },
    "count what the console shows, as far as it is due": {
        "task": "quality.tally",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "delete readings kept long enough": {
        "task": "quality.purge_readings",
        "schedule": crontab(hour=3, minute=50),
    },
    "ask members the launch's one question": {
        "task": "quality.ask",
        "schedule": crontab(hour=10, minute=10),
    },
    "delete networks and browsers kept long enough": {
        "task": "waitlist.purge_traces",
        "schedule": crontab(hour=3, minute=20),
    },
    "delete files that staff brought a day ago": {
        "task": "waitlist.purge_uploads",
        "schedule": crontab(minute=35),
    },
    "delete what the doors refused kept long enough": {
        "task": "quality.purge_refusals",
        "schedule": crontab(hour=3, minute=30),
    },
    "delete deliveries and replies kept long enough": {
        "task": "outbox.tasks.purge",
        "schedule": crontab(hour=3, minute=40),
    },
}
