"""The install's own routes, and behind the same gate those of allauth's dummy provider: a single sign-on for tests."""

from allauth.socialaccount.providers.dummy import urls as dummy
from django.urls import include, path

from config import urls
from invites.guard import behind_gate

handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
urlpatterns = [path("accounts/", include(behind_gate(dummy.urlpatterns))), *urls.urlpatterns]
