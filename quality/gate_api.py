"""The door of the gates: evaluate them now and say how they stand."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from outbox.doors import Door
from outbox.replies import Answer
from quality.actions import gating, readings
from quality.queries import gating as queries
from waitlist.inputs import OfLaunch


class EvaluateGate(Door):
    """Evaluates the launch's gates now: whether people may be invited, and everything that stands in the way."""

    callers = frozenset({"key:gate:write"})
    limit = "quality"
    Input = OfLaunch

    @property
    def sent(self) -> Any:
        """The body. Nothing has to stand in it, so it may be missing, and the launch be named in the query alone."""
        return self.request.data or self.request.query_params

    class Output(serializers.Serializer[Any]):
        class Warned(serializers.Serializer[Any]):
            """What stands in the way, or should be known."""

            code = serializers.CharField()
            detail = serializers.CharField()
            since = serializers.DateTimeField()

        invites_allowed = serializers.BooleanField()
        trust_score = serializers.FloatField(allow_null=True)
        metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
        alerts = Warned(many=True)

    def post(self, request: Request) -> Answer:
        launch, now = self.input["launch"].launch, timezone.now()
        readings.measure(launch, by=self.actor)
        gating.decide(launch, by=self.actor, now=timezone.now())
        metrics = queries.values_now(launch.pk)
        return Answer(
            {
                "invites_allowed": queries.standing(launch.pk, now).invites_open,
                "trust_score": metrics.get("trust_score"),
                "metrics": metrics,
                "alerts": queries.warnings(launch, now),
            }
        )
