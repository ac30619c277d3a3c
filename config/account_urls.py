"""The pages of allauth, every one of them behind the gate."""

from allauth import urls
from django.urls import path

from accounts.views import sessions
from invites.guard import behind_gate

# Ours ends one session, too; allauth's page of that name only all others.
urlpatterns = behind_gate([path("sessions/", sessions, name="usersessions_list"), *urls.urlpatterns])
