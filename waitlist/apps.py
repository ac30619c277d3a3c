"""The queue: launches, the people who wait, their points and their order."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class WaitlistConfig(AppConfig):
    name = "waitlist"

    def ready(self) -> None:
        autodiscover_modules("receivers", "messages", "handlers")
