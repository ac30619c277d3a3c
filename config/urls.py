"""Every route: public pages, the doors of the API, health, and the console."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from config import docs, health, me, problems
from invites.api import ValidateToken

handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.not_found
handler500 = problems.server_error

waitlist_doors: list[URLPattern | URLResolver] = [
    path("", include("waitlist.api_urls")),
    path("confirm", me.Confirm.as_view(), name="waitlist-confirm"),
    path("me", me.Me.as_view(), name="waitlist-me"),
    path("leave", me.Leave.as_view(), name="waitlist-leave"),
    path("defer", me.Defer.as_view(), name="waitlist-defer"),
    path("validate-token", ValidateToken.as_view(), name="waitlist-validate-token"),
]

# Routes are tried one by one: the busiest come first.
urlpatterns = [
    path("api/waitlist/", include(waitlist_doors)),
    path("api/invites/", include("invites.api_urls")),
    path("api/referrals/", include("referrals.urls")),
    path("api/quality/", include("quality.api_urls")),
    path("", include("config.page_urls")),
    path("", include("outbox.urls")),
    path("", include("invites.urls")),
    path("accounts/", include("config.account_urls")),
    path("_allauth/", include("config.headless_urls")),
    path("", include(health.urlpatterns)),
    path("api/schema", docs.SchemaView.as_view(), name="schema"),
    path("api/docs", docs.DocsView.as_view(), name="api-docs"),
    path("i18n/setlang/", set_language, name="set_language"),
    path("admin/", include("config.console_urls")),
    path("admin/", admin.site.urls),
    # Last: what is not there is said as JSON to programs, with DEBUG on too.
    path("api/<path:rest>", csrf_exempt(problems.not_found)),
]
