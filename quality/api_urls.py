"""The routes of the doors of quality."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
