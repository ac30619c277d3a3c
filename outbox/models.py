"""What happened (Event, append-only), what is owed to the outside (Delivery), who outside hears of it (Endpoint), work on many
rows (Job), and answers kept for retries (SavedReply)."""

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
        permissions = [("replay_delivery", "Can deliver again what was given up")]
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
            models.Index(fields=["id"], name="delivery_given_up", condition=Q(status="given_up")),
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

    class Meta:
        permissions = [
            ("disable_endpoint", "Can disable an endpoint"),
            ("enable_endpoint", "Can enable an endpoint"),
            ("rotate_endpoint", "Can give an endpoint a new secret"),
        ]

    def __str__(self) -> str:
        return f"endpoint {self.pk}"


class Job(models.Model):
    """Work on many rows, done chunk by chunk by a worker. The row is the cursor, so a killed worker loses nothing."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    MOVES = {
        Status.RUNNING: {Status.DONE, Status.STOPPED, Status.FAILED},
        Status.STOPPED: {Status.RUNNING},
        Status.FAILED: {Status.RUNNING},
        Status.DONE: set[Status](),
    }

    name = models.TextField(help_text=_("What is done, by the permission it needs."))
    ids = ArrayField(models.BigIntegerField(), help_text=_("The rows, in the order they are worked on."))
    reason = models.TextField()
    by = models.TextField()
    status = models.TextField(choices=Status, default=Status.RUNNING, db_default=Status.RUNNING)
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0, db_default=0, help_text=_("How many rows were looked at."))
    changed = models.PositiveIntegerField(default=0, db_default=0)
    unchanged = models.JSONField(default=dict, help_text=_("How many could not be changed, by where they stood."))
    error = models.TextField(default="", db_default="")
    back = models.TextField(default="", db_default="", help_text=_("The page it was started from."))
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("stop_job", "Can stop a job"), ("resume_job", "Can let a job go on")]
        constraints = [models.CheckConstraint(condition=Q(done__lte=models.F("total")), name="job_within_its_rows")]

    def __str__(self) -> str:
        return f"job {self.pk}"


class Suppression(models.Model):
    """An address that asked for no more mail, or bounced for good: kept as a keyed hash only."""

    address_key = models.BinaryField(unique=True, help_text="The first bytes (keys.SHORT) of the address's keyed hash.")
    reason = models.TextField(
        help_text="unsubscribed, bounced or complained; what stops which mail stands in policy.py."
    )
    at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = [("lift_suppression", "Can let mail go to an address again")]

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
