"""The lowest app: what must leave the database, and the trail of what happened. It knows no domain word."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OutboxConfig(AppConfig):
    name = "outbox"

    def ready(self) -> None:
        autodiscover_modules("receivers", "handlers", "webhooks", "jobs")
