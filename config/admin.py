"""The console's name, and what of other people's apps it does not show: their rows are changed by our verbs alone."""

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

admin.site.site_header = "Vestibule"
admin.site.site_title = "Vestibule"
admin.site.index_title = _("Console")

for model in (Authenticator, EmailAddress, EmailConfirmation, SocialAccount, SocialApp, SocialToken, Group):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
