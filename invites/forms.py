"""What every sign-up asks for besides an address and a password: the code, and a name. The base of allauth's own forms.

allauth builds its HTML form, its JSON input and its form after a single sign-on on this class, so the question is asked
on each of them. Here the code is only judged; it is spent where the user is made (invites/gate.py).
"""

from typing import Any

from allauth.core import context
from allauth.core.internal.httpkit import is_headless_request
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from invites import admission, carried, tokens
from invites.admission import Admission, Bid, Way
from invites.guard import Passage, passage_of, sentence
from invites.models import Invite
from invites.policy import NOT_ACCEPTED
from outbox.callers import origin_of
from outbox.errors import Refused
from quality import challenge
from waitlist.channels import Contact, read
from waitlist.models import Entry, Launch
from waitlist.queries import launch_named
from waitlist.tokens import PERSON_COOKIE, entry_of

LONGEST_NAME = 200
WORK_FIRST = _("Your browser has to do a little work first. Once it says that it is done, send the form again.")
MISSING = _("Type your invitation code. Without one, join the waitlist.")


def person_behind(request: HttpRequest) -> Entry | None:
    """Whose private link this browser opened, or None."""
    return entry_of(request.COOKIES[PERSON_COOKIE]) if PERSON_COOKIE in request.COOKIES else None


class InviteFields(forms.Form):
    """The code, prefilled or not needed where a link brought one, and a name."""

    invite_code = forms.CharField(
        label=_("Invitation code"),
        required=False,
        max_length=100,
        error_messages={"required": MISSING},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
        ),
    )
    name = forms.CharField(
        label=_("What shall we call you?"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("invite_code", "email", "name", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.http: HttpRequest = context.request
        self.carried = carried.carried_by(self.http)
        self.person = person_behind(self.http)
        if not is_headless_request(self.http):
            self.fill_in()

    def fill_in(self) -> None:
        """What the link said stands in the form."""
        invite = tokens.invite_of(self.carried.token) if self.carried.token else None
        if invite and not admission.over(invite, timezone.now()):
            self.hold_to(invite)
        elif admission.is_member_without_login(self.person):
            self.of_member()
        else:
            code, launch = self.fields["invite_code"], launch_named(None)
            code.initial = self.http.GET.get("code", "")[: carried.LONGEST] or self.carried.code
            code.required = not self.carried.token and (launch is None or launch.mode != Launch.Mode.OPEN)

    def hold_to(self, invite: Invite) -> None:
        """An invite needs no code, and is for the address it was sent to."""
        self.fields["invite_code"].widget = forms.HiddenInput()
        self.fields["name"].initial = invite.entry.name
        if invite.entry.contact_kind == "email":
            self.initial["email"] = invite.entry.contact
            self.fields["email"].widget.attrs["readonly"] = True

    def of_member(self) -> None:
        """Somebody who is in already and only wants a log-in."""
        person = self.person
        assert person
        self.fields["name"].initial = person.name
        if person.contact_kind == "email" and not self.initial.get("email"):
            self.initial["email"] = person.contact

    def clean_name(self) -> str:
        """A name that a row can hold."""
        name: str = self.cleaned_data["name"]
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ValidationError(_("This is not text. Write the name anew.")) from error
        return name

    def clean(self) -> dict[str, Any]:
        """Judges the code once all else is well, and remembers how the person comes in."""
        super().clean()
        passage = passage_of(self.http)
        asked = challenge.asked_of(self.http)
        if (
            asked is not None and not asked.solved
        ):  # nothing is judged before: whoever tries codes learns nothing for free
            self.add_error(None, ValidationError(WORK_FIRST, code="challenge_required"))
        elif passage.refused is not None:
            passage.said = True
            self.refuse(passage.refused)
        elif not self.errors:
            self.judge(passage)
        return self.cleaned_data

    def challenge(self) -> str:
        """The proof of work that the form asks for, as JSON; "" when it asks for none. One that was sent is used up."""
        return challenge.as_text() if challenge.asked_of(self.http) else ""

    def judge(self, passage: Passage) -> None:
        """Decides; a refusal becomes the form's error, or goes on as it is where JSON is answered."""
        contact = self.contact()
        if contact is None:
            return
        try:
            passage.admission = self.decided(passage, self.bid(contact))
        except Refused as refused:
            if refused.reason == admission.CODE_MISSING:
                self.add_error("invite_code", ValidationError(MISSING, code="required"))
            elif is_headless_request(self.http):
                raise
            else:
                self.refuse(refused)

    def refuse(self, refused: Refused) -> None:
        """Says it at the field of the code, or above the form where an invite has put that field away."""
        hidden = self.fields["invite_code"].widget.is_hidden
        self.add_error(None if hidden else "invite_code", sentence(refused))

    def decided(self, passage: Passage, bid: Bid) -> Admission:
        """How they come in; who may not, or not yet, counts as known, so that allauth makes no user."""
        launch = admission.opened_launch(bid)
        if passage.raced and bid.has_login:  # the code was good a moment ago, and this very form was faster
            return Admission(launch, admission.ask_of(bid), Way.KNOWN)
        try:
            found = admission.decide(launch, bid)
        except Refused as refused:
            if refused.reason == NOT_ACCEPTED:
                passage.attempt = (launch, admission.ask_of(bid), refused.why)
            raise
        self.account_already_exists = not found.admitted_by
        return found

    def contact(self) -> Contact | None:
        """The address as it was typed (allauth has put it into lower case); None, with an error, when it is none."""
        cleaned, typed = self.cleaned_data["email"], str(self.data.get("email", "")).strip()
        try:
            return read("email", typed if typed.lower() == cleaned else cleaned)
        except ValueError as error:
            self.add_error("email", str(error))
            return None

    def bid(self, contact: Contact) -> Bid:
        """Who asks, and what they hold: a code typed now counts before a token, a token before what a link left."""
        typed = self.cleaned_data["invite_code"]
        token = "" if typed else self.http.headers.get("X-Invite-Token", "")[: carried.LONGEST] or self.carried.token
        return Bid(
            contact,
            token=token,
            code=typed if typed or token or "invite_code" in self.data else self.carried.code,
            person=self.person,
            has_login=bool(getattr(self, "account_already_exists", False)),
            name=self.cleaned_data.get("name", ""),
            locale=get_language() or "en",
            origin=origin_of(self.http),
        )

    def signup(self, request: HttpRequest, user: Any) -> None:
        """allauth asks for this; all is done where the user is saved."""
