"""Who may come in: users (staff, and members who signed up here) and API keys."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
