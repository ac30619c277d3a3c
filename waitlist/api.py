"""The doors of the queue: join, resend, stats. What shows several apps at once (confirm, me) stands in config/me.py."""

from typing import Any, ClassVar

from django.utils.translation import get_language, gettext
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from outbox.doors import Door
from outbox.queries import phone_allowed
from outbox.replies import Answer
from waitlist import eta, queries, ranking, tokens
from waitlist.actions import confirming, joining
from waitlist.inputs import LONGEST_SOURCE, OfLaunch, Text, WithContact
from waitlist.models import Entry, Launch
from waitlist.scoring import PERSONAS


class WaitDays(serializers.Serializer[Any]):
    """The wait in days: as likely sooner as later, and nearly surely."""

    p50 = serializers.FloatField()
    p90 = serializers.FloatField()


def waiting_fields(launch: Launch, position: int | None) -> dict[str, Any]:
    """What every answer says about the wait at a position."""
    wait = queries.wait_at(launch, position)
    days = {"p50": wait.p50, "p90": wait.p90} if wait else None
    return {"position": position, "estimated_wait": eta.words(wait), "estimated_wait_days": days}


def state_shown(entry: Entry) -> str:
    """The state as its person reads it: whether a moderator looks at them, they do not learn."""
    return "rejected" if entry.status == Entry.Status.BLOCKED else str(entry.status)


class Join(Door):
    """Puts somebody on the list.

    A stranger's answer is the same whether the contact was new, known, held or blocked; the truth goes to the mailbox.
    A key, staff, or the person's own browser reads it at once.
    """

    callers = frozenset({"public", "person", "key:waitlist:write"})
    limit = "join"

    class Input(WithContact):
        name = Text(required=False)
        use_case = Text(required=False, max_length=2000)
        persona = Text(
            required=False, max_length=100, help_text=f"{', '.join(PERSONAS)}; anything else counts as other"
        )
        source = Text(required=False, max_length=LONGEST_SOURCE)  # type: ignore[assignment]  # the wire's word; DRF has one alike
        via = Text(required=False, max_length=300, help_text="the token of a signed source link")
        referral_code = Text(required=False, max_length=40)
        utm = serializers.DictField(child=Text(required=False), required=False)
        consent = serializers.BooleanField(required=False, allow_null=True)
        locale = Text(required=False, max_length=10)

        def validate_consent(self, value: bool | None) -> bool | None:
            if value is False:
                raise serializers.ValidationError("Without consent nobody is put on the list.")
            return value

        def validate_utm(self, value: dict[str, str]) -> dict[str, str]:
            if len(value) > 10 or any(len(key) > 40 for key in value):
                raise serializers.ValidationError("At most 10 short keys.")
            return value

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            attrs = super().validate(attrs)
            if attrs["contact"].kind == "phone" and not phone_allowed():
                raise serializers.ValidationError({"phone": ["Joining by phone is off here; give an e-mail address."]})
            return attrs

    class Output(serializers.Serializer[Any]):
        status = serializers.CharField()
        success = serializers.BooleanField()
        already_on_list = serializers.BooleanField()
        state = serializers.CharField()
        position = serializers.IntegerField(allow_null=True)
        total_waiting = serializers.IntegerField()
        estimated_wait = serializers.CharField(allow_null=True)
        estimated_wait_days = WaitDays(allow_null=True)
        referral_code = serializers.CharField(allow_null=True)
        referral_link = serializers.CharField(allow_null=True)
        status_url = serializers.CharField(allow_null=True)
        message = serializers.CharField()

    def post(self, request: Request) -> Answer:
        rules = self.input["launch"]
        unnamed = "manual" if self.caller.kind == "staff" else "organic"
        said = application(self.input, vouched=self.caller.vouched, unnamed=unnamed)
        joined = joining.join(rules, said, by=self.actor, origin=self.origin)
        if self.may_know(joined.entry_id):
            return self.truth(rules.launch, joined)
        if rules.launch.reveal_membership:
            return Answer(revealed(rules.launch, joined))
        return Answer(provisional(rules.launch))

    def may_know(self, entry_id: int) -> bool:
        return self.caller.vouched or (self.caller.kind == "person" and self.caller.row.pk == entry_id)

    def truth(self, launch: Launch, joined: joining.Joined) -> Answer:
        ids = {"entry": joined.entry_id}
        return Answer(revealed(launch, joined) | self.secrets(ids), secret=LINKS, ids=ids)

    def secrets(self, ids: dict[str, Any]) -> dict[str, Any]:
        return links(Entry.objects.get(pk=ids["entry"])) if ids else {}


LINKS = ("referral_code", "referral_link", "status_url")


def links(entry: Entry) -> dict[str, str]:
    """The links of a person: theirs alone, or a caller's that speaks for them."""
    return {
        "referral_code": entry.referral_code,
        "referral_link": tokens.referral_link(entry),
        "status_url": tokens.status_url(entry),
    }


def application(said: dict[str, Any], *, vouched: bool, unnamed: str = "organic") -> joining.Application:
    """What the input says, as the verb reads it. `unnamed` is the source of who names none, nor a utm source."""
    utm = said.get("utm", {})
    source = said.get("source") or utm.get("source") or utm.get("utm_source") or ""
    return joining.Application(
        contact=said["contact"],
        name=said.get("name", ""),
        use_case=said.get("use_case", ""),
        persona=said.get("persona", ""),
        source=source.casefold()[:LONGEST_SOURCE] or unnamed,
        vouched=vouched and bool(said.get("source")),
        via=said.get("via", ""),
        referral_code=said.get("referral_code", ""),
        utm=utm,
        locale=said.get("locale") or get_language() or "en",
    )


def provisional(launch: Launch) -> dict[str, Any]:
    """The stranger's answer: the tail of the queue as of the last minute, the same for everybody who asks."""
    total = queries.total_lately(launch)
    state = Entry.Status.PENDING if launch.confirm_contact else Entry.Status.WAITING
    return answer_of(launch, str(state), total, total + 1, already=False) | dict.fromkeys(LINKS)


def revealed(launch: Launch, joined: joining.Joined) -> dict[str, Any]:
    """The truth, without the links."""
    found = ranking.standing(joined.entry_id)
    position = found.total + 1 if found.status == Entry.Status.PENDING else found.position
    return answer_of(launch, state_shown(found), found.total, position, already=not joined.fresh) | dict.fromkeys(LINKS)


def answer_of(launch: Launch, state: str, total: int, position: int | None, *, already: bool) -> dict[str, Any]:
    """The parts that every answer to a join has."""
    return {
        "status": "success",
        "success": True,
        "already_on_list": already,
        "state": state,
        "total_waiting": total,
        **waiting_fields(launch, position),
        "message": gettext("You are already in line.")
        if already
        else gettext("Thank you. Look into your mailbox: the message there has the next step."),
    }


class Resend(Door):
    """Writes to the mailbox again; always the same answer."""

    callers = frozenset({"public", "person", "key:waitlist:write"})
    limit = "resend"

    class Input(WithContact):
        pass

    class Output(serializers.Serializer[Any]):
        status = serializers.CharField()
        message = serializers.CharField()

    def post(self, request: Request) -> Answer:
        confirming.resend(self.input["launch"].launch, self.input["contact"], by=self.actor)
        message = gettext("If this address is on the list, a message is on its way to it.")
        return Answer({"status": "success", "message": message})


class Stats(Door):
    """How long the queue is; a launch can close this to strangers."""

    callers: ClassVar = frozenset({"public", "key:waitlist:write"})
    limit = "stats"

    class Input(OfLaunch):
        pass

    class Output(serializers.Serializer[Any]):
        total = serializers.IntegerField()
        waiting = serializers.IntegerField()
        invited = serializers.IntegerField()
        registered = serializers.IntegerField()
        processed_today = serializers.IntegerField()
        generated_at = serializers.DateTimeField()

    def get(self, request: Request) -> Answer:
        launch = self.input["launch"].launch
        if not launch.stats_public and not self.caller.vouched:
            raise NotAuthenticated
        return Answer(queries.stats(launch))
