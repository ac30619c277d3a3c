"""What happened (Event, append-only), what is owed to the outside (Delivery), who outside hears of it (Endpoint), and answers
kept for retries (SavedReply)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """One line of the trail, written in the transaction of the change. The database refuses to alter or delete it."""

    kind = models.TextField()
    at = models.DateTimeField(db_default=Now())
    by = models.TextField()
    subject = models.TextField()
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["subject", "id"], name="event_subject")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Delivery(models.Model):
    """One thing owed to the outside or to a worker. It carries ids, never an address or a code; `sealed` is encrypted."""

    class Status(models.TextChoices):
        OWED = "owed"
        DONE = "done"
        GIVEN_UP = "given_up"

    MOVES = {
        Status.OWED: {Status.DONE, Status.GIVEN_UP},
        Status.GIVEN_UP: {Status.OWED},
        Status.DONE: set[Status](),
    }

    handler = models.TextField()
    name = models.TextField()
    subject = models.TextField()
    data = models.JSONField(default=dict)
    sealed = models.BinaryField(null=True)
    address_key = models.BinaryField(null=True, help_text="Keyed hash of the address: what the caps count.")
    dedupe = models.TextField(null=True)
    status = models.TextField(choices=Status, default=Status.OWED, db_default=Status.OWED)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    last_error = models.TextField(default="", db_default="")
    message_id = models.TextField(default="", db_default="")
    created_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                condition=Q(leased_until__isnull=True) | Q(status="owed"), name="only_what_is_owed_is_leased"
            ),
            # Named here, not unique=True: that would add an index for LIKE, which nobody asks, to every row.
            models.UniqueConstraint(fields=["dedupe"], name="one_delivery_per_dedupe"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(status="owed")),
            models.Index(
                fields=["address_key", "created_at"], name="delivery_address", condition=Q(address_key__isnull=False)
            ),
            models.Index(fields=["subject"], name="delivery_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.handler} {self.name} {self.subject}"


class Endpoint(models.Model):
    """Another program that hears of public facts. Its secrets stand sealed; after a rotation the old one signs as well."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        DISABLED = "disabled", _("disabled")

    MOVES = {Status.ACTIVE: {Status.DISABLED}, Status.DISABLED: {Status.ACTIVE}}

    url = models.TextField()
    events = ArrayField(models.TextField(), default=list, blank=True, help_text=_("Empty means every public event."))
    secret = models.BinaryField()
    old_secret = models.BinaryField(null=True)
    old_secret_until = models.DateTimeField(null=True)
    full_contact = models.BooleanField(
        default=False, db_default=False, help_text=_("Whether it is told names and addresses; otherwise ids alone.")
    )
    status = models.TextField(choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    disabled_reason = models.TextField(default="", db_default="")
    by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"endpoint {self.pk}"


class Suppression(models.Model):
    """An address that asked for no more mail, or bounced for good: kept as a keyed hash only."""

    address_key = models.BinaryField(unique=True, help_text="The first bytes (keys.SHORT) of the address's keyed hash.")
    reason = models.TextField(
        help_text="unsubscribed, bounced or complained; what stops which mail stands in policy.py."
    )
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.reason


class SavedReply(models.Model):
    """The answer to a POST with an Idempotency-Key; `status` is null while the first call runs. No secret stands here."""

    scope = models.TextField()
    key = models.TextField()
    fingerprint = models.BinaryField()
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(default=dict)
    ids = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "saved replies"
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="one_reply_per_key")]

    def __str__(self) -> str:
        return self.scope
