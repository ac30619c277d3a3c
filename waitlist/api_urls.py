"""The routes of the queue's doors."""

from django.urls import path

from waitlist import api

urlpatterns = [
    path("join", api.Join.as_view(), name="waitlist-join"),
    path("resend", api.Resend.as_view(), name="waitlist-resend"),
    path("stats", api.Stats.as_view(), name="waitlist-stats"),
]
