"""The forms of the console about codes: each says its rule beside the field before, and again when it was broken."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from invites import codes
from invites.actions import making
from invites.api import CAMPAIGN, DOMAIN, KINDS
from invites.models import Code
from outbox.errors import Refused
from outbox.reasons import ReasonForm
from waitlist.channels import Contact, read
from waitlist.models import Launch

MOST = 100_000
WHATS = {"one": _("One code"), "batch": _("A batch"), "campaign": _("A campaign")}
# Which fields a kind of making does not ask.
UNASKED = {"one": {"count"}, "batch": {"vanity", "bind_email", "campaign"}, "campaign": {"vanity", "bind_email"}}
GROUPS = (
    (_("How many, for what"), ("launch", "count", "campaign", "channel", "kind", "tier")),
    (_("What they look like"), ("vanity", "format")),
    (_("How often, and how long"), ("max_uses", "days", "until", "starts_on")),
    (_("For whom"), ("bind_email", "bind_domain")),
)
SAID_AT = {
    "too_long_lived": "days",
    "never_valid": "days",
    "guessable": "format",
    "unknown_format": "format",
    "vanity_guessable": "vanity",
    "vanity_taken": "vanity",
}


def typed(kind: str, **attrs: Any) -> Any:
    """A field of one line, of that type."""
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    widget.input_type = kind
    return widget


def whole(pattern: str) -> str:
    """The pattern for all of the text: Django looks for one anywhere in it."""
    return rf"\A(?:{pattern})\Z"


def shown(name: str, campaign: str) -> SafeString:
    """A format as one of the choices: what such a code looks like, and the rule for its length."""
    length = codes.FORMATS[name].length
    if length < codes.SAFE_LENGTH:
        rule = gettext("%(n)d characters: for one address, or for at most %(days)d days") % {
            "n": length,
            "days": codes.SHORT_LIFE_DAYS,
        }
    else:
        rule = gettext("%(n)d characters: cannot be guessed") % {"n": length}
    of_campaign = "{campaign}" in codes.FORMATS[name].prefix
    example = codes.example_of(name, campaign, timezone.now().date())
    head = campaign if of_campaign else ""
    return format_html(
        '<span class="format"><code><b{}>{}</b>{}</code> <span class="help">{}</span></span>',
        SafeString(" data-campaign") if of_campaign else "",
        head,
        example[len(head) :],
        rule,
    )


class GenerateForm(forms.Form):
    """What codes to make: one, a batch or a campaign."""

    launch = forms.ModelChoiceField(
        Launch.objects.order_by("pk"), label=_("Launch"), empty_label=None, widget=UnfoldAdminSelectWidget()
    )
    count = forms.IntegerField(
        label=_("How many"),
        min_value=1,
        max_value=MOST,
        initial=10,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_(
            "Up to 1,000 are there at once; up to 100,000 are made in the background while you see how far it is."
        ),
    )
    campaign = forms.RegexField(
        whole(CAMPAIGN.pattern),
        label=_("Campaign"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("Letters, digits, - and _. Its page tells what becomes of its codes; formats may begin with it."),
        error_messages={"invalid": _("Letters, digits, - and _ only.")},
    )
    channel = forms.CharField(
        label=_("Channel"),
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_(
            "Where they are handed out, such as producthunt or a partner's name. Each has a page of its own, and a partner "
            "may be shown theirs."
        ),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(kind, Code.Kind(kind).label) for kind in KINDS],
        initial="bulk",
        widget=UnfoldAdminSelectWidget(),
    )
    tier = forms.CharField(
        label=_("Tier"),
        required=False,
        max_length=40,
        initial="standard",
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("What whoever comes in with it gets in the product."),
    )
    vanity = forms.RegexField(
        whole(r"[A-Za-z0-9][A-Za-z0-9 -]*"),
        label=_("A word of your own"),
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_(
            "Instead of a drawn code. Such a word is public by nature and stands in clear in the database: give it few uses. "
            "At least six letters A to Z and digits; under twelve it lives 30 days at most, unless bound to one address."
        ),
        error_messages={
            "invalid": _("Letters A to Z, digits, spaces and dashes only, beginning with a letter or digit.")
        },
    )
    format = forms.ChoiceField(label=_("Format"), widget=UnfoldAdminRadioSelectWidget())
    max_uses = forms.IntegerField(
        label=_("Uses of each"),
        min_value=1,
        max_value=1_000_000,
        initial=1,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("How many people each code lets in."),
    )
    days = forms.IntegerField(
        label=_("Days of life"),
        required=False,
        min_value=1,
        max_value=making.LONGEST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("At most 365; codes of fewer than twelve characters at most 30, unless bound to one address."),
    )
    until = forms.DateField(
        label=_("Or until the end of"),
        required=False,
        widget=typed("date"),
        help_text=_("A date goes before the days. It ends in the launch's time zone."),
    )
    starts_on = forms.DateField(
        label=_("Not before"), required=False, widget=typed("date"), help_text=_("Empty: they work at once.")
    )
    bind_email = forms.CharField(
        label=_("Only for this address"),
        required=False,
        max_length=320,
        widget=typed("email", autocomplete="off"),
        help_text=_("Kept as a keyed hash. A short code bound to an address may live as long as any."),
    )
    bind_domain = forms.RegexField(
        whole(DOMAIN.pattern),
        label=_("Only for addresses at this domain"),
        required=False,
        max_length=253,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "example.com", "autocomplete": "off"}),
        error_messages={"invalid": _("Write the domain alone, such as example.com.")},
    )
    batch_id = forms.CharField(max_length=100, widget=forms.HiddenInput())

    def __init__(self, what: str, launch: Launch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.what = what
        for name in UNASKED[what]:
            del self.fields[name]
        if "campaign" in self.fields:
            self.fields["campaign"].required = what == "campaign"
        named = self["campaign"].value() if "campaign" in self.fields else ""
        presets = [one for one in codes.FORMATS if what == "campaign" or "{campaign}" not in codes.FORMATS[one].prefix]
        self.fields["format"].choices = [(one, shown(one, (named or "campaign").upper())) for one in presets]  # type: ignore[attr-defined]
        usual = launch.code_format if launch.code_format in presets else "standard"
        self.initial = {**self.initial, "launch": launch.pk, "days": launch.code_days}
        self.initial["format"] = "campaign" if what == "campaign" else usual
        self.initial["kind"] = "vip" if what == "one" else "bulk"
        if Launch.objects.count() == 1:
            self.fields["launch"].widget = forms.HiddenInput()

    def groups(self) -> list[tuple[Any, list[Any]]]:
        """The fields that are asked, under their headings."""
        found = [(title, [self[name] for name in names if name in self.fields]) for title, names in GROUPS]
        return [(title, fields) for title, fields in found if any(not field.is_hidden for field in fields)]

    def clean_bind_email(self) -> Contact | None:
        """The address, read as every door reads one."""
        written = self.cleaned_data["bind_email"]
        try:
            return read("email", written) if written else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Holds what was asked against the rules of the house."""
        said = super().clean() or self.cleaned_data
        if not said.get("until") and not said.get("days") and "days" not in self.errors:
            self.add_error("days", _("Say how many days, or until which date."))
        if not self.errors:
            try:
                making.check_spec(self.spec(), timezone.now())
            except Refused as refused:
                self.refuse(refused)
        return said

    def refuse(self, refused: Refused) -> None:
        """Says the rule at the field that broke it."""
        name = SAID_AT.get(refused.reason, "")
        if name == "format" and self.cleaned_data.get("vanity"):
            name = "vanity"
        self.add_error(name if name in self.fields else None, refused.detail)

    def spec(self) -> making.Spec:
        """What is asked, for the verb."""
        said = self.cleaned_data
        zone = ZoneInfo(said["launch"].time_zone)
        until, starts_on = said["until"], said["starts_on"]
        days_on = timezone.now() + timedelta(days=said["days"] or 0)
        return making.Spec(
            count=said.get("count", 1),
            expires_at=datetime.combine(until, time(23, 59, 59), zone) if until else days_on,
            batch_id=said["batch_id"],
            kind=said["kind"],
            campaign=said.get("campaign", ""),
            channel=said["channel"],
            format=said["format"],
            max_uses=said["max_uses"],
            starts_at=datetime.combine(starts_on, time.min, zone) if starts_on else None,
            tier=said["tier"] or "standard",
            bind=said.get("bind_email"),
            bind_domain=said["bind_domain"],
            vanity=said.get("vanity", ""),
        )


EXTENSIONS = (7, 14, 30, 60, 90, 180)


def days_shown(days: int) -> Any:
    """So many days, in words."""
    return ngettext_lazy("%(n)d day", "%(n)d days", days) % {"n": days}


class ExtendForm(ReasonForm):
    """By how long, and why."""

    days = forms.TypedChoiceField(
        label=_("Give them"),
        coerce=int,
        choices=[(days, days_shown(days)) for days in EXTENSIONS],
        initial=30,
        widget=UnfoldAdminSelectWidget(),
        help_text=_("No code lives longer than 365 days from when it was made; those that would are left as they are."),
    )
    field_order = ("days", "reason")


class PartnerForm(forms.Form):
    """For whom a page of the channel's numbers is, and how long it stands."""

    partner = forms.CharField(
        label=_("For whom"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("As you call them; the page does not show it."),
    )
    days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=365, initial=90, widget=UnfoldAdminIntegerFieldWidget()
    )
