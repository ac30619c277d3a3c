"""The routes of the doors of codes and invites."""

from django.urls import path

from invites import api

urlpatterns = [
    path("generate", api.Generate.as_view(), name="invites-generate"),
    path("redeem", api.Redeem.as_view(), name="invites-redeem"),
    path("hold", api.Hold.as_view(), name="invites-hold"),
    path("holds/<uuid:hold_id>/commit", api.Commit.as_view(), name="invites-commit"),
    path("holds/<uuid:hold_id>/release", api.GiveBack.as_view(), name="invites-give-back"),
    path("status", api.Status.as_view(), name="invites-status"),
    path("revoke", api.Revoke.as_view(), name="invites-revoke"),
    path("pause", api.Pause.as_view(), name="invites-pause"),
    path("resume", api.Resume.as_view(), name="invites-resume"),
    path("extend", api.Extend.as_view(), name="invites-extend"),
    path("<str:code>/status", api.StatusByPath.as_view(), name="invites-status-by-path"),
]
