"""The forms of turning a launch: tightened for a time, and the steps towards open registration."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanWidget

from invites.codes import FORMATS
from outbox.reasons import reason_field
from waitlist.actions.turning import LONGEST_DAYS
from waitlist.models import Launch, Turn

LONG = "long"
WEEK = 7


class TightenForm(forms.Form):
    """What is tightened, for how long and why."""

    daily_quota = forms.IntegerField(
        min_value=0,
        label=_("Daily quota meanwhile"),
        help_text=_("Lower than now; 0 lets nobody in from the list."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    long_codes = forms.BooleanField(
        required=False,
        label=_("Longer codes"),
        help_text=_("New codes get 16 characters. Those that are out stay good."),
        widget=UnfoldBooleanWidget,
    )
    approve_below = forms.IntegerField(
        min_value=0,
        max_value=200,
        label=_("Approval for everybody with fewer points than"),
        help_text=_("They keep their place and are passed over until a moderator approves them; 0: nobody needs it."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    vouched_only = forms.BooleanField(
        required=False,
        label=_("Vouched channels only"),
        help_text=_("Only who came by a friend, a signed source link or a program of yours; others once approved."),
        widget=UnfoldBooleanWidget,
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=WEEK,
        label=_("For how many days"),
        help_text=_("Then every setting is by itself what it was, unless an owner changed it meanwhile."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = reason_field()

    def __init__(self, launch: Launch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.launch = launch
        shape = FORMATS.get(launch.code_format)
        self.can_be_longer = shape is not None and shape.length < FORMATS[LONG].length
        self.initial = {
            "daily_quota": launch.daily_quota // 2,
            "long_codes": self.can_be_longer,
            "approve_below": launch.approve_below,
            "vouched_only": launch.vouched_only,
        }

    def clean(self) -> dict[str, Any]:
        """Tightening never loosens, and changes something."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("daily_quota", 0) > self.launch.daily_quota:
            self.add_error("daily_quota", _("That is more than now; tightening only lowers it."))
        if said.get("approve_below", 200) < self.launch.approve_below:
            self.add_error("approve_below", _("That is less strict than now."))
        if self.launch.vouched_only and not said.get("vouched_only"):
            self.add_error("vouched_only", _("It is so already; tightening does not end it."))
        if not self.errors and not self.settings:
            raise forms.ValidationError(_("Nothing of this differs from now: choose at least one thing to tighten."))
        return said

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that would differ."""
        said = self.cleaned_data
        wanted = {name: said[name] for name in ("daily_quota", "approve_below", "vouched_only")}
        wanted |= {"code_format": LONG} if said["long_codes"] and self.can_be_longer else {}
        return {name: value for name, value in wanted.items() if value != getattr(self.launch, name)}


class QuotaStep(forms.Form):
    """The first step: more places a day."""

    daily_quota = forms.IntegerField(
        max_value=1_000_000, label=_("Daily quota then"), widget=UnfoldAdminIntegerFieldWidget
    )
    reason = reason_field()

    def __init__(self, launch: Launch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.launch = launch
        self.initial["daily_quota"] = min(1_000_000, max(1, launch.daily_quota * 2))

    def clean_daily_quota(self) -> int:
        """More than now."""
        quota: int = self.cleaned_data["daily_quota"]
        if quota <= self.launch.daily_quota:
            raise forms.ValidationError(_("That is not more than now."))
        return quota

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that would differ."""
        return {"daily_quota": self.cleaned_data["daily_quota"]}


class LimitsStep(forms.Form):
    """The second step: wider doors."""

    limit_percent = forms.IntegerField(
        max_value=1000,
        label=_("Limits at the doors, in percent of the table"),
        help_text=_(
            "200: twice as many people from one network or company. Guesses and mail bombs stay limited as they are."
        ),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = reason_field()

    def __init__(self, launch: Launch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.launch = launch
        self.initial["limit_percent"] = min(1000, launch.limit_percent * 2)

    def clean_limit_percent(self) -> int:
        """More than now."""
        percent: int = self.cleaned_data["limit_percent"]
        if percent <= self.launch.limit_percent:
            raise forms.ValidationError(_("That is not more than now."))
        return percent

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that would differ."""
        return {"limit_percent": self.cleaned_data["limit_percent"]}


class OpenStep(forms.Form):
    """The third step: no invites any more."""

    reason = reason_field()

    def __init__(self, launch: Launch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that would differ."""
        return {"mode": Launch.Mode.OPEN}


STEPS: dict[str, Any] = {Turn.Kind.QUOTA: QuotaStep, Turn.Kind.LIMITS: LimitsStep, Turn.Kind.OPEN: OpenStep}
