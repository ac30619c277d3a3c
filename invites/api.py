"""The doors of codes and invites: generate, redeem, hold, status, revoke (and pause, resume, extend), validate-token."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from invites import admission, codes, policy, queries, tokens
from invites.actions import changing, keeping, making, redeeming
from invites.models import Code, Reservation
from outbox.doors import Door
from outbox.errors import Refused
from outbox.replies import Answer
from waitlist.inputs import OfLaunch, Text, WithContact, contact_in
from waitlist.models import Entry, Launch

MOST_BY_API = 1_000
NO_TICKET = "always null: this release signs no tickets"
CAUGHT = {"review": "in_review", "deny": "denied"}
CAMPAIGN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
KINDS = [str(kind) for kind in Code.Kind if kind is not Code.Kind.WAITLIST]


class CodeShown(serializers.Serializer[Any]):
    """A code as its owner sees it."""

    code = serializers.CharField()
    expires_at = serializers.DateTimeField()
    uses = serializers.IntegerField()
    max_uses = serializers.IntegerField()
    status = serializers.CharField()
    share_url = serializers.CharField()


class Generate(Door):
    """Makes codes. The same batch_id and request again answers with the same codes."""

    callers = frozenset({"key:codes:write"})
    limit = "keyed"

    class Input(OfLaunch):
        batch_size = serializers.IntegerField(min_value=1, max_value=MOST_BY_API)
        batch_id = Text(required=False, max_length=100)
        kind = serializers.ChoiceField(choices=KINDS, default="bulk")
        campaign = Text(required=False, max_length=40)
        channel = Text(required=False, max_length=40)
        format = serializers.ChoiceField(choices=list(codes.FORMATS), required=False)
        max_uses = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
        expires_in_days = serializers.IntegerField(min_value=1, max_value=making.LONGEST_DAYS, required=False)
        starts_at = serializers.DateTimeField(required=False, allow_null=True)
        tier = Text(required=False, max_length=40)
        bind_email = Text(required=False, max_length=320)
        bind_domain = Text(required=False, max_length=253)

        def validate_campaign(self, value: str) -> str:
            if value and not CAMPAIGN.fullmatch(value):
                raise serializers.ValidationError("Letters, digits, - and _ only.")
            return value

        def validate_bind_domain(self, value: str) -> str:
            if value and not DOMAIN.fullmatch(value):
                raise serializers.ValidationError("Write the domain alone, such as example.com.")
            return value

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            attrs = super().validate(attrs)
            attrs["bind"] = contact_in("email", attrs["bind_email"]) if attrs.get("bind_email") else None
            if "{campaign}" in codes.FORMATS[attrs.get("format") or "standard"].prefix and not attrs.get("campaign"):
                raise serializers.ValidationError({"campaign": ["This format begins with the campaign; name one."]})
            return attrs

    class Output(serializers.Serializer[Any]):
        status = serializers.CharField()
        batch_id = serializers.CharField()
        generated = serializers.IntegerField()
        codes = serializers.ListField(child=serializers.CharField())

    def post(self, request: Request) -> Answer:
        launch = self.input["launch"].launch
        run, fresh = making.generate(launch, self.spec(launch), by=self.actor)
        ids = {"run": run.pk}
        body = {"status": "success", "batch_id": run.batch_id, "generated": self.input["batch_size"]}
        return Answer(body | self.secrets(ids), secret=("codes",), ids=ids, status=201 if fresh else 200)

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        return {"codes": list(queries.run_texts(ids["run"]))}

    def spec(self, launch: Launch) -> making.Spec:
        said = self.input
        return making.Spec(
            count=said["batch_size"],
            expires_at=timezone.now() + timedelta(days=said.get("expires_in_days") or launch.code_days),
            batch_id=said.get("batch_id") or self.batch_id_of_retry(),
            kind=said["kind"],
            campaign=said.get("campaign", ""),
            channel=said.get("channel", ""),
            format=said.get("format") or launch.code_format,
            max_uses=said["max_uses"],
            starts_at=said.get("starts_at"),
            tier=said.get("tier") or "standard",
            bind=said["bind"],
            bind_domain=said.get("bind_domain", ""),
        )

    def batch_id_of_retry(self) -> str:
        """A retried call names the same run even where its first answer was lost with the process."""
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        return f"{self.actor}/{key}" if key else uuid4().hex


class LetsIn(Door):
    """What the doors share that let somebody in: the answer to a redemption."""

    def answer(self, redeemed: redeeming.Redeemed, typed: str) -> Answer:
        if redeemed.caught and self.caller.vouched:
            # A product that asks for its own user must not let them in; the uniform answer is for strangers alone.
            raise Refused(policy.NOT_ACCEPTED, why=CAUGHT[redeemed.caught])
        message = gettext("You are in. Your own codes are on their way to your mailbox.")
        body: dict[str, Any] = {"status": "success", "message": message, "email": typed}
        if not self.caller.vouched:
            return Answer(body, secret=("email",), ids={"entry": redeemed.entry_id})
        entry = Entry.objects.get(pk=redeemed.entry_id)
        body |= {"user_id": entry.host_user_id or str(entry.member_id), "tier": entry.tier, "ticket": None}
        ids = {"entry": entry.pk, "codes": True}
        body |= {"already_redeemed": redeemed.already, "codes": queries.codes_of(entry)}
        return Answer(body, secret=("email", "codes"), ids=ids)


class Redeem(LetsIn):
    """Lets somebody in with a code, once.

    A stranger gets one answer for every refusal, and the same bytes for a first and a repeated redemption. For a contact
    that is on the list already, a stranger only reserves a use; the message to that contact completes it.
    """

    callers = frozenset({"public", "person", "key:codes:redeem"})
    limit = "redeem"

    class Input(WithContact):
        code = Text(max_length=100)
        name = Text(required=False)
        user_id = Text(required=False, max_length=200, help_text="the host's id of the person; keys only")

    class Output(serializers.Serializer[Any]):
        status = serializers.CharField()
        message = serializers.CharField()
        email = serializers.CharField()
        user_id = serializers.CharField(required=False)
        tier = serializers.CharField(required=False)
        already_redeemed = serializers.BooleanField(required=False)
        ticket = serializers.CharField(required=False, allow_null=True, help_text=NO_TICKET)
        codes = CodeShown(many=True, required=False)

    def post(self, request: Request) -> Answer:
        contact = self.input["contact"]
        person = self.caller.row if self.caller.kind == "person" else None
        ask = redeeming.Ask(
            contact=contact,
            code=self.input["code"],
            name=self.input.get("name", ""),
            origin=self.origin,
            host_user_id=self.input.get("user_id", "") if self.caller.vouched else "",
            proven=self.caller.vouched or (person is not None and person.canonical == contact.canonical),
        )
        redeemed = redeeming.redeem(self.input["launch"].launch, ask, by=self.actor)
        return self.answer(redeemed, contact.as_typed)

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        """The address as this call typed it (the kept answer is for the same bytes), and the codes derived again."""
        said = {"email": self.input["contact"].as_typed}
        if ids.get("codes"):
            said["codes"] = queries.codes_of(Entry.objects.get(pk=ids["entry"]))
        return said


class Hold(Door):
    """Keeps one use of a code for a contact for 15 minutes, so that a sign-up elsewhere does not end without a place.

    One for each contact and code: asked again, the same one. A stranger gets one answer for every refusal, and the same for a
    contact that is on the list, in already or unknown.
    """

    callers = frozenset({"public", "person", "key:codes:redeem"})
    limit = "hold"
    success = (201,)

    class Input(WithContact):
        code = Text(required=False, max_length=100)
        token = Text(required=False, max_length=500, help_text="of an invite link, instead of a code")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            attrs = super().validate(attrs)
            if bool(attrs.get("code")) == bool(attrs.get("token")):
                raise serializers.ValidationError({"code": ["Give a code or the token of an invite, and only one."]})
            return attrs

    class Output(serializers.Serializer[Any]):
        hold_id = serializers.UUIDField()
        expires_at = serializers.DateTimeField()
        ticket = serializers.CharField(allow_null=True, help_text=NO_TICKET)

    def post(self, request: Request) -> Answer:
        token = self.input.get("token", "")
        invite = tokens.invite_of(token) if token else None
        launch = invite.entry.launch if invite else self.input["launch"].launch
        ask = redeeming.Ask(self.input["contact"], self.input.get("code", ""), token, origin=self.origin)
        try:
            kept = keeping.keep(launch, ask, by=self.actor)
        except Refused as refused:
            if invite is None:
                raise
            raise admission.told(refused) from None
        return Answer({"hold_id": str(kept.hold_id), "expires_at": kept.expires_at, "ticket": None}, status=201)


class Commit(LetsIn):
    """Spends the use that is kept: its contact is in. Asked again it answers alike, as already redeemed."""

    callers = frozenset({"key:codes:redeem"})
    limit = "keyed"

    class Input(serializers.Serializer[Any]):
        user_id = Text(required=False, max_length=200, help_text="the host's id of the person")

    Output = Redeem.Output

    def post(self, request: Request, hold_id: UUID) -> Answer:
        kept, user_id = kept_by_name(hold_id), self.input.get("user_id", "")
        redeemed = keeping.commit(kept, host_user_id=user_id, origin=self.origin, by=self.actor)
        return self.answer(redeemed, keeping.contact_of(kept).as_typed)

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        kept = kept_by_name(self.kwargs["hold_id"])
        return {
            "email": keeping.contact_of(kept).as_typed,
            "codes": queries.codes_of(Entry.objects.get(pk=ids["entry"])),
        }


class GiveBack(Door):
    """Gives the use that is kept back before its time is over. What was given back already stays so."""

    callers = frozenset({"key:codes:redeem"})
    limit = "keyed"

    class Output(serializers.Serializer[Any]):
        status = serializers.CharField()
        message = serializers.CharField()
        email = serializers.CharField(help_text="the contact as it was typed; empty when it was forgotten")

    def post(self, request: Request, hold_id: UUID) -> Answer:
        kept = kept_by_name(hold_id)
        keeping.give_back(kept, by=self.actor)
        body = {"status": "success", "message": gettext("Nothing is kept any more.")}
        return Answer(body | self.secrets({}), secret=("email",))

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        return {"email": keeping.contact_of(kept_by_name(self.kwargs["hold_id"])).as_typed}


def kept_by_name(hold_id: UUID) -> Reservation:
    """The reservation of that name, or nothing is there."""
    kept = queries.hold_named(hold_id)
    if kept is None:
        raise NotFound
    return kept


class Status(Door):
    """What a code is and whether it works now."""

    callers = frozenset({"key:codes:read"})
    limit = "keyed"

    class Input(OfLaunch):
        code = Text(max_length=100)

    class Output(serializers.Serializer[Any]):
        valid = serializers.BooleanField()
        expires_at = serializers.DateTimeField(allow_null=True)
        used = serializers.BooleanField()
        status = serializers.CharField()
        uses = serializers.IntegerField()
        max_uses = serializers.IntegerField()
        kind = serializers.CharField(allow_null=True)
        tier = serializers.CharField(allow_null=True)

    def post(self, request: Request) -> Answer:
        return Answer(status_of(self.input["launch"].launch, self.input["code"]))


class StatusByPath(Door):
    """The same, by GET, with the code in the path."""

    callers = frozenset({"key:codes:read"})
    limit = "keyed"
    Input = OfLaunch
    Output = Status.Output

    def get(self, request: Request, code: str) -> Answer:
        return Answer(status_of(self.input["launch"].launch, code))


def status_of(launch: Launch, typed: str) -> dict[str, Any]:
    """The answer for a code; an unknown one has the same shape."""
    code = queries.code_typed(launch, typed)
    if code is None:
        nothing = {"valid": False, "expires_at": None, "used": False, "status": "unknown", "uses": 0, "max_uses": 0}
        return nothing | {"kind": None, "tier": None}
    state = queries.state_of(code, timezone.now())
    return {
        "valid": state == "active",
        "expires_at": code.expires_at,
        "used": code.uses > 0,
        "status": state,
        "uses": code.uses,
        "max_uses": code.max_uses,
        "kind": code.kind,
        "tier": code.tier,
    }


class Chosen(OfLaunch):
    """One code, a batch_id or a campaign, and why."""

    code = Text(required=False, max_length=100)
    batch_id = Text(required=False, max_length=100)
    campaign = Text(required=False, max_length=40)
    reason = Text(max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the three; it must exist."""
        attrs = super().validate(attrs)
        named = {name: attrs[name] for name in ("code", "batch_id", "campaign") if attrs.get(name)}
        if len(named) != 1:
            raise serializers.ValidationError(
                {"code": ["Name a code, a batch_id or a campaign, and only one of them."]}
            )
        attrs["chosen"] = queries.chosen(attrs["launch"].launch, **named)
        return attrs


class Changed(serializers.Serializer[Any]):
    """How many codes changed."""

    status = serializers.CharField()
    revoked = serializers.IntegerField()


class ChangeDoor(Door):
    """What revoke, pause, resume and extend share: chosen codes, a reason, a count."""

    callers = frozenset({"key:codes:write"})
    limit = "keyed"
    Input = Chosen
    Output = Changed
    word = ""

    def changed(self, count: int) -> Answer:
        return Answer({"status": "success", self.word: count})

    def existing(self) -> Q:
        chosen: Q = self.input["chosen"]
        if not Code.objects.filter(chosen).exists():
            raise NotFound
        return chosen


class Revoke(ChangeDoor):
    """Makes codes useless for ever, at once."""

    word = "revoked"

    def post(self, request: Request) -> Answer:
        return self.changed(changing.revoke(self.existing(), self.input["reason"], by=self.actor))


class Pause(ChangeDoor):
    """Switches codes off for now."""

    word = "paused"

    def post(self, request: Request) -> Answer:
        return self.changed(changing.pause(self.existing(), self.input["reason"], by=self.actor))


class Resume(ChangeDoor):
    """Switches paused codes on again."""

    word = "resumed"

    def post(self, request: Request) -> Answer:
        return self.changed(changing.resume(self.existing(), self.input["reason"], by=self.actor))


class Extend(ChangeDoor):
    """Gives codes more days, at most a year from when they were made."""

    word = "extended"

    class Input(Chosen):
        days = serializers.IntegerField(min_value=1, max_value=making.LONGEST_DAYS)

    def post(self, request: Request) -> Answer:
        extended = changing.extend(self.existing(), self.input["days"], self.input["reason"], by=self.actor)
        return self.changed(extended)


class ValidateToken(Door):
    """Pre-fills a sign-up form from an invite link; changes nothing."""

    limit = "validate"

    class Input(OfLaunch):
        token = Text(max_length=500)

    class Output(serializers.Serializer[Any]):
        valid = serializers.BooleanField()
        email = serializers.CharField(allow_null=True)

    def post(self, request: Request) -> Answer:
        invite = tokens.invite_of(self.input["token"])
        if invite is None or not queries.stands_open(invite):
            return Answer({"valid": False, "email": None})
        email = invite.entry.contact if invite.entry.contact_kind == "email" else None
        return Answer({"valid": True, "email": email})
