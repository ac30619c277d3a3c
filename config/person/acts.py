"""What can be done with a person: each button is one verb with its own permission, and is shown where it makes sense."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from config.person.words import MESSAGES
from invites.actions import resending
from invites.admin.batches import invite_now
from outbox import actions as outbox
from outbox.console import may
from outbox.reasons import reason_field
from outbox.states import StaleState, sources
from referrals import actions as referrals
from referrals.models import Milestone
from referrals.policy import may_earn
from waitlist.actions import deciding, readdressing, reviewing
from waitlist.channels import Contact, read_any
from waitlist.models import Entry

TEXT = UnfoldAdminTextInputWidget


class Reason(forms.Form):
    """Why: it stands in the trail."""

    reason = reason_field()


class NewAddress(Reason):
    """The address that they are reached at from now on."""

    address = forms.CharField(
        label=gettext_lazy("New address or phone number"), max_length=254, widget=TEXT(attrs={"autocomplete": "off"})
    )
    vouched = forms.BooleanField(
        label=gettext_lazy("I know that it is theirs"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("Else who waits has to confirm it first, and keeps the place meanwhile."),
    )
    field_order = ("address", "vouched", "reason")

    def clean_address(self) -> Contact:
        """As a contact."""
        try:
            return read_any(self.cleaned_data["address"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class Gift(Reason):
    """What is given. `asked` is the form's own number, so that sending it twice gives it once."""

    asked = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid4)
    kind = forms.ChoiceField(
        label=gettext_lazy("What"), choices=Milestone.Kind.choices, widget=UnfoldAdminSelectWidget()
    )
    amount = forms.IntegerField(
        label=gettext_lazy("How many (codes or points)"),
        min_value=1,
        max_value=200,
        initial=3,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    tier = forms.CharField(label=gettext_lazy("Which tier"), max_length=40, required=False, widget=TEXT())
    field_order = ("asked", "kind", "amount", "tier", "reason")

    def clean(self) -> dict[str, Any]:
        """A tier is named."""
        said = super().clean() or self.cleaned_data
        if said.get("kind") == Milestone.Kind.TIER and not said.get("tier"):
            self.add_error("tier", _("Name the tier."))
        return said


class Note(Reason):
    """What the next moderator should know. The text goes when the person is erased; the trail says only that it was written."""

    reason = forms.CharField(
        label=gettext_lazy("Comment"), max_length=reviewing.LONGEST_COMMENT, widget=UnfoldAdminTextareaWidget()
    )


Run = Callable[[Entry, dict[str, Any], str], str]
Fits = Callable[[Entry], bool]


@dataclass(frozen=True, slots=True)
class Act:
    """One button: its name, its words, the permission, where it fits, the form it asks, and what it does."""

    name: str
    title: str | Promise
    needs: str
    fits: Fits
    run: Run
    form: type[Reason] = Reason
    about: str | Promise = ""
    tone: str = ""
    press: str | Promise = ""  # the words of the button that does it, where the title is the complaint


def on_one(verb: Any) -> Run:
    """A verb on many, for this one."""

    def run(entry: Entry, said: dict[str, Any], by: str) -> str:
        if not verb([entry.pk], said["reason"], by=by):
            raise StaleState(_("Somebody was faster, or they stand where this cannot be done."))
        return _("Done.")

    return run


def can_become(status: str) -> Fits:
    """Whether they stand where they may come to that state from."""
    return lambda entry: entry.status in sources(Entry, status)


def stands(*states: str) -> Fits:
    """Whether they stand so."""
    return lambda entry: entry.status in states


def resend(entry: Entry, said: dict[str, Any], by: str) -> str:
    """What fits their state is written again."""
    name = resending.resend(entry.pk, said["reason"], by=by)
    told = _("“%(name)s” is on its way again.") % {"name": MESSAGES[name]}
    return told + (" " + _("It has a new code; the old one is dead.") if name == "invited" else "")


def readdress(entry: Entry, said: dict[str, Any], by: str) -> str:
    """Another address."""
    readdressing.readdress(entry.pk, said["address"], said["reason"], vouched=said["vouched"], by=by)
    return _("They are reached there from now on.")


def note(entry: Entry, said: dict[str, Any], by: str) -> str:
    """For the next moderator."""
    reviewing.comment(entry.pk, said["reason"], by=by)
    return _("Written down.")


def give(entry: Entry, said: dict[str, Any], by: str) -> str:
    """A reward by hand."""
    gift = {name: said[name] for name in ("amount", "tier", "asked")}
    is_tier = said["kind"] == Milestone.Kind.TIER
    if is_tier:
        gift["amount"] = 1  # a tier has no number
    reward = referrals.grant_by_hand(entry.pk, said["kind"], said["reason"], by=by, **gift)
    given = (
        _("the tier %(tier)s") % {"tier": reward.tier} if is_tier else f"{reward.amount} {reward.get_kind_display()}"
    )
    return _("Given: %(reward)s. It stands in the ledger and can be clawed back there.") % {"reward": given}


def is_held(entry: Entry) -> bool:
    """The brake is on."""
    return entry.held_at is not None and entry.status != Entry.Status.ERASED


def is_reached(entry: Entry) -> bool:
    """There is something to be written to them."""
    return entry.status in resending.WRITTEN


def has_address(entry: Entry) -> bool:
    """They have an address that staff may change."""
    return entry.status not in readdressing.GONE


def may_be_held(entry: Entry) -> bool:
    """They are on their way in, and not held."""
    return entry.held_at is None and entry.status in ("pending", "waiting", "approved", "invited")


def can_be_invited(entry: Entry) -> bool:
    """They may be offered a place."""
    return entry.held_at is None and can_become("invited")(entry)


def can_be_given(entry: Entry) -> bool:
    """They may earn."""
    return may_earn(entry.status, held=entry.held_at is not None)


COMPLAINTS: Sequence[Act] = (
    Act(
        "resend",
        gettext_lazy("It did not arrive"),
        "invites.resend_invite",
        is_reached,
        resend,
        about=gettext_lazy(
            "Writes the message again that fits where they stand. An invite gets a new code: the old one is dead, and the "
            "deadline stays. One address gets at most 12 messages a day."
        ),
        press=gettext_lazy("Send again"),
    ),
    Act(
        "readdress",
        gettext_lazy("Change address"),
        "waitlist.readdress_entry",
        has_address,
        readdress,
        NewAddress,
        gettext_lazy(
            "Place, points, friends and codes stay. Private links that were sent before die, and an open invite goes to the "
            "new address with a new code. The old address is told that it was changed, not to what, if it was ever "
            "confirmed: its owner can object. A log-in they made keeps its address; they change that themselves."
        ),
    ),
)
DECISIONS: Sequence[Act] = (
    Act("comment", gettext_lazy("Comment"), "waitlist.comment_entry", has_address, note, Note),
    Act("approve", gettext_lazy("Approve"), "waitlist.approve_entry", can_become("approved"), on_one(deciding.approve)),
    Act(
        "invite",
        gettext_lazy("Invite now"),
        "invites.issue_invite",
        can_be_invited,
        on_one(invite_now),
        about=gettext_lazy("Whoever stands before them, within the day's quota and the gates."),
    ),
    Act("release", gettext_lazy("Release from hold"), "waitlist.release_entry", is_held, on_one(deciding.release)),
    Act("hold", gettext_lazy("Hold"), "waitlist.hold_entry", may_be_held, on_one(deciding.hold)),
    Act(
        "restore",
        gettext_lazy("Restore access"),
        "waitlist.restore_entry",
        stands("suspended"),
        on_one(deciding.restore),
    ),
    Act(
        "appeal",
        gettext_lazy("Put back into the queue"),
        "waitlist.appeal_entry",
        stands("rejected", "blocked"),
        on_one(deciding.appeal),
    ),
    Act(
        "suspend",
        gettext_lazy("Suspend access"),
        "waitlist.suspend_entry",
        stands("registered"),
        on_one(deciding.suspend),
        tone="danger",
    ),
    Act(
        "reject",
        gettext_lazy("Reject"),
        "waitlist.reject_entry",
        can_become("rejected"),
        on_one(deciding.reject),
        tone="danger",
    ),
    Act(
        "block",
        gettext_lazy("Block"),
        "waitlist.block_entry",
        can_become("blocked"),
        on_one(deciding.block),
        tone="danger",
    ),
    Act(
        "give",
        gettext_lazy("Give a reward"),
        "referrals.grant_reward",
        can_be_given,
        give,
        Gift,
        gettext_lazy("Codes, points or a tier, in the same ledger as what friends earn. It can be clawed back."),
    ),
)
ACTS: dict[str, Act] = {act.name: act for act in (*COMPLAINTS, *DECISIONS)}


def lifting(suppression_id: int) -> Act:
    """Lets messages go to their address again."""

    def run(_entry: Entry, said: dict[str, Any], by: str) -> str:
        outbox.lift([suppression_id], said["reason"], by=by)
        return _("Messages go to this address again.")

    return Act(
        "lift",
        gettext_lazy("Let messages go there again"),
        "outbox.lift_suppression",
        lambda _entry: True,
        run,
        about=gettext_lazy(
            "Only when the mailbox works again, or its owner asks: mail that bounces harms all our mail."
        ),
    )


def offered(acts: Sequence[Act], user: Any, entry: Entry) -> list[Act]:
    """Those that fit, and that they may do."""
    return [act for act in acts if may(user, act.needs) and act.fits(entry)]
