"""The forms of the public pages: what somebody types, read into what the verbs take. Errors name their field."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from time import time as time_now
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from outbox.queries import phone_allowed
from waitlist.actions.joining import Application
from waitlist.channels import Contact, read
from waitlist.models import Launch

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
PERSONAS = (
    ("", _("Choose one")),
    ("solo_founder", _("A founder on my own")),
    ("small_team", _("A small team")),
    ("agency", _("An agency")),
    ("content_creator", _("A content creator")),
    ("other", _("Something else")),
)
# Sites whose links carry no name we would count under.
SOURCES = {"t.co": "twitter", "x.com": "twitter", "twitter.com": "twitter", "producthunt.com": "producthunt"}
LONGEST_SOURCE = 40
SHOWN, SHOWN_SECONDS, LONGEST_STAMP = "waitlist.form", 2 * 3600, 200
DEFER_DAYS = 364


class ContactField(forms.CharField):
    """An e-mail address or, where text messages can be sent, a phone number."""

    def __init__(self, **kwargs: Any) -> None:
        quiet = {"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}
        missing = {"required": _("Tell us where to write to you.")}
        super().__init__(max_length=320, widget=forms.TextInput(attrs=quiet), error_messages=missing, **kwargs)
        self.label = _("Your e-mail or phone number") if phone_allowed() else _("Your e-mail address")

    def clean(self, value: Any) -> Contact:
        """The contact. What has letters or an @ is meant as an address, else as a number."""
        text = str(super().clean(value))
        number = phone_allowed() and not any(letter.isalpha() or letter == "@" for letter in text)
        try:
            return read("phone" if number else "email", text)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class CarriedField(forms.CharField):
    """A hidden field that a link filled. It is cut, never refused: nobody can mend what they do not see."""

    def __init__(self, longest: int = 200) -> None:
        super().__init__(required=False, widget=forms.HiddenInput)
        self.longest = longest

    def clean(self, value: Any) -> str:
        """The text, as much of it as is kept."""
        return str(value or "").replace("\0", "").strip()[: self.longest]


class TrapField(CarriedField):
    """Nobody sees it, and no password manager knows its name: what fills it in reads the page as a program does."""

    def __init__(self) -> None:
        super().__init__(20)
        self.label = _("Leave this empty")
        self.widget = forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"})


class ShownField(forms.CharField):
    """When the form was shown, signed. Reads as the seconds since; None where it says nothing: missing, forged or too old."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=forms.HiddenInput)

    @staticmethod
    def now() -> str:
        """The stamp of a form that is shown now."""
        return signing.dumps(time_now(), salt=SHOWN)

    def clean(self, value: Any) -> float | None:
        """Seconds from showing the form to sending it."""
        try:
            shown: float = signing.loads(str(value or "")[:LONGEST_STAMP], salt=SHOWN, max_age=SHOWN_SECONDS)
        except signing.BadSignature:
            return None
        seconds = time_now() - shown
        return seconds if seconds >= 0 else None  # another machine showed it, whose clock is ahead


class JoinForm(forms.Form):
    """Who somebody is and what they want, and what the link they came by says about them."""

    contact = ContactField(help_text=_("We write to it about your place, and nothing else."))
    name = forms.CharField(
        label=_("What shall we call you?"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    # Not a ChoiceField: an unknown persona counts as "other", and its text is kept.
    persona = forms.CharField(
        label=_("What describes you best?"), required=False, max_length=100, widget=forms.Select(choices=PERSONAS)
    )
    use_case = forms.CharField(
        label=_("What would you use it for?"),
        required=False,
        max_length=2000,
        help_text=_("A few sentences help us to let the right people in first, and move you up a little."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    consent = forms.BooleanField(
        label=_("Keep this address and write to me about my place. I can leave at any time."),
        error_messages={"required": _("Without your consent we may not keep your address. Tick the box to join.")},
    )
    more_about = TrapField()
    shown = ShownField()
    ref = CarriedField(40)
    via = CarriedField(300)
    launch = CarriedField(50)
    source = CarriedField(LONGEST_SOURCE)
    utm_source = CarriedField()
    utm_medium = CarriedField()
    utm_campaign = CarriedField()
    utm_term = CarriedField()
    utm_content = CarriedField()

    def caught_by(self, least_seconds: float) -> str:
        """Which trap a program went into; "" when none did. Asked of a form that is valid."""
        if self.cleaned_data["more_about"]:
            return "honeypot"
        seconds = self.cleaned_data["shown"]
        return "too_fast" if seconds is not None and seconds < least_seconds else ""

    def application(self) -> Application:
        """What was said, as the verb reads it."""
        said = self.cleaned_data
        return Application(
            contact=said["contact"],
            name=said["name"],
            use_case=said["use_case"],
            persona=said["persona"],
            source=said["source"].casefold() or "organic",
            via=said["via"],
            referral_code=said["ref"],
            utm={name: said[name] for name in UTM if said[name]},
            locale=get_language() or "en",
            consent="page",
        )


def carried(query: Mapping[str, str], referrer: str, own_host: str) -> dict[str, str]:
    """What a link says about who follows it: the friend, the campaign, and where it stood."""
    named = ("ref", "via", "launch", *UTM)
    source = query.get("source") or query.get("utm_source") or source_of(referrer, own_host)
    return {name: query[name] for name in named if query.get(name)} | {"source": source[:LONGEST_SOURCE]}


def source_of(referrer: str, own_host: str) -> str:
    """The site that a link stood on; "" for our own and for none."""
    try:
        host = (urlsplit(referrer).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    return "" if host == own_host.removeprefix("www.") else SOURCES.get(host, host)


class ContactForm(forms.Form):
    """An address alone: where to send the private link."""

    contact = ContactField()
    launch = CarriedField(50)


class CodeForm(ContactForm):
    """The six digits of the message, and the address they were sent to."""

    code = forms.CharField(
        label=_("Six digits"),
        max_length=20,
        error_messages={"required": _("Type the six digits of our message.")},
        widget=forms.TextInput(attrs={"class": "digits", "inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def clean_code(self) -> str:
        """The digits, without spaces and dashes."""
        digits = "".join(letter for letter in self.cleaned_data["code"] if letter.isdecimal())
        if len(digits) != 6:
            raise ValidationError(_("The code has six digits. Type them as our message says."))
        return digits


class DeferForm(forms.Form):
    """Until when somebody wants to be passed over."""

    until = forms.DateField(
        error_messages={
            "required": _("Choose the day from which you can be invited."),
            "invalid": _("Choose the day from which you can be invited."),
        }
    )

    def __init__(self, data: Mapping[str, Any] | None, launch: Launch) -> None:
        super().__init__(data)
        self.zone = ZoneInfo(launch.time_zone)

    def clean_until(self) -> datetime:
        """The day's first moment where the launch is."""
        day: date = self.cleaned_data["until"]
        today = datetime.now(self.zone).date()
        if not today < day <= today + timedelta(days=DEFER_DAYS):
            raise ValidationError(_("Choose a day after today and within a year."))
        return datetime.combine(day, time.min, self.zone)
