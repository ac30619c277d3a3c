"""Referrals, the milestones of a launch, and the rewards they pay."""

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

    class Meta:
        constraints = [
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
    """What a person earned. `milestone` is the count that paid it: unique, so it pays once for ever."""

    class Status(models.TextChoices):
        DUE = "due"
        GRANTED = "granted"
        CLAWED_BACK = "clawed_back"
        DROPPED = "dropped"

    MOVES = {
        Status.DUE: {Status.GRANTED, Status.DROPPED},
        Status.GRANTED: {Status.CLAWED_BACK},
        Status.CLAWED_BACK: set[Status](),
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

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["referrer", "milestone"], name="a_milestone_pays_once"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.kind}"
