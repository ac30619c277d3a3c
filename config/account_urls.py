"""The pages of allauth, every one of them behind the gate."""

from allauth import urls

from invites.guard import behind_gate

urlpatterns = behind_gate(urls.urlpatterns)
