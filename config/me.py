"""The person's page, composed from every app's part: the API of it, and the dict that the page shows."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from invites import queries as invites
from invites.api import CodeShown
from outbox.doors import Door
from outbox.replies import Answer
from referrals import queries as referrals
from waitlist import queries, tokens
from waitlist.actions import confirming, deciding
from waitlist.api import LINKS, WaitDays, links, state_shown, waiting_fields
from waitlist.inputs import Text, WithContact
from waitlist.models import Entry

SECRET = (*LINKS, "invite", "codes")


def me(entry: Entry) -> dict[str, Any]:
    """Everything the person may know about where they stand."""
    launch = entry.launch
    lines = queries.points_of(entry)
    return {
        "state": state_shown(entry),
        "total_waiting": queries.total_waiting(launch),
        **waiting_fields(launch, queries.position_of(entry)),
        "points": [{"points": line.points, "reason": line.reason, "at": line.at} for line in lines],
        "priority": entry.priority,
        **links(entry),
        "referred": referrals.referred_counts(entry),
        "invite": invites.invite_shown(entry),
        "codes": invites.codes_of(entry),
        "rewards": referrals.rewards_of(entry),
        "deferred_until": entry.deferred_until,
    }


def entry_now(pk: int) -> Entry:
    """The entry as it stands, with its launch."""
    return Entry.objects.select_related("launch").get(pk=pk)


class MeOutput(serializers.Serializer[Any]):
    """Where the person stands."""

    state = serializers.CharField()
    position = serializers.IntegerField(allow_null=True)
    total_waiting = serializers.IntegerField()
    estimated_wait = serializers.CharField(allow_null=True)
    estimated_wait_days = WaitDays(allow_null=True)
    points = serializers.ListField(child=serializers.DictField())
    priority = serializers.IntegerField()
    referral_code = serializers.CharField()
    referral_link = serializers.CharField()
    status_url = serializers.CharField()
    referred = serializers.DictField(child=serializers.IntegerField())
    invite = serializers.DictField(allow_null=True)
    codes = CodeShown(many=True)
    rewards = serializers.ListField(child=serializers.DictField())
    deferred_until = serializers.DateTimeField(allow_null=True)


class PersonDoor(Door):
    """What the doors of one person share: their answer is the person's page."""

    Output = MeOutput

    def page(self, entry_id: int) -> Answer:
        ids = {"entry": entry_id}
        return Answer(me(entry_now(entry_id)), secret=SECRET, ids=ids)

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        shown = me(entry_now(ids["entry"]))
        return {name: shown[name] for name in SECRET}


class Me(PersonDoor):
    """Where I stand, and why."""

    callers = frozenset({"person"})
    limit = "me"

    def get(self, request: Request) -> Answer:
        return self.page(self.caller.row.pk)


class Confirm(PersonDoor):
    """Confirms an address: with the token of the private link, or with the 6 digits of the message."""

    callers = frozenset({"public", "person", "key:waitlist:write"})
    limit = "confirm"

    class Input(WithContact):
        email = Text(required=False, max_length=320)
        token = Text(required=False, max_length=500)
        code = Text(required=False, max_length=20)

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            if attrs.get("token"):
                return attrs
            if not attrs.get("code"):
                raise serializers.ValidationError(
                    {"token": ["Give the token of the link, or an address with its code."]}
                )
            return super().validate(attrs)

    def post(self, request: Request) -> Answer:
        if self.input.get("token"):
            return self.page(self.by_token(self.input["token"]))
        launch = self.input["launch"].launch
        entry = confirming.confirm_by_code(
            launch, self.input["contact"], self.input["code"], by=self.actor, origin=self.origin
        )
        return self.page(entry.pk)

    def by_token(self, token: str) -> int:
        entry = tokens.entry_of(token)
        if entry is None:
            raise ValidationError({"token": ["This link is not ours or no longer works; ask for a new one."]})
        confirming.confirm(entry.pk, by=f"person:{entry.pk}", origin=self.origin)
        return entry.pk


class StateOutput(serializers.Serializer[Any]):
    """The state after the verb."""

    status = serializers.CharField()
    state = serializers.CharField()


class Leave(Door):
    """I do not want to wait any more."""

    callers = frozenset({"person"})
    limit = "act"
    Output = StateOutput

    def post(self, request: Request) -> Answer:
        entry = self.caller.row
        if entry.status != Entry.Status.LEFT:  # leaving twice is leaving once
            deciding.leave(entry, by=self.actor)
        return Answer({"status": "success", "state": state_shown(entry_now(entry.pk))})


class Defer(Door):
    """Pass me over until then; I keep my place."""

    callers = frozenset({"person"})
    limit = "act"
    Output = StateOutput

    class Input(serializers.Serializer[Any]):
        until = serializers.DateTimeField()

    def post(self, request: Request) -> Answer:
        entry = self.caller.row
        deciding.defer(entry, self.input["until"], by=self.actor)
        return Answer({"status": "success", "state": state_shown(entry_now(entry.pk))})
