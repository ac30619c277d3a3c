"""Who is let in: batches, invites, codes, redemptions, and the gate at sign-up."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class InvitesConfig(AppConfig):
    name = "invites"

    def ready(self) -> None:
        autodiscover_modules("receivers", "messages", "metrics", "tallies", "watches")
