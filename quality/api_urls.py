"""The routes of the doors of quality."""

from django.urls import path

from quality import gate_api

urlpatterns = [
    path("evaluate-gate", gate_api.EvaluateGate.as_view(), name="quality-evaluate-gate"),
]
