"""Launches, entries and their points; the counters that make a position exact; the row of each day."""

from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

DEFAULT_KEYWORDS = ("marketing", "content", "automation", "time")


def default_keywords() -> list[str]:
    """Words in a use case that earn points until the owner names others."""
    return list(DEFAULT_KEYWORDS)


def known_time_zone(name: str) -> None:
    """Refuses a zone that the machine's time zone data does not know."""
    if name not in available_timezones():
        raise ValidationError(_("%(name)s is not a time zone; write it like Europe/Berlin."), params={"name": name})


def between(low: int, high: int) -> list[MinValueValidator | MaxValueValidator]:
    """The validators of a bounded whole number."""
    return [MinValueValidator(low), MaxValueValidator(high)]


class Launch(models.Model):
    """What people wait for, and everything its owner tunes while it runs."""

    class Mode(models.TextChoices):
        WAITLIST = "waitlist", _("waitlist: people join and are invited in order")
        CODES = "codes", _("codes: only a code lets people in, joining is closed")
        BOTH = "both", _("both: people join, and codes let them in at once")
        OPEN = "open", _("open: everybody may register")

    class Approval(models.TextChoices):
        OPEN = "open", _("open: everybody who waits may be invited")
        MANUAL = "manual", _("manual: only people a moderator approved")

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    tagline = models.CharField(max_length=200, blank=True, default="")
    enabled = models.BooleanField(default=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.BOTH)
    approval = models.CharField(max_length=10, choices=Approval, default=Approval.OPEN)
    invite_on_approval = models.BooleanField(default=False, help_text=_("Send a code as soon as a moderator approves."))
    confirm_contact = models.BooleanField(default=True, help_text=_("People confirm their address before they wait."))
    reveal_membership = models.BooleanField(
        default=False, help_text=_("Tell anybody who asks whether an address waits.")
    )
    stats_public = models.BooleanField(default=True)
    daily_quota = models.PositiveIntegerField(default=100, validators=between(0, 1_000_000))
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    release_days = ArrayField(
        models.PositiveSmallIntegerField(validators=between(1, 7)),
        default=list,
        blank=True,
        help_text=_("Days on which batches go out: 1 is Monday, 7 is Sunday; empty means every day."),
    )
    release_hour = models.PositiveSmallIntegerField(
        default=9, validators=between(0, 23), help_text=_("The local hour at which the daily batch goes out.")
    )
    invite_days = models.PositiveSmallIntegerField(default=7, validators=between(1, 365))
    member_codes = models.PositiveSmallIntegerField(default=3, validators=between(0, 100))
    member_code_days = models.PositiveSmallIntegerField(default=30, validators=between(1, 365))
    code_days = models.PositiveSmallIntegerField(default=60, validators=between(1, 365))
    code_format = models.CharField(max_length=20, default="standard")
    approve_below = models.PositiveSmallIntegerField(
        default=0,
        validators=between(0, 200),
        help_text=_(
            "Who has fewer points than this is invited only once a moderator approved them; 0: nobody needs it."
        ),
    )
    vouched_only = models.BooleanField(
        default=False,
        help_text=_("Only who came by a friend or a vouched source is invited; others once a moderator approved them."),
    )
    limit_percent = models.PositiveSmallIntegerField(
        default=100,
        validators=between(50, 1000),
        help_text=_(
            "How many tries from one network or browser the doors take, of 100 in the table of limits. All launches share "
            "the doors, so the widest counts; what keeps guesses and mail bombs out stays as it is."
        ),
    )
    referral_cap = models.PositiveSmallIntegerField(
        default=50, validators=between(0, 200), help_text=_("The most points one person gains from confirmed friends.")
    )
    keywords = ArrayField(models.CharField(max_length=40), default=default_keywords, blank=True)
    trial_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=between(0, 100),
        help_text=_("How many of 100 people are scored by table B, chosen by a hash of their contact."),
    )
    review_score = models.PositiveSmallIntegerField(
        default=50, validators=between(1, 1000), help_text=_("The risk from which a person is held for review.")
    )
    deny_score = models.PositiveSmallIntegerField(
        default=100, validators=between(1, 1000), help_text=_("The risk from which a person is turned away.")
    )
    share_first = models.PositiveSmallIntegerField(
        default=0,
        validators=between(0, 100),
        help_text=_("How many of 100 places go to who came first, whatever their points."),
    )
    share_lottery = models.PositiveSmallIntegerField(
        default=0,
        validators=between(0, 100),
        help_text=_("How many of 100 places are drawn by lot among all who wait."),
    )
    bake_days = models.PositiveSmallIntegerField(
        default=3, validators=between(0, 30), help_text=_("Where a gate is on: days between a batch and the next one.")
    )
    pace_step = models.PositiveIntegerField(
        default=25,
        validators=between(1, 1_000_000),
        help_text=_("Where a gate is on: the first batch, and by how much a healthy one lets the next grow."),
    )
    question = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text=_("One short question to members, days after they came in; empty asks nothing."),
    )
    question_days = models.PositiveSmallIntegerField(default=7, validators=between(1, 90))
    trace_days = models.PositiveSmallIntegerField(
        default=90, validators=between(1, 365), help_text=_("How long network and browser of a join are kept.")
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "launches"
        permissions = [
            ("tighten_launch", "Can tighten a launch for a time"),
            ("widen_launch", "Can take a launch a step towards open registration"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(share_first__lte=100 - F("share_lottery")), name="shares_within_100"),
            models.CheckConstraint(condition=Q(review_score__lte=F("deny_score")), name="review_before_deny"),
        ]

    def __str__(self) -> str:
        return self.name


class Arm(models.TextChoices):
    """The two scoring tables that may run side by side."""

    A = "a", _("A")
    B = "b", _("B")


class PointsWeight(models.Model):
    """How many points a rule gives on this launch; a rule without a row gives its default (waitlist/scoring.py)."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, related_name="weights")
    rule = models.CharField(max_length=40)
    key = models.CharField(
        max_length=40, blank=True, default="", help_text=_("The persona or source, where the rule tells them apart.")
    )
    arm = models.CharField(
        max_length=1,
        choices=Arm,
        default=Arm.A,
        db_default=Arm.A,
        help_text=_("Table B says only what differs from A, and scores the launch's trial share of people."),
    )
    points = models.SmallIntegerField(validators=between(-200, 200))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["launch", "rule", "key", "arm"], name="one_weight_per_rule")]

    def __str__(self) -> str:
        return f"{self.rule} {self.key} {self.points}"


class Turn(models.Model):
    """Several settings turned at once: tightened for a time, or a step wider. It knows what they were, and can be taken back."""

    class Kind(models.TextChoices):
        TIGHTEN = "tighten", _("tightened")
        QUOTA = "quota", _("a higher quota")
        LIMITS = "limits", _("wider limits")
        OPEN = "open", _("no invites: open to everybody")

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, related_name="turns", db_index=False)
    kind = models.TextField(choices=Kind)
    before = models.JSONField(help_text=_("What the settings were."))
    after = models.JSONField(help_text=_("What they were turned to."))
    left = ArrayField(
        models.TextField(), default=list, help_text=_("Settings that an owner changed since: those stay as they are.")
    )
    until = models.DateTimeField(null=True, help_text=_("When it ends by itself."))
    reason = models.TextField()
    by = models.TextField()
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    ended_by = models.TextField(default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["launch", "kind"], name="one_turn_of_a_kind", condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                condition=~Q(kind="tighten") | Q(until__isnull=False), name="a_tightening_has_an_end"
            ),
        ]
        indexes = [models.Index(fields=["until"], name="turn_until", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.kind} {self.launch_id}"


class SourceLink(models.Model):
    """A signed link that vouches for a source, so that people who come by it get its points."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE)
    source = models.CharField(max_length=40)
    expires_at = models.DateTimeField()
    cap = models.PositiveIntegerField(null=True, blank=True)
    used = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cap__isnull=True) | Q(used__lte=models.F("cap")), name="source_link_within_cap"
            )
        ]

    def __str__(self) -> str:
        return self.source


COUNTED_ROWS = Q(status__in=["waiting", "approved"], held_at__isnull=True)
APPROVED_ROWS = Q(status="approved", held_at__isnull=True)
HELD_STATES = ["pending", "waiting", "approved", "invited", "registered", "suspended"]  # in which a hold needs a look
HELD_ROWS = Q(held_at__isnull=False, status__in=HELD_STATES)
NEW_ROWS = Q(status__in=["pending", "waiting"], held_at__isnull=True)
VOUCHED_ROWS = Q(status="approved") | Q(vouched=True) | Q(referred_by__isnull=False)


class Entry(models.Model):
    """One person on one launch's list."""

    class Status(models.TextChoices):
        PENDING = "pending", _("not confirmed yet")
        WAITING = "waiting", _("waiting")
        APPROVED = "approved", _("approved")
        INVITED = "invited", _("invited")
        REGISTERED = "registered", _("registered")
        REJECTED = "rejected", _("rejected")
        BLOCKED = "blocked", _("blocked")
        LEFT = "left", _("left")
        SUSPENDED = "suspended", _("suspended")
        ERASED = "erased", _("erased")

    MOVES = {
        Status.PENDING: {
            Status.WAITING,
            Status.INVITED,
            Status.REGISTERED,
            Status.REJECTED,
            Status.BLOCKED,
            Status.LEFT,
            Status.ERASED,
        },
        Status.WAITING: {
            Status.PENDING,  # a new address is to be confirmed
            Status.APPROVED,
            Status.INVITED,
            Status.REGISTERED,
            Status.REJECTED,
            Status.BLOCKED,
            Status.LEFT,
            Status.ERASED,
        },
        Status.APPROVED: {
            Status.INVITED,
            Status.REGISTERED,
            Status.REJECTED,
            Status.BLOCKED,
            Status.LEFT,
            Status.ERASED,
        },
        Status.INVITED: {
            Status.REGISTERED,
            Status.WAITING,
            Status.REJECTED,
            Status.BLOCKED,
            Status.LEFT,
            Status.ERASED,
        },
        Status.LEFT: {Status.PENDING, Status.WAITING, Status.REGISTERED, Status.ERASED},
        Status.REJECTED: {Status.PENDING, Status.WAITING, Status.ERASED},
        Status.BLOCKED: {Status.PENDING, Status.WAITING, Status.ERASED},
        Status.REGISTERED: {Status.SUSPENDED, Status.ERASED},
        Status.SUSPENDED: {Status.REGISTERED, Status.ERASED},
        Status.ERASED: set[Status](),
    }

    Arm = Arm

    class Kind(models.TextChoices):
        EMAIL = "email", _("e-mail")
        PHONE = "phone", _("phone")

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, db_index=False)
    status = models.TextField(choices=Status, default=Status.PENDING)
    place = models.BigIntegerField(null=True, help_text=_("Who came first; taken from a sequence when confirmed."))
    priority = models.SmallIntegerField(default=0, db_default=0)
    contact_kind = models.TextField(choices=Kind, default=Kind.EMAIL)
    contact = models.TextField()
    canonical = models.TextField(db_collation="C")  # so that its index finds beginnings whatever the database sorts by
    name = models.TextField(blank=True, default="", db_default="")
    use_case = models.TextField(blank=True, default="", db_default="")
    persona = models.TextField(blank=True, default="", db_default="")
    source = models.TextField(default="organic", db_default="organic")
    vouched = models.BooleanField(
        default=False, db_default=False, help_text=_("Somebody we know stands for the source.")
    )
    utm = models.JSONField(default=dict, blank=True, db_default={})
    locale = models.TextField(default="en", db_default="en")
    consent = models.TextField(
        default="caller", db_default="caller", help_text=_("Who collected it: the page, or the caller.")
    )
    tier = models.TextField(default="standard", db_default="standard")
    held_at = models.DateTimeField(null=True, blank=True)
    held_by = models.TextField(blank=True, default="", db_default="")
    held_reason = models.TextField(blank=True, default="", db_default="")
    deferred_until = models.DateTimeField(null=True, blank=True)
    arm = models.TextField(choices=Arm, default=Arm.A, db_default=Arm.A, help_text=_("Which table gave the points."))
    lapses = models.PositiveSmallIntegerField(default=0, db_default=0)
    referral_code = models.TextField()
    referred_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="referees"
    )
    invited_by = models.TextField(blank=True, default="", db_default="")
    member_id = models.UUIDField(db_default=RandomUUID(), editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="entries",
    )
    host_user_id = models.TextField(blank=True, default="", db_default="")
    link_version = models.PositiveSmallIntegerField(default=1, db_default=1)
    confirm_round = models.PositiveSmallIntegerField(default=1, db_default=1)
    confirm_tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    confirm_sent_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True, blank=True)
    invited_at = models.DateTimeField(null=True, blank=True)
    registered_at = models.DateTimeField(null=True, blank=True)

    COUNTED = COUNTED_ROWS

    class Meta:
        verbose_name_plural = "entries"
        permissions = [
            ("contact_entry", "Can see addresses in full"),
            ("approve_entry", "Can approve people"),
            ("hold_entry", "Can hold people"),
            ("release_entry", "Can release people from hold"),
            ("reject_entry", "Can reject people"),
            ("block_entry", "Can block people"),
            ("appeal_entry", "Can put people back into the queue"),
            ("suspend_entry", "Can suspend people's access"),
            ("restore_entry", "Can restore people's access"),
            ("comment_entry", "Can write comments about people"),
            ("prioritise_entry", "Can give people points by hand"),
            ("rescore_entry", "Can score those who wait anew"),
            ("unscore_entry", "Can take a new scoring back"),
            ("readdress_entry", "Can change a person's address"),
            ("erase_entry", "Can erase people"),
            ("takeout_entry", "Can hand out all that is kept about a person"),
            ("import_entry", "Can bring in a CSV file of people"),
            ("export_entry", "Can take a CSV file of people"),
        ]
        constraints = [
            # Named here, not unique=True: that would add an index for LIKE, which nobody asks, to every join.
            models.UniqueConstraint(fields=["referral_code"], name="one_entry_per_referral_code"),
            models.UniqueConstraint(fields=["launch", "contact_kind", "canonical"], name="one_entry_per_contact"),
            models.CheckConstraint(condition=Q(priority__gte=0, priority__lte=200), name="priority_within_0_200"),
            models.CheckConstraint(
                condition=~Q(status__in=["waiting", "approved", "invited"]) | Q(place__isnull=False),
                name="who_waits_has_a_place",
            ),
        ]
        indexes = [
            # The order: highest priority first, then who came first. Only who is counted stands in it.
            models.Index("launch", models.F("priority").desc(), "place", name="entry_order", condition=COUNTED_ROWS),
            models.Index(
                "launch", models.F("priority").desc(), "place", name="entry_approved", condition=APPROVED_ROWS
            ),
            # What moderators look at, oldest first: who is held, who has not confirmed, who waits to be approved.
            models.Index(fields=["launch", "held_at", "id"], name="entry_held", condition=HELD_ROWS),
            models.Index(fields=["launch", "status", "id"], name="entry_new", condition=NEW_ROWS),
            # Who may be invited while only vouched channels count: few of many, so the walk must not pass over everybody else.
            models.Index(
                "launch",
                models.F("priority").desc(),
                "place",
                name="entry_vouched",
                condition=COUNTED_ROWS & VOUCHED_ROWS,
            ),
            models.Index(fields=["referred_by"], name="entry_referred_by", condition=Q(referred_by__isnull=False)),
            # What the console's list filters by, the newest first. A join pays for the first two alone; who waits or has
            # not confirmed is found by the first one.
            models.Index(fields=["created_at"], name="entry_newest"),
            models.Index(fields=["source", "created_at"], name="entry_source"),
            models.Index(
                fields=["status", "created_at"], name="entry_status", condition=~Q(status__in=["pending", "waiting"])
            ),
            models.Index(fields=["created_at"], name="entry_held_newest", condition=Q(held_at__isnull=False)),
            models.Index(fields=["invited_at"], name="entry_invited", condition=Q(invited_at__isnull=False)),
            models.Index(fields=["registered_at"], name="entry_registered", condition=Q(registered_at__isnull=False)),
            models.Index(fields=["user"], name="entry_user", condition=Q(user__isnull=False)),
            # What the host's reports name members by.
            models.Index(fields=["launch", "host_user_id"], name="entry_host_user", condition=~Q(host_user_id="")),
            models.Index(fields=["member_id"], name="entry_member", condition=Q(registered_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk}"

    @property
    def first_name(self) -> str:
        """The first word of the name, or ""."""
        return (self.name.split() or [""])[0]


class Comment(models.Model):
    """What staff noted about a person, for one another. It goes with the entry, so the trail says only that it was written."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, db_index=False, related_name="comments")
    text = models.TextField()
    by = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["entry", "id"], name="comment_entry")]

    def __str__(self) -> str:
        return f"comment {self.pk}"


class Points(models.Model):
    """Why somebody moves up: one line each. Their sum, clamped to 0..200, is the entry's priority."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, db_index=False, related_name="points")
    rule = models.TextField()
    key = models.TextField(
        default="", db_default="", help_text=_("What tells two lines of one rule apart: a friend, a milestone.")
    )
    points = models.SmallIntegerField()
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "points"
        constraints = [models.UniqueConstraint(fields=["entry", "rule", "key"], name="one_line_per_rule")]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.rule}"


class Trace(models.Model):
    """From where and with what somebody acted; purged after the launch's trace_days."""

    class Act(models.TextChoices):
        JOIN = "join"
        CONFIRM = "confirm"
        REDEEM = "redeem"

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, db_index=False, related_name="traces")
    act = models.TextField(choices=Act, default=Act.JOIN, db_default=Act.JOIN)
    network = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(default="", db_default="")
    device = models.TextField(default="", db_default="", help_text=_("The random number in the browser's own cookie."))
    domain = models.TextField(default="", db_default="", help_text=_("Of the address, unless it is free mail."))
    text_key = models.BinaryField(null=True, help_text=_("Keyed hash of the words of the use case."))
    stem_key = models.BinaryField(null=True, help_text=_("Keyed hash of the address without tags and numbers."))
    form_seconds = models.FloatField(null=True)
    country = models.TextField(default="", db_default="")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["network", "at"], name="trace_network", condition=Q(network__isnull=False)),
            models.Index(fields=["device", "at"], name="trace_device", condition=~Q(device="")),
            models.Index(fields=["domain", "at"], name="trace_domain", condition=~Q(domain="")),
            models.Index(fields=["text_key", "at"], name="trace_text", condition=Q(text_key__isnull=False)),
            models.Index(fields=["entry", "id"], name="trace_entry"),
            models.Index(fields=["launch", "at"], name="trace_launch"),
        ]

    def __str__(self) -> str:
        return f"{self.network}"


class Tombstone(models.Model):
    """That somebody was erased: whose row it was, and a keyed hash of the address, so that a restored dump can be cleaned again."""

    entry_id = models.BigIntegerField(unique=True)
    address_key = models.BinaryField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"tombstone {self.entry_id}"


class Day(models.Model):
    """One local date of one launch: how many were granted a place. The row that no mix of doors can overdraw."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, related_name="days", db_index=False)
    date = models.DateField()
    granted = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["launch", "date"], name="one_row_per_day")]

    def __str__(self) -> str:
        return f"{self.date}: {self.granted}"


class QueueCount(models.Model):
    """How many counted people stand in a block of places; see waitlist/ranking.py. Written by the fold alone."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    level = models.PositiveSmallIntegerField()
    priority = models.SmallIntegerField()
    block = models.BigIntegerField()
    n = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["launch", "level", "priority", "block"], name="one_count_per_block", include=["n"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.level}/{self.priority}/{self.block}: {self.n}"


class QueueDelta(models.Model):
    """A change of a block's count not folded in yet. Written by the database's own triggers on Entry."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    priority = models.SmallIntegerField()
    block = models.BigIntegerField()
    n = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.priority}/{self.block}: {self.n:+d}"


class Upload(models.Model):
    """A file of rows that somebody brought: read, looked at, then done. All of it stands sealed and is gone after a day."""

    class Status(models.TextChoices):
        ASKING = "asking", _("waits for you to say how it is read")
        CHECKING = "checking", _("is looked at")
        CHECKED = "checked", _("was looked at")
        STARTED = "started", _("was let go")

    MOVES = {
        Status.ASKING: {Status.CHECKING},
        Status.CHECKING: {Status.CHECKED, Status.ASKING},
        Status.CHECKED: {Status.ASKING, Status.CHECKING, Status.STARTED},
        Status.STARTED: set[Status](),
    }

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE)
    kind = models.TextField(help_text=_("What the rows are: entries, codes or referrals."))
    act = models.TextField(help_text=_("What is done with them."))
    confirmed = models.BooleanField(default=False, help_text=_("Whether the people confirmed their address elsewhere."))
    name = models.TextField(help_text=_("Of the file."))
    status = models.TextField(choices=Status, default=Status.ASKING, db_default=Status.ASKING)
    size = models.PositiveIntegerField(help_text=_("In bytes."))
    rows = models.PositiveIntegerField(help_text=_("About how many lines the file has."))
    encoding = models.TextField()
    delimiter = models.TextField()
    headings = models.BooleanField(default=True, help_text=_("Whether the first row names the columns."))
    mapping = models.JSONField(default=dict, help_text=_("Which column of the file is which of ours, by its number."))
    looked = models.PositiveIntegerField(default=0, db_default=0, help_text=_("How many rows were looked at."))
    why = models.TextField(default="", db_default="", help_text=_("What is wrong with the whole file."))
    told = models.JSONField(default=dict)
    job = models.ForeignKey("outbox.Job", null=True, on_delete=models.SET_NULL)
    by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["created_at"], name="upload_age")]

    def __str__(self) -> str:
        return f"upload {self.pk}"


class UploadBlock(models.Model):
    """A part of the file as it came, sealed, so that it can be read anew in another encoding."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="blocks")
    sealed = models.BinaryField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"block {self.pk}"


class UploadLine(models.Model):
    """A row of the file and what would come of it, or came. What it says is sealed; `key` finds the same thing said twice."""

    class Verdict(models.TextChoices):
        NEW = "new", _("new")
        CHANGED = "changed", _("changes")
        SAME = "same", _("changes nothing")
        TWICE = "twice", _("twice in the file")
        REFUSED = "refused", _("refused")
        DONE = "done", _("done")

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="lines", db_index=False)
    line = models.PositiveIntegerField(help_text=_("The number that a text editor shows."))
    key = models.BinaryField(null=True)
    sealed = models.BinaryField()
    verdict = models.TextField(choices=Verdict)
    why = models.TextField(default="", db_default="")
    told = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["upload", "verdict", "line"], name="upload_line_verdict"),
            models.Index(fields=["upload", "key"], name="upload_line_key", condition=Q(key__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"line {self.line}"
