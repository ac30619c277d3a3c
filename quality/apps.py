"""Whether somebody is real, and whether more people may be let in now: two questions, answered by named rules."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class QualityConfig(AppConfig):
    name = "quality"

    def ready(self) -> None:
        autodiscover_modules(
            "signals", "receivers", "messages", "question", "handlers", "metrics", "tallies", "watches"
        )
