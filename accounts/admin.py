"""Users and API keys in the console. A key is made and revoked by its verbs; its secret is shown once."""

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import APIKey as UnscopedKey

from accounts.actions import create_api_key, revoke_api_key
from accounts.models import ApiKey, User
from accounts.scopes import SCOPES
from outbox.console import Page
from outbox.reasons import with_reason

# The library's own keys have no scopes and open nothing here. What allauth keeps (proven addresses, single sign-ons and
# their secrets) decides who may log in as whom: it changes as people log in, never by hand in the console.
for unverbed in (UnscopedKey, EmailAddress, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(unverbed):
        admin.site.unregister(unverbed)


class KeyForm(forms.ModelForm):
    """Name, scopes and expiry of a new key."""

    scopes = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {sentence}") for name, sentence in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "expiry_date"]


def revoke(ids: Sequence[int], reason: str, *, by: str) -> int:
    """They open nothing from now on; how many still did."""
    return sum(revoke_api_key(key, reason=reason, by=by) for key in ApiKey.objects.filter(pk__in=ids).order_by("pk"))


@admin.register(ApiKey)
class ApiKeyAdmin(Page):
    """Keys can be made and revoked; a made key cannot be altered, since programs rely on what it may do."""

    form = KeyForm
    list_display = ["name", "prefix", "scopes", "revoked", "expiry_date", "last_used_at", "created"]
    search_fields = ["name", "prefix"]
    actions = (with_reason(_("Revoke the chosen keys"), revoke, "accounts.revoke_apikey"),)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A list to look at."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Revoked, not deleted: the trail names keys."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Makes the key by its verb and shows the secret, this once."""
        row, secret = create_api_key(obj.name, obj.scopes, by=f"staff:{request.user.pk}", expires_at=obj.expiry_date)
        obj.pk, obj.prefix = row.pk, row.prefix
        messages.warning(request, _("Copy this key now, it is not shown again: %(key)s") % {"key": secret})


@admin.register(User)
class UserAdmin(Page):
    """Users to look at: they come in by a code or by `manage.py create_staff`, never by this form."""

    list_display = ["email", "name", "is_staff", "is_active", "admitted_by", "date_joined"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name"]
    fields = [
        "email",
        "name",
        "admitted_by",
        "is_staff",
        "is_superuser",
        "is_active",
        "groups",
        "last_login",
        "date_joined",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody is made here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nothing to alter here yet."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Erasure is a verb of its own."""
        return False
