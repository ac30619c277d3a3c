"""The console's own pages beside those of the admin's rows: each shows several apps at once."""

from django.contrib import admin
from django.urls import URLPattern, path

from config import bars, dashboard, leaks, review
from config.finding import find
from config.imports import import_page, look_page
from config.launch_pages import tighten, widen
from config.person import page as person
from invites.admin import campaigns
from quality.views import trial

page = admin.site.admin_view  # for staff alone, with a log-in first

urlpatterns: list[URLPattern] = [
    path("import/<int:pk>/", page(look_page), name="import-look"),
    path("import/<slug:name>/", page(import_page), name="import"),
    path("", page(dashboard.board), name="dashboard"),
    path("quota/<int:launch_id>/", page(dashboard.quota), name="quota"),
    path("waitlist/launch/<int:launch_id>/trial/", page(trial), name="launch-trial"),
    path("find/", page(find), name="find"),
    # Before the admin's own page of an entry, in its place and under its name.
    path("waitlist/entry/<int:pk>/change/", page(person.person), name="person"),
    path("waitlist/entry/<int:pk>/erase/", page(person.erase), name="person-erase"),
    path("waitlist/entry/<int:pk>/takeout/", page(person.take_out), name="person-takeout"),
    path("review/", page(review.queue), name="review"),
    path("review/places/", page(bars.places), name="bars"),
    path("review/places/<int:bar_id>/", page(bars.place), name="bar"),
    *campaigns.routes(page),
    path("waitlist/launch/<int:launch_id>/tighten/", page(tighten), name="launch-tighten"),
    path("waitlist/launch/<int:launch_id>/widen/", page(widen), name="launch-widen"),
    path("leaks/", page(leaks.board), name="leaks"),
    path("leaks/<int:pk>/", page(leaks.leak), name="leak"),
]
