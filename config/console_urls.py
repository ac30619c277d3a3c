"""The console's own pages beside those of the admin's rows: each shows several apps at once."""

from django.contrib import admin
from django.urls import URLPattern, path

from config.imports import import_page, look_page
from quality.views import trial

page = admin.site.admin_view  # for staff alone, with a log-in first

urlpatterns: list[URLPattern] = [
    path("import/<int:pk>/", page(look_page), name="import-look"),
    path("import/<slug:name>/", page(import_page), name="import"),
    path("waitlist/launch/<int:launch_id>/trial/", page(trial), name="launch-trial"),
]
