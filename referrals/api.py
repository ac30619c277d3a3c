"""The doors of referrals: earn, share, quality. A person acts for themselves; a key for whom it names."""

from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request

from outbox.doors import Door
from outbox.replies import Answer
from referrals import actions, queries
from waitlist.channels import Contact
from waitlist.inputs import OfLaunch, Text, contact_in
from waitlist.models import Entry
from waitlist.queries import entry_with


class MemberDoor(Door):
    """A door that speaks about one member, who is named by an address."""

    def member(self, field: str, address: str) -> Entry | None:
        """The person who calls, or whom a key names; None when nobody on the launch has that address.

        A person who names any other address is refused before anything is looked up.
        """
        named = contact_in("email", address) if address else None
        if self.caller.kind == "person":
            own: Entry = self.caller.row
            if named and (named.kind, named.canonical) != (own.contact_kind, own.canonical):
                raise PermissionDenied
            return own
        if named is None:
            raise ValidationError({field: [gettext("Name the member by their address.")]})
        return entry_with(self.input["launch"].launch, named)


class Earn(MemberDoor):
    """Grants what is due now. Workers do so by themselves within a moment; this runs the same verb."""

    callers = frozenset({"person", "key:referrals:write"})
    limit = "earn"

    class Input(OfLaunch):
        user_email = Text(required=False, max_length=320, help_text="The member; a person may leave it out.")

    class Output(serializers.Serializer[Any]):
        earned = serializers.BooleanField(help_text="Whether this call granted something.")
        codes_available = serializers.IntegerField(help_text="The member's unspent codes.")
        message = serializers.CharField()

    def post(self, request: Request) -> Answer:
        member = self.member("user_email", self.input.get("user_email", ""))
        earned, codes = actions.earn(member, by=self.actor) if member else (False, 0)
        nothing = gettext("Nothing new is due. Rewards come by themselves when friends come in.")
        message = gettext("Something new was earned.") if earned else nothing
        return Answer({"earned": earned, "codes_available": codes, "message": message})


class Share(MemberDoor):
    """Has us write to a friend: one mail at most, and the same answer whoever the friend is."""

    callers = frozenset({"person", "key:referrals:write"})
    limit = "share"

    class Input(OfLaunch):
        inviter_email = Text(required=False, max_length=320, help_text="The member; a person may leave it out.")
        recipient_email = Text(max_length=320)

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            attrs = super().validate(attrs)
            attrs["recipient"] = recipient_in(attrs["recipient_email"])
            return attrs

    class Output(serializers.Serializer[Any]):
        status = serializers.CharField()
        referral_id = serializers.IntegerField(allow_null=True)
        message = serializers.CharField()

    def post(self, request: Request) -> Answer:
        inviter = self.member("inviter_email", self.input.get("inviter_email", ""))
        referral = actions.share(inviter, self.input["recipient"], by=self.actor) if inviter else None
        message = gettext("If this friend may be written to, a message is on its way.")
        return Answer({"status": "success", "referral_id": referral.pk if referral else None, "message": message})


def recipient_in(text: str) -> Contact:
    """The friend's address; an error names its field."""
    try:
        return contact_in("email", text)
    except ValidationError as error:
        raise ValidationError({"recipient_email": error.detail["email"]}) from error  # type: ignore[call-overload]


class RewardShown(serializers.Serializer[Any]):
    """What was given, and why."""

    type = serializers.ChoiceField(choices=["invite_codes", "points", "tier"])
    amount = serializers.IntegerField()
    reason = serializers.CharField()
    milestone = serializers.IntegerField(allow_null=True)
    tier = serializers.CharField(allow_null=True)
    granted_at = serializers.DateTimeField()


class Quality(MemberDoor):
    """How many friends a member brought, how many of them stay, and what it earned."""

    callers = frozenset({"person", "key:referrals:read"})
    limit = "quality"

    class Input(OfLaunch):
        pass

    class Output(serializers.Serializer[Any]):
        referred_count = serializers.IntegerField(help_text="Friends who joined and are not gone.")
        quality_score = serializers.FloatField(
            help_text="0 to 1: the share of friends who register, stay and are not in review, with a prior."
        )
        rewards = RewardShown(many=True)

    def get(self, request: Request, email: str) -> Answer:
        return Answer(queries.quality_of(self.member("email", email)))
