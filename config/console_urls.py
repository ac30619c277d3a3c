"""The console's own pages beside those of the admin's rows: each shows several apps at once."""

from django.contrib import admin
from django.urls import URLPattern, path

from config.launch_pages import tighten, widen
from quality.views import trial

page = admin.site.admin_view  # for staff alone, with a log-in first

urlpatterns: list[URLPattern] = [
    path("waitlist/launch/<int:launch_id>/trial/", page(trial), name="launch-trial"),
    path("waitlist/launch/<int:launch_id>/tighten/", page(tighten), name="launch-tighten"),
    path("waitlist/launch/<int:launch_id>/widen/", page(widen), name="launch-widen"),
]
