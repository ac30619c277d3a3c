"""The console's own pages beside those of the admin's rows: each shows several apps at once."""

from django.contrib import admin
from django.urls import URLPattern, path

from config import dashboard
from quality.views import trial

page = admin.site.admin_view  # for staff alone, with a log-in first

urlpatterns: list[URLPattern] = [
    path("", page(dashboard.board), name="dashboard"),
    path("quota/<int:launch_id>/", page(dashboard.quota), name="quota"),
    path("waitlist/launch/<int:launch_id>/trial/", page(trial), name="launch-trial"),
]
