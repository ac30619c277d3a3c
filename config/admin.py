"""The console's name and its door, and what of other people's apps it does not show: their rows are changed by our verbs alone."""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import APIKey

from config.console_door import to_change_password, to_log_in

admin.site.site_header = "Vestibule"
admin.site.site_title = "Vestibule"
admin.site.index_title = _("Console")
admin.site.login = to_log_in  # type: ignore[method-assign]
admin.site.password_change = to_change_password  # type: ignore[method-assign, assignment]

# The library's own keys have no scopes and open nothing here. What allauth keeps (proven addresses, single sign-ons, second
# factors and sessions) decides who may log in as whom: it changes as people log in, never by hand in the console.
THEIRS = (
    Authenticator,
    EmailAddress,
    EmailConfirmation,
    SocialAccount,
    SocialApp,
    SocialToken,
    UserSession,
    APIKey,
    Group,
)
for model in THEIRS:
    if admin.site.is_registered(model):
        admin.site.unregister(model)
