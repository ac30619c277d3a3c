"""Who brought whom, and what it earns."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ReferralsConfig(AppConfig):
    name = "referrals"

    def ready(self) -> None:
        autodiscover_modules("receivers", "messages", "handlers", "metrics", "tallies")
