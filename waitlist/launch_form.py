"""The form of what owners tune: every setting in plain words, every error a sentence, and no change that overwrites another's."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, cast
from zoneinfo import available_timezones

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from outbox.models import Event
from waitlist import previews, queries, scoring
from waitlist.actions.tuning import weight_named
from waitlist.models import Arm, Launch

Sentence = tuple[str, str | Promise]
SECTIONS: tuple[tuple[str | Promise, str | Promise, tuple[str, ...]], ...] = (
    (_("The launch"), _("What people wait for, and whether they can."), ("name", "slug", "tagline", "enabled", "mode")),
    (
        _("Joining"),
        _("What people must do to stand on the list, and what others may learn of it."),
        ("confirm_contact", "reveal_membership", "stats_public"),
    ),
    (
        _("Who is invited"),
        _("Who may be invited when their turn comes. A moderator's approval always counts."),
        ("approval", "approve_below", "vouched_only", "invite_on_approval"),
    ),
    (
        _("How many, and when"),
        _("The quota of the local date holds over everything: schedule, console and API together never exceed it."),
        (
            "daily_quota",
            "time_zone",
            "release_days",
            "release_hour",
            "share_first",
            "share_lottery",
            "pace_step",
            "bake_days",
        ),
    ),
    (
        _("Codes"),
        _("Lifetimes count from the moment of making; codes that are out already keep theirs."),
        ("invite_days", "member_codes", "member_code_days", "code_days", "code_format"),
    ),
    (
        _("Risk and limits"),
        _("From which risk somebody is held or turned away, and how wide the doors are."),
        ("review_score", "deny_score", "limit_percent"),
    ),
    (_("After they came in"), "", ("question", "question_days", "trace_days")),
    (
        _("Points"),
        _("Why people move up. The table below has every rule."),
        ("keywords", "referral_cap", "trial_percent"),
    ),
)
FIELDS = tuple(name for _title, _why, names in SECTIONS for name in names)
LABELS = {
    "name": _("Name"),
    "slug": _("Short name"),
    "tagline": _("A line below the name"),
    "enabled": _("Enabled"),
    "mode": _("How people come in"),
    "confirm_contact": _("Confirm the address"),
    "reveal_membership": _("Tell who is on the list"),
    "stats_public": _("Public numbers"),
    "approval": _("Approval"),
    "approve_below": _("Approval below so many points"),
    "vouched_only": _("Vouched channels only"),
    "invite_on_approval": _("Invite on approval"),
    "daily_quota": _("Daily quota"),
    "time_zone": _("Time zone"),
    "release_days": _("Days of batches"),
    "release_hour": _("Hour of the batch"),
    "share_first": _("Share for who came first, in %"),
    "share_lottery": _("Share by lot, in %"),
    "pace_step": _("Step of the pace"),
    "bake_days": _("Days between batches"),
    "invite_days": _("Days an invitation lives"),
    "member_codes": _("Codes for a new member"),
    "member_code_days": _("Days those codes live"),
    "code_days": _("Days other codes live"),
    "code_format": _("Code format"),
    "review_score": _("Held from a risk of"),
    "deny_score": _("Turned away from a risk of"),
    "limit_percent": _("Limits at the doors, in %"),
    "question": _("One question to members"),
    "question_days": _("Days until it is asked"),
    "trace_days": _("Days networks are kept"),
    "keywords": _("Keywords"),
    "referral_cap": _("Most points from friends"),
    "trial_percent": _("Share of table B, in %"),
}
HELP = {
    "name": _("As people read it in mails and on pages."),
    "slug": _("The short name in addresses and in the API. Changing it breaks links that are out."),
    "tagline": _("One line below the name; may stay empty."),
    "enabled": _("Off: nobody joins and nobody comes in. Nobody loses their place."),
    "mode": _("How people come in."),
    "approval": _("Open: in order. Manual: in order, of those whom a moderator approved."),
    "stats_public": _("Anybody may read how many wait and were let in."),
    "daily_quota": _("How many places are given on one local date; 0 gives none."),
    "time_zone": _("Whose midnight begins the day of the quota, such as Europe/Berlin."),
    "invite_days": _("Days until an unused invitation lapses and the person waits again."),
    "member_codes": _("How many codes a new member may give to friends."),
    "member_code_days": _("Days until those run out."),
    "code_days": _("Days until codes run out that staff make without naming a time."),
    "code_format": _("How new codes look. Longer ones are harder to guess; those that are out stay as they are."),
    "keywords": _("Words in a use case that earn points, with commas between; whole words, in any case."),
    "question_days": _("Days after they came in."),
    "release_days": _("Days on which batches go out; none chosen means every day."),
}
DAYS = [
    (1, _("Monday")),
    (2, _("Tuesday")),
    (3, _("Wednesday")),
    (4, _("Thursday")),
    (5, _("Friday")),
    (6, _("Saturday")),
    (7, _("Sunday")),
]
RULE_NAMES = {
    "persona": _("how they describe themselves"),
    "detailed_use_case": _("more than 20 words on what they would use it for"),
    "keyword": _("one of the words above in what they would use it for"),
    "source": _("a source that somebody stands for"),
    "came_by_referral": _("brought by a friend"),
    "corporate_domain": _("an address of a company"),
    "friend_confirmed": _("each friend they brought who confirmed"),
}
LEAST, MOST = -200, 200
Check = Callable[[dict[str, Any]], Iterable[Sentence]]


def of_waitlist(said: dict[str, Any]) -> Iterator[Sentence]:
    """What two settings say together."""
    if said["review_score"] > said["deny_score"]:
        yield "review_score", _("Somebody is held before they are turned away: this must not be above the score below.")
    if said["share_first"] + said["share_lottery"] > 100:
        yield "share_lottery", _("The two shares together give away more than 100 of 100 places.")
    if said["approval"] == Launch.Approval.OPEN and said["invite_on_approval"] and not said["daily_quota"]:
        yield "invite_on_approval", _("Nobody can be invited at once while the quota is 0.")


class LaunchForm(forms.ModelForm):
    """The settings of a launch, the points of its rules, and why they are changed."""

    CHECKS: ClassVar[list[Check]] = [of_waitlist]  # the apps above add theirs
    CHOICES: ClassVar[dict[str, Callable[[], list[tuple[str, str]]]]] = {}

    keywords = SimpleArrayField(
        forms.CharField(max_length=40), required=False, label=LABELS["keywords"], widget=UnfoldAdminTextInputWidget
    )
    release_days = forms.TypedMultipleChoiceField(
        choices=DAYS,
        coerce=int,
        required=False,
        label=LABELS["release_days"],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    reason = forms.CharField(
        max_length=300,
        required=False,
        label=_("Why"),
        help_text=_("Stands in the trail and below, beside your name."),
        widget=UnfoldAdminTextInputWidget,
    )
    rescores = forms.BooleanField(
        required=False,
        label=_("Score those who wait anew as well"),
        help_text=_(
            "Else new points act on who joins from now on. A job does it in the background and can be stopped; it can be "
            "taken back."
        ),
        widget=UnfoldBooleanWidget,
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    new_source = forms.CharField(
        max_length=40, required=False, label=_("another source"), widget=UnfoldAdminTextInputWidget
    )
    new_source_points = forms.IntegerField(
        min_value=LEAST,
        max_value=MOST,
        required=False,
        label=_("points of another source"),
        widget=UnfoldAdminIntegerFieldWidget(attrs={"aria-label": _("points of another source")}),
    )

    class Meta:
        model = Launch
        fields = FIELDS
        labels = LABELS
        help_texts = HELP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weights = weights_of(self.instance) if self.instance.pk else {}
        self.initial["seen"] = queries.newest_change(self.instance) if self.instance.pk else 0
        for row in self.weights:
            for arm in Arm.values:
                self.fields[weight_field(*row, arm)] = forms.IntegerField(
                    min_value=LEAST,
                    max_value=MOST,
                    required=False,
                    label=weight_named(*row, arm),
                    initial=self.weights[row].get(arm),
                    widget=UnfoldAdminIntegerFieldWidget(attrs={"aria-label": weight_named(*row, arm)}),
                )
        for name in {"time_zone", *self.CHOICES} & set(self.fields):
            self.fields[name] = self._choice(name)
        for name in {"release_days", "keywords"} & set(self.fields):
            self.fields[name].help_text = HELP[name]

    def _choice(self, name: str) -> forms.ChoiceField:
        now = getattr(self.instance, name)
        known = (
            self.CHOICES[name]() if name in self.CHOICES else [(zone, zone) for zone in sorted(available_timezones())]
        )
        choices = known if now in dict(known) else [(now, now), *known]
        return forms.ChoiceField(
            choices=choices, label=self.fields[name].label, help_text=HELP.get(name, ""), widget=UnfoldAdminSelectWidget
        )

    def clean(self) -> dict[str, Any]:
        """What two fields say together, and whether somebody else was faster."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            for check in self.CHECKS:
                for name, sentence in check(said):
                    self.add_error(name, str(sentence))
        if bool(said.get("new_source")) != (said.get("new_source_points") is not None):
            self.add_error("new_source", _("Another source needs its name and its points."))
        return said

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that differ from the row, as they would be."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name in FIELDS}

    @property
    def new_weights(self) -> previews.Weights:
        """The points that differ; None is the default again."""
        found: previews.Weights = {
            (*row, arm): self.cleaned_data[weight_field(*row, arm)]
            for row, points in self.weights.items()
            for arm in Arm.values
            if self.cleaned_data.get(weight_field(*row, arm)) != points.get(arm)
        }
        if self.cleaned_data.get("new_source"):
            key = self.cleaned_data["new_source"].strip().casefold()
            found["source", key, "a"] = self.cleaned_data["new_source_points"]
        return found

    @property
    def table(self) -> list[dict[str, Any]]:
        """The points as the page shows them: each rule with its default and a field for each table."""
        return [
            {
                "rule": RULE_NAMES.get(rule, rule),
                "key": key or (gettext("any other") if rule in ("persona", "source") else ""),
                "default": scoring.weight({}, rule, key),
                "a": self[weight_field(rule, key, "a")],
                "b": self[weight_field(rule, key, "b")],
            }
            for rule, key in self.weights
        ]

    def meanwhile(self) -> list[Event]:
        """What others changed after this form was filled in, the newest first."""
        seen = self.data.get(self.add_prefix("seen"), "")
        after = int(seen) if seen.isdecimal() and len(seen) < 18 else 0
        return list(queries.changes_of(self.instance).filter(pk__gt=after)[:20])

    def over_theirs(self, meanwhile: list[Event]) -> QueryDict:
        """What was typed, with what others changed meanwhile as they left it: to look at and to save once more."""
        typed = cast("QueryDict", self.data).copy()
        typed["seen"] = str(queries.newest_change(self.instance))
        for name in {name for event in meanwhile for name in event.data["changes"]} & set(self.fields):
            value = self.get_initial_for_field(self.fields[name], name)
            if isinstance(value, bool):
                typed.pop(name, None)
            if isinstance(value, list) and name == "release_days":
                typed.setlist(name, [str(one) for one in value])
            elif value is not False:
                typed[name] = "on" if value is True else ",".join(value) if isinstance(value, list) else str(value)
        return typed


def weight_field(rule: str, key: str, arm: str) -> str:
    """The name of the field with these points."""
    return f"points-{arm}-{rule}-{key}"


def weights_of(launch: Launch) -> dict[tuple[str, str], dict[str, int]]:
    """Every rule by its key, with the points that the launch gives in each table where it says so."""
    found: dict[tuple[str, str], dict[str, int]] = {row: {} for row in scoring.DEFAULT_WEIGHTS}
    for weight in launch.weights.order_by("rule", "key"):
        found.setdefault((weight.rule, weight.key), {})[weight.arm] = weight.points
    order = list(dict.fromkeys(rule for rule, _key in scoring.DEFAULT_WEIGHTS))
    known = sorted(found, key=lambda row: (order.index(row[0]) if row[0] in order else 99, not row[1], row[1]))
    return {row: found[row] for row in known}
