"""What the composition hears of Django: the database was migrated."""

from typing import Any

from django.db.models.signals import post_migrate
from django.dispatch import receiver

from config.roles import make_groups

LAST = "outbox"  # of INSTALLED_APPS


@receiver(post_migrate, dispatch_uid="config.roles")
def on_migrated(sender: Any, **_more: Any) -> None:
    """The last of our apps has its permissions now: the roles are made."""
    if sender.name == LAST:
        make_groups()
