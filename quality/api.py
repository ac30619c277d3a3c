"""The doors of quality: what the product reports, and the trust score."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from outbox.doors import Door
from outbox.replies import Answer
from quality.actions import activities
from quality.models import Activity
from quality.queries import readings as queries
from quality.reports import REJECTIONS
from waitlist.inputs import OfLaunch

MOST_EVENTS = 500


class Told(serializers.Serializer[Any]):
    """One event. Described here and read in quality/reports.py: an event that does not fit is turned away alone."""

    id = serializers.CharField(max_length=200, help_text="your own id of the event: told twice, it counts once")
    user_id = serializers.CharField(required=False, help_text="your id of the person, else our member id")
    email = serializers.CharField(required=False, help_text="read where there is no user_id")
    kind = serializers.ChoiceField(choices=Activity.Kind.choices)
    at = serializers.DateTimeField(help_text="when it happened, with an offset; late is welcome")
    feature = serializers.CharField(required=False, max_length=100)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """The event as it came."""
        return data


class Rejected(serializers.Serializer[Any]):
    """An event that was turned away."""

    id = serializers.CharField(allow_null=True)
    code = serializers.ChoiceField(choices=list(REJECTIONS))


class Events(Door):
    """Hears what members do in your product: the source of most metrics. Each event counts once, whatever is sent again."""

    callers = frozenset({"key:events:write"})
    limit = "keyed"
    success = (202,)

    class Input(OfLaunch):
        events = serializers.ListField(child=Told(), max_length=MOST_EVENTS)

    class Output(serializers.Serializer[Any]):
        accepted = serializers.IntegerField()
        duplicates = serializers.IntegerField()
        rejected = Rejected(many=True)

    def post(self, request: Request) -> Answer:
        heard = activities.hear(self.input["launch"].launch, self.input["events"], timezone.now(), by=self.actor)
        body = {"accepted": heard.accepted, "duplicates": heard.duplicates, "rejected": heard.rejected}
        return Answer(body, status=202)


class TrustScore(Door):
    """How the newest members fare, as last measured; null where too little is known."""

    callers = frozenset({"key:gate:read"})
    limit = "keyed"
    Input = OfLaunch

    class Output(serializers.Serializer[Any]):
        trust_score = serializers.FloatField(allow_null=True)
        churn_rate = serializers.FloatField(allow_null=True)
        fraud_rate = serializers.FloatField(allow_null=True)
        engagement_rate = serializers.FloatField(allow_null=True)
        invites_paused = serializers.BooleanField()
        health_status = serializers.ChoiceField(choices=["healthy", "unhealthy", "unknown"])
        measured_at = serializers.DateTimeField(allow_null=True)
        sample = serializers.IntegerField()

    def get(self, request: Request) -> Answer:
        return Answer(queries.standing(self.input["launch"].launch, timezone.now()))
