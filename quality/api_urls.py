"""The routes of the doors of quality."""

from django.urls import path

from quality import api, gate_api

urlpatterns = [
    path("events", api.Events.as_view(), name="quality-events"),
    path("trust-score", api.TrustScore.as_view(), name="quality-trust-score"),
    path("evaluate-gate", gate_api.EvaluateGate.as_view(), name="quality-evaluate-gate"),
]
