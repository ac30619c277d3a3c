"""Referrals, the milestones of a launch, the rewards they pay, and the ledger of what was given and taken back."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from waitlist.models import Entry, Launch, between


class Referral(models.Model):
    """One friend brought by one person. Until the friend joins, a shared one knows their address as a keyed hash only."""

    class Status(models.TextChoices):
        SHARED = "shared"
        ATTRIBUTED = "attributed"
        CONFIRMED = "confirmed"
        QUALIFIED = "qualified"
        VOIDED = "voided"

    MOVES = {
        Status.SHARED: {Status.ATTRIBUTED, Status.CONFIRMED, Status.QUALIFIED, Status.VOIDED},
        Status.ATTRIBUTED: {Status.CONFIRMED, Status.QUALIFIED, Status.VOIDED},
        Status.CONFIRMED: {Status.QUALIFIED, Status.VOIDED},
        Status.QUALIFIED: {Status.VOIDED},
        Status.VOIDED: set[Status](),
    }

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    referrer = models.ForeignKey(Entry, on_delete=models.CASCADE, db_index=False, related_name="referrals")
    referee = models.ForeignKey(
        Entry, null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="brought_by"
    )
    recipient_key = models.BinaryField(null=True, help_text=_("Keyed hash of the address a mail was shared to."))
    status = models.TextField(choices=Status)
    via = models.TextField(help_text=_("link, code or share"))
    created_at = models.DateTimeField(db_default=Now())
    mailed_at = models.DateTimeField(null=True, help_text=_("When the one mail to the recipient was owed."))
    confirmed_at = models.DateTimeField(null=True)
    qualified_at = models.DateTimeField(null=True)
    void_reason = models.TextField(blank=True, default="", db_default="")
    void_for_good = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Staff said that it counts no more: whatever the friend does later makes no new one."),
    )

    class Meta:
        permissions = [
            ("void_referral", "Can void referrals"),
            ("import_referral", "Can bring in a CSV file of referrals"),
            ("export_referral", "Can take a CSV file of referrals"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(void_for_good=False) | Q(status="voided"), name="only_the_voided_are_void_for_good"
            ),
            models.UniqueConstraint(
                fields=["referee"],
                condition=Q(referee__isnull=False) & ~Q(status="voided"),
                name="one_referrer_per_friend",
            ),
            models.UniqueConstraint(
                fields=["referrer", "recipient_key"],
                condition=Q(recipient_key__isnull=False),
                name="one_share_per_recipient",
            ),
            models.CheckConstraint(condition=~Q(referee=models.F("referrer")), name="nobody_refers_themselves"),
        ]
        indexes = [
            models.Index(fields=["referrer", "status"], name="referral_referrer"),
            models.Index(fields=["recipient_key"], name="referral_recipient", condition=Q(recipient_key__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.referrer_id} → {self.referee_id}"


class Milestone(models.Model):
    """So many qualified friends pay this reward, once for ever. A launch without rows pays the defaults."""

    class Kind(models.TextChoices):
        CODES = "codes", _("codes")
        POINTS = "points", _("points")
        TIER = "tier", _("tier")

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, related_name="milestones")
    count = models.PositiveSmallIntegerField(validators=between(1, 10_000), help_text=_("Qualified friends."))
    kind = models.TextField(choices=Kind, default=Kind.CODES)
    amount = models.PositiveSmallIntegerField(default=3, validators=between(1, 200))
    tier = models.TextField(
        blank=True, default="", db_default="", help_text=_("Which tier, for a reward of that kind.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["launch", "count"], name="one_reward_per_count"),
            models.CheckConstraint(condition=~Q(kind="tier") | ~Q(tier=""), name="a_tier_reward_names_its_tier"),
        ]
        ordering = ["count"]

    def __str__(self) -> str:
        return f"{self.count} → {self.amount} {self.kind}"


class Reward(models.Model):
    """What a person earned. `milestone` is the count that paid it: unique, so it pays once for ever.

    What the count of friends took back when it fell is given again when it is back (`may_return`); what staff took back
    is not. Either way only what was taken back can be given again, as the ledger says.
    """

    class Status(models.TextChoices):
        DUE = "due"
        GRANTED = "granted"
        CLAWED_BACK = "clawed_back"
        DROPPED = "dropped"

    MOVES = {
        Status.DUE: {Status.GRANTED, Status.DROPPED},
        Status.GRANTED: {Status.CLAWED_BACK},
        Status.CLAWED_BACK: {Status.GRANTED},
        Status.DROPPED: set[Status](),
    }

    referrer = models.ForeignKey(Entry, on_delete=models.CASCADE, db_index=False, related_name="rewards")
    milestone = models.PositiveSmallIntegerField(null=True)
    kind = models.TextField(choices=Milestone.Kind)
    amount = models.PositiveSmallIntegerField()
    tier = models.TextField(blank=True, default="", db_default="")
    reason = models.TextField()
    status = models.TextField(choices=Status, default=Status.DUE, db_default=Status.DUE)
    created_at = models.DateTimeField(db_default=Now())
    granted_at = models.DateTimeField(null=True)
    may_return = models.BooleanField(
        default=False, db_default=False, help_text=_("Taken back because friends were voided; returns with the count.")
    )
    asked = models.UUIDField(
        null=True,
        editable=False,
        help_text=_("Of a reward that staff gave by hand: sending the form twice gives it once."),
    )
    tier_before = models.TextField(blank=True, default="", db_default="", help_text=_("To which a tier goes back."))

    class Meta:
        permissions = [
            ("drop_reward", "Can drop rewards that are due"),
            ("claw_back_reward", "Can take rewards back"),
            ("grant_reward", "Can grant a reward by hand"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["referrer", "milestone"], name="a_milestone_pays_once"),
            models.UniqueConstraint(fields=["asked"], name="a_form_gives_once"),
            models.CheckConstraint(
                condition=Q(may_return=False) | Q(status="clawed_back"), name="only_what_was_taken_back_may_return"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.kind}"


class LedgerLine(models.Model):
    """One thing given to a referrer, or taken back: +5 when a friend confirmed, and −5 beside it when the friend was voided.

    The database refuses to alter or delete a line. Like the trail it carries ids and outlives the rows they name, so that
    somebody can be erased and the sums of others stay right.
    """

    referrer = models.ForeignKey(
        Entry, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="ledger"
    )
    friend = models.ForeignKey(
        Entry, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    reward = models.ForeignKey(
        Reward, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="ledger"
    )
    kind = models.TextField(choices=Milestone.Kind)
    amount = models.SmallIntegerField()
    reason = models.TextField()
    by = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="a_ledger_line_says_something"),
            models.CheckConstraint(
                condition=Q(friend__isnull=True, reward__isnull=False) | Q(friend__isnull=False, reward__isnull=True),
                name="a_ledger_line_is_about_a_friend_or_a_reward",
            ),
        ]
        indexes = [
            models.Index(fields=["referrer", "id"], name="ledger_referrer"),
            models.Index(fields=["reward"], name="ledger_reward", condition=Q(reward__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} {self.kind}"
