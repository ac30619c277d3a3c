"""The console's own pages beside those of the admin's rows: each shows several apps at once."""

from django.contrib import admin
from django.urls import URLPattern, path

from config import leaks
from quality.views import trial

page = admin.site.admin_view  # for staff alone, with a log-in first

urlpatterns: list[URLPattern] = [
    path("waitlist/launch/<int:launch_id>/trial/", page(trial), name="launch-trial"),
    path("leaks/", page(leaks.board), name="leaks"),
    path("leaks/<int:pk>/", page(leaks.leak), name="leak"),
]
