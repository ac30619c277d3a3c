"""The same in JSON, for apps and single-page sites, every route behind the gate."""

from allauth.headless import urls

from invites.guard import behind_gate

app_name = "headless"
urlpatterns = behind_gate(urls.urlpatterns)
