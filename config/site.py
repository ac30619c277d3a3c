"""The console's site: the theme's, made once. The theme's own app makes a new and empty one whenever apps are loaded anew."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default = False
    default_site = "unfold.sites.UnfoldAdminSite"
