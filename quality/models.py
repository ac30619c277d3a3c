"""What was found out about entries (Assessment), at the doors (Refusal), in the host product (Activity) and about the launch
as a whole (Reading, Tally, Gate, Decision, Override, Alert)."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from waitlist.models import Entry, Launch, between


class Assessment(models.Model):
    """One look at one person: the evidence, the rules that fired, and what followed. Never changed; a later look is a row more."""

    class Act(models.TextChoices):
        JOIN = "join", pgettext_lazy("what a person did", "joined")
        CONFIRM = "confirm", _("confirmed")
        REDEEM = "redeem", _("redeemed a code")
        AGAIN = "again", _("looked at again")

    class Verdict(models.TextChoices):
        ALLOW = "allow", _("allow")
        REVIEW = "review", _("review")
        DENY = "deny", _("deny")

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    entry = models.ForeignKey(
        Entry, null=True, on_delete=models.CASCADE, db_index=False, related_name="assessments"
    )  # null: a redemption that was refused leaves no entry
    act = models.TextField(choices=Act)
    evidence = models.JSONField(help_text=_("Counts and answers only: no address, no network, no text."))
    rules = ArrayField(models.TextField())
    score = models.PositiveSmallIntegerField()
    verdict = models.TextField(choices=Verdict)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["entry", "-id"], name="assessment_entry"),
            models.Index(fields=["launch", "-id"], name="assessment_caught", condition=~Q(verdict="allow")),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.score}"


class ListedDomain(models.Model):
    """What an owner knows better about a mail domain than the list of throw-away providers that comes with the release."""

    domain = models.CharField(max_length=253, unique=True, help_text=_("The domain alone, such as example.com."))
    is_disposable = models.BooleanField(default=True, help_text=_("A throw-away provider; off: an honest one."))
    by = models.TextField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.domain


class Bar(models.Model):
    """A domain or a network that staff blocked for a time: who comes from there is held for a look."""

    domain = models.CharField(max_length=253, blank=True, default="", db_default="")
    network = models.CharField(
        max_length=49,
        blank=True,
        default="",
        db_default="",
        help_text=_("Such as 203.0.113.0/24 or 2001:db8:1:2::/64."),
    )
    # The network's ends: comparing with them asks no type that Django lacks.
    first = models.GenericIPAddressField(null=True, editable=False)
    last = models.GenericIPAddressField(null=True, editable=False)
    reason = models.TextField()
    by = models.TextField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = [
            ("make_bar", "Can block a domain or a network"),
            ("end_bar", "Can unblock a domain or a network"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(domain="", first__isnull=False, last__isnull=False) | (~Q(domain="") & Q(network="")),
                name="bar_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["domain", "network"], condition=Q(ended_at__isnull=True), name="one_bar_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return self.domain or self.network


class Refusal(models.Model):
    """A door that said no, or looked as if it had not: one row for each rule, key, result and minute, so a flood fills no table."""

    class Result(models.TextChoices):
        REFUSED = "refused", _("told to come back later")
        COOLED = "cooled", _("cooling down after wrong codes")
        CHALLENGED = "challenged", _("asked for a proof of work")
        CAUGHT = "caught", _("looked accepted, and was not counted")

    rule = models.TextField(help_text=_("The scope and what it counts by, such as join:network."))
    key = models.TextField(help_text=_("What was counted, as a hash: no address and no code."))
    result = models.TextField(choices=Result)
    minute = models.DateTimeField()
    count = models.PositiveIntegerField(help_text=_("How often it had been by the last time."))
    limit = models.PositiveIntegerField()
    times = models.PositiveIntegerField(default=1, db_default=1, help_text=_("How often in this minute."))
    network = models.GenericIPAddressField(null=True)
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "key", "result", "minute"], name="one_refusal_row_a_minute")
        ]
        indexes = [models.Index(fields=["minute"], name="refusal_minute")]

    def __str__(self) -> str:
        return f"{self.rule} {self.result}"


class Activity(models.Model):
    """Something the host product told about a member. `at` is when it happened, which may be long before it was told."""

    class Kind(models.TextChoices):
        ACTIVATED = "activated"
        ENGAGED = "engaged"
        CONVERTED = "converted"
        CHURNED = "churned"
        SUPPORT_TICKET = "support_ticket"
        REPORTED = "reported"
        FEEDBACK = "feedback"

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    event_id = models.TextField(help_text=_("The host's own id: telling twice counts once."))
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, db_index=False, related_name="activities")
    kind = models.TextField(choices=Kind)
    feature = models.TextField(default="", db_default="")
    at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "activities"
        constraints = [models.UniqueConstraint(fields=["launch", "event_id"], name="one_activity_per_event_id")]
        indexes = [
            models.Index(fields=["entry", "kind"], name="activity_entry"),
            models.Index(fields=["launch", "kind", "at"], name="activity_window"),
            models.Index(fields=["launch", "-received_at"], name="activity_newest"),
        ]

    def __str__(self) -> str:
        return self.kind


class Answer(models.Model):
    """What a member answered to the launch's one question: 1 (not at all) to 5 (very), and perhaps a sentence."""

    entry = models.OneToOneField(Entry, on_delete=models.CASCADE, related_name="answer")
    score = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])
    comment = models.TextField(default="", db_default="")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(score__gte=1, score__lte=5), name="answer_within_1_5")]

    def __str__(self) -> str:
        return f"{self.score} of 5"


class Reading(models.Model):
    """What a metric said at a moment, over how many people. `value` is null where there was nothing to say."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    metric = models.TextField()
    value = models.FloatField(null=True)
    sample = models.PositiveIntegerField()
    newest_at = models.DateTimeField(null=True, help_text=_("When the newest thing it rests on was told."))
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["launch", "metric", "-at"], name="reading_latest")]

    def __str__(self) -> str:
        return f"{self.metric} {self.value}"


class Tally(models.Model):
    """Figures of a launch that are too dear to count for each look at the console, as they were counted last."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    name = models.TextField(help_text=_("Which tally: a function of an app's tallies.py."))
    counts = models.JSONField()
    seconds = models.FloatField(help_text=_("How long the counting took: by it the next one is due."))
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["launch", "name"], name="one_tally_per_name")]

    def __str__(self) -> str:
        return self.name


class Gate(models.Model):
    """Stops letting people in while a metric is bad. Where it closes and where it opens again lie apart, so it does not flutter."""

    class Stops(models.TextChoices):
        INVITES = "invites", _("invites: batches and invitations")
        EVERYTHING = "everything", _("everything: codes let nobody in either")

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, related_name="gates", db_index=False)
    metric = models.TextField()
    closes_at = models.FloatField(help_text=_("At this value or worse it closes."))
    opens_at = models.FloatField(help_text=_("At this value or better it opens again."))
    stops = models.TextField(choices=Stops, default=Stops.INVITES, db_default=Stops.INVITES)
    is_on = models.BooleanField(default=False, db_default=False)
    min_sample = models.PositiveIntegerField(
        default=30,
        validators=between(1, 1_000_000),
        help_text=_("Fewer people than this say nothing: it stays closed."),
    )
    max_age_hours = models.PositiveSmallIntegerField(
        default=24, validators=between(1, 24 * 30), help_text=_("What rests on news older than this says nothing.")
    )

    class Meta:
        permissions = [
            ("switch_gate", "Can switch gates on and off"),
            ("override_gate", "Can open a gate for a time"),
        ]
        constraints = [models.UniqueConstraint(fields=["launch", "metric"], name="one_gate_per_metric")]

    def __str__(self) -> str:
        return f"gate {self.metric}"


class Decision(models.Model):
    """What a gate decided at a moment, and why. Written by the evaluation; a grant reads the latest and asks its age."""

    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    is_open = models.BooleanField()
    why = models.TextField(help_text=_("healthy, recovering, bad, missing, stale or thin"))
    value = models.FloatField(null=True)
    sample = models.PositiveIntegerField(default=0, db_default=0)
    newest_at = models.DateTimeField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["gate", "-at"], name="decision_latest")]

    def __str__(self) -> str:
        return f"{'open' if self.is_open else 'closed'}: {self.why}"


class Override(models.Model):
    """A person opens a gate whatever it decides, with a reason and an end; `ended_at` when somebody ended it early."""

    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, related_name="overrides")
    reason = models.TextField()
    by = models.TextField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"until {self.until:%Y-%m-%d %H:%M}"


class Alert(models.Model):
    """Something a person should look at: raised once, counted while it lasts, ended when it is over."""

    launch = models.ForeignKey(Launch, null=True, on_delete=models.CASCADE)
    code = models.TextField(help_text=_("Which watch raised it."))
    subject = models.TextField(default="", db_default="", help_text=_("What it is about: a network, a source, a gate."))
    detail = models.TextField()
    since = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())
    times = models.PositiveIntegerField(default=1, db_default=1, help_text=_("How many looks in a row it was seen."))
    ended_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("end_alert", "Can end alerts")]
        constraints = [
            models.UniqueConstraint(
                fields=["launch", "code", "subject"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="one_open_alert",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.subject}".strip()
