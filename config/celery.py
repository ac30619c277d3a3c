"""The Celery app and the one list of scheduled jobs. Beat only pokes: what may happen is decided by rows."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("vestibule")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
