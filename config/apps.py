"""Loads what composes the other apps: the Celery app that their tasks belong to, and the checks of this install."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from config import celery, checks

__all__ = ["celery", "checks"]


class VestibuleConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        autodiscover_modules("receivers")
