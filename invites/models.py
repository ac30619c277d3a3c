"""Codes and what was done with them: batches, invites, redemptions, reservations, and refused attempts."""

from collections import Counter

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from outbox.models import Job
from waitlist.models import Entry, Launch


class CodeRun(models.Model):
    """Codes made together: what was asked for, so that asking again gives the same codes."""

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT)
    batch_id = models.TextField()
    asked = models.JSONField()
    by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, help_text=_("The end of its codes, exactly."))
    job = models.ForeignKey(
        Job, null=True, on_delete=models.SET_NULL, db_index=False, help_text=_("Makes them, where they are many.")
    )
    ready_at = models.DateTimeField(null=True, help_text=_("When the last of its codes was made."))
    taken_at = models.DateTimeField(null=True, help_text=_("When who made them took them away, which works once."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["launch", "batch_id"], name="one_run_per_batch_id")]

    def __str__(self) -> str:
        return self.batch_id


class Code(models.Model):
    """A secret with a number of uses. Its characters are derived (invites/codes.py); here stand a digest and the last four."""

    class Kind(models.TextChoices):
        PERSONAL = "personal", _("personal: a member's, to share")
        BULK = "bulk", _("bulk: for a campaign")
        VIP = "vip", _("VIP")
        WAITLIST = "waitlist", _("waitlist: an invite's")

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        REVOKED = "revoked"

    MOVES = {
        Status.ACTIVE: {Status.PAUSED, Status.REVOKED},
        Status.PAUSED: {Status.ACTIVE, Status.REVOKED},
        Status.REVOKED: set[Status](),
    }

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, db_index=False)
    kind = models.TextField(choices=Kind)
    digest = models.BinaryField(unique=True, help_text=_("Keyed hash of the folded code."))
    last4 = models.TextField()
    format = models.TextField()
    prefix = models.TextField(default="", db_default="")
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    key_version = models.PositiveSmallIntegerField()
    vanity = models.TextField(null=True, blank=True, help_text=_("Chosen by staff, public by nature, kept in clear."))
    status = models.TextField(choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    uses = models.PositiveIntegerField(default=0, db_default=0)
    reserved = models.PositiveIntegerField(default=0, db_default=0)
    max_uses = models.PositiveIntegerField(default=1, db_default=1)
    starts_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    tier = models.TextField(default="standard", db_default="standard")
    campaign = models.TextField(blank=True, default="", db_default="")
    channel = models.TextField(blank=True, default="", db_default="")
    run = models.ForeignKey(
        CodeRun, null=True, blank=True, on_delete=models.PROTECT, db_index=False, related_name="codes"
    )
    owner = models.ForeignKey(
        Entry, null=True, blank=True, on_delete=models.CASCADE, db_index=False, related_name="codes"
    )
    bound_key = models.BinaryField(null=True, help_text=_("Keyed hash of the only address that may use it."))
    bound_domain = models.TextField(blank=True, default="", db_default="")
    expiry_told = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=Now())
    by = models.TextField()

    class Meta:
        permissions = [
            ("make_code", "Can make codes"),
            ("reveal_code", "Can see a whole code"),
            ("pause_code", "Can pause codes"),
            ("resume_code", "Can let paused codes go on"),
            ("revoke_code", "Can revoke codes"),
            ("extend_code", "Can extend codes"),
            ("contain_code", "Can contain a leaked code"),
            ("partner_code", "Can give a partner a page of their channel"),
            ("import_code", "Can bring in a CSV file of codes"),
            ("export_code", "Can take a CSV file of codes"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses") - F("reserved")), name="uses_within_max_uses"),
            models.CheckConstraint(condition=Q(max_uses__gte=1), name="a_code_has_a_use"),
        ]
        indexes = [
            models.Index(fields=["owner"], name="code_owner", condition=Q(owner__isnull=False)),
            models.Index(fields=["run"], name="code_run", condition=Q(run__isnull=False)),
            models.Index(fields=["launch", "campaign"], name="code_campaign", condition=~Q(campaign="")),
            models.Index(fields=["launch", "channel"], name="code_channel", condition=~Q(channel="")),
            models.Index(fields=["expires_at"], name="code_expiry", condition=Q(expiry_told=False)),
            models.Index(fields=["last4"], name="code_last4"),
            # An invite's code is found by its invite: only what was bound by hand is looked up by the address.
            models.Index(
                fields=["bound_key"], name="code_bound", condition=Q(bound_key__isnull=False) & ~Q(kind="waitlist")
            ),
        ]

    def __str__(self) -> str:
        return f"…{self.last4}"


class Batch(models.Model):
    """One run of invitations. Its row is the cursor, so a killed worker loses nothing."""

    class Status(models.TextChoices):
        PLANNED = "planned"
        RELEASING = "releasing"
        PAUSED = "paused"
        RELEASED = "released"
        CANCELLED = "cancelled"

    MOVES = {
        Status.PLANNED: {Status.RELEASING, Status.CANCELLED},
        Status.RELEASING: {Status.PAUSED, Status.RELEASED, Status.CANCELLED},
        Status.PAUSED: {Status.RELEASING, Status.CANCELLED},
        Status.RELEASED: set[Status](),
        Status.CANCELLED: set[Status](),
    }

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT)
    status = models.TextField(choices=Status, default=Status.PLANNED, db_default=Status.PLANNED)
    size = models.PositiveIntegerField(
        null=True, help_text=_("How many were asked for; empty means what the day still allows.")
    )
    released = models.PositiveIntegerField(default=0, db_default=0)
    by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True)
    first_places = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("How many of the released places went to who came first.")
    )
    lottery_places = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("How many of the released places were drawn by lot.")
    )
    seed = models.TextField(
        default="", db_default="", help_text=_("With it anybody can draw the lots again and check them.")
    )

    class Meta:
        verbose_name_plural = "batches"
        permissions = [
            ("release_batch", "Can invite the next people"),
            ("pause_batch", "Can pause batches"),
            ("resume_batch", "Can let paused batches go on"),
            ("cancel_batch", "Can cancel batches"),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}"


class PaceDecision(models.Model):
    """How many a batch may invite where a gate is on, and why; a wait is a decision too."""

    class Step(models.TextChoices):
        BEGIN = "begin", _("begin")
        GROW = "grow", _("grow")
        SHRINK = "shrink", _("shrink")
        WAIT = "wait", _("wait")

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE)
    batch = models.ForeignKey(Batch, null=True, on_delete=models.CASCADE, db_index=False, related_name="pace_decisions")
    step = models.TextField(choices=Step)
    size = models.PositiveIntegerField()
    why = models.TextField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.step}: {self.size}"


class Invite(models.Model):
    """An offer to one entry: one invite, one code. Its signed token spends that same code."""

    class Status(models.TextChoices):
        ISSUED = "issued"
        SENT = "sent"
        BOUNCED = "bounced"
        REDEEMED = "redeemed"
        REVOKED = "revoked"
        DECLINED = "declined"

    MOVES = {
        Status.ISSUED: {Status.SENT, Status.REDEEMED, Status.REVOKED, Status.DECLINED},
        Status.SENT: {Status.BOUNCED, Status.REDEEMED, Status.REVOKED, Status.DECLINED},
        Status.BOUNCED: {Status.SENT, Status.REDEEMED, Status.REVOKED, Status.DECLINED},
        Status.REDEEMED: set[Status](),
        Status.REVOKED: set[Status](),
        Status.DECLINED: set[Status](),
    }

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="invites")
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.PROTECT, db_index=False)
    code = models.OneToOneField(Code, on_delete=models.CASCADE, related_name="invite")
    status = models.TextField(choices=Status, default=Status.ISSUED, db_default=Status.ISSUED)
    token_version = models.PositiveSmallIntegerField(default=1, db_default=1)
    lapse_told = models.BooleanField(default=False, db_default=False)
    issued_at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = [("issue_invite", "Can invite people by name"), ("resend_invite", "Can send an invite again")]
        indexes = [models.Index(fields=["batch"], name="invite_batch", condition=Q(batch__isnull=False))]

    def __str__(self) -> str:
        return f"invite {self.pk}"


class Redemption(models.Model):
    """Who used which code: when, from where, through which door."""

    code = models.ForeignKey(Code, on_delete=models.PROTECT, db_index=False, related_name="redemptions")
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="redemptions")
    at = models.DateTimeField(db_default=Now())
    door = models.TextField()
    by = models.TextField()
    network = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(default="", db_default="")

    class Meta:
        permissions = [("export_redemption", "Can take a CSV file of redemptions")]
        constraints = [models.UniqueConstraint(fields=["code", "entry"], name="one_redemption_per_code_and_entry")]

    def __str__(self) -> str:
        return f"redemption {self.pk}"


class Reservation(models.Model):
    """One use of a code kept for a person on the list, or for a contact that asked by `hold_id`, until the database's clock ends it.

    The second kind knows no entry until it is committed, so that it says nothing of who is on the list. The contact stands in
    it for a day after it ran out, as long as a retried call is answered.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        COMMITTED = "committed"
        RELEASED = "released"

    MOVES = {
        Status.OPEN: {Status.COMMITTED, Status.RELEASED},
        Status.COMMITTED: set[Status](),
        Status.RELEASED: set[Status](),
    }

    code = models.ForeignKey(Code, on_delete=models.CASCADE)
    entry = models.ForeignKey(Entry, null=True, on_delete=models.CASCADE)
    hold_id = models.UUIDField(null=True, unique=True)
    contact_kind = models.TextField(default="", db_default="")
    contact = models.TextField(default="", db_default="")
    canonical = models.TextField(default="", db_default="")
    status = models.TextField(choices=Status, default=Status.OPEN, db_default=Status.OPEN)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "entry"], condition=Q(status="open"), name="one_open_reservation"),
            models.UniqueConstraint(
                fields=["code", "contact_kind", "canonical"],
                condition=Q(status="open") & ~Q(canonical=""),
                name="one_open_hold",
            ),
            models.CheckConstraint(
                condition=Q(entry__isnull=False) | Q(hold_id__isnull=False), name="a_reservation_is_for_somebody"
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="reservation_open", condition=Q(status="open")),
            models.Index(fields=["expires_at"], name="reservation_contact", condition=~Q(canonical="")),
        ]

    def __str__(self) -> str:
        return f"reservation {self.pk}"

    @property
    def person(self) -> Entry:
        """Whose it is, of one that stands for a person on the list."""
        assert self.entry
        return self.entry


class Attempt(models.Model):
    """A code that was refused, with the true reason. Keyed hashes only: neither the code nor the address stands here."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    digest = models.BinaryField()
    address_key = models.BinaryField(null=True)
    network = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(default="", db_default="")
    device = models.TextField(default="", db_default="", help_text=_("The random number in the browser's own cookie."))
    door = models.TextField()
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["network", "at"], name="attempt_network"),
            models.Index(fields=["at"], name="attempt_newest"),
            models.Index(fields=["address_key", "at"], name="attempt_address", condition=Q(address_key__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.reason


class CampaignDay(models.Model):
    """What became of the codes of a campaign in a channel, by local date: openings as they come, the rest every few minutes.

    Made codes count on their day; people on the day they came, whatever becomes of them later.
    """

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False)
    campaign = models.TextField(default="", db_default="")
    channel = models.TextField(default="", db_default="")
    date = models.DateField()
    issued = models.PositiveIntegerField(default=0, db_default=0)
    opened = models.PositiveIntegerField(default=0, db_default=0)
    redeemed = models.PositiveIntegerField(default=0, db_default=0)
    registered = models.PositiveIntegerField(default=0, db_default=0)
    active = models.PositiveIntegerField(default=0, db_default=0)
    came = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("Who redeemed, and who is held before they could.")
    )
    held = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("Of those: held, turned away, or without access any more.")
    )
    due_day7 = models.PositiveIntegerField(default=0, db_default=0)
    retained_day7 = models.PositiveIntegerField(default=0, db_default=0)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "days of campaigns"
        constraints = [
            models.UniqueConstraint(fields=["launch", "campaign", "channel", "date"], name="one_campaign_day")
        ]

    def __str__(self) -> str:
        return f"{self.campaign} {self.channel} {self.date}"


class PartnerLink(models.Model):
    """A page of one channel's numbers for who brings its people: read by a signed link, until its end or its revocation."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        REVOKED = "revoked", _("revoked")

    MOVES = {Status.ACTIVE: {Status.REVOKED}, Status.REVOKED: set[Status]()}

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE)
    channel = models.TextField()
    partner = models.TextField(help_text=_("Who it is for, as staff call them."))
    status = models.TextField(choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    expires_at = models.DateTimeField()
    by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.partner}: {self.channel}"


class Containment(models.Model):
    """A leak that somebody contained. The codes are switched off at once, and revoked for good a day later; until then it
    can be undone. How far it came is told by the moments, which are never moved back.
    """

    class Net(models.TextChoices):
        MARKED = "marked", _("who came in the rush, or shares a network, browser, name or company with others")
        EVERYBODY = "everybody", _("everybody who came after it")

    class Members(models.TextChoices):
        HOLD = "hold", _("hold them for review: they keep their access until somebody has looked")
        SUSPEND = "suspend", _("suspend them: their access is gone until somebody restores it")

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, db_index=False)
    what = models.TextField(help_text=_("What leaked, by id: code:12, run:3, campaign:spring, channel:fair."))
    title = models.TextField(help_text=_("The same as a person reads it; of a code the last four."))
    by = models.TextField()
    reason = models.TextField()
    asked_at = models.DateTimeField(help_text=_("When it was pasted."))
    contained_at = models.DateTimeField(db_default=Now(), help_text=_("When its codes let nobody in any more."))
    finished_at = models.DateTimeField(null=True, help_text=_("When the last row was changed."))
    leaked_at = models.DateTimeField(null=True)
    net = models.TextField(choices=Net, default=Net.MARKED)
    members = models.TextField(choices=Members, default=Members.HOLD)
    reissue = models.BooleanField(default=True, help_text=_("Whether the unaffected get new codes."))
    counts = models.JSONField(default=dict)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+")
    run = models.ForeignKey(
        CodeRun,
        null=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
        help_text=_("The new codes that staff hand out."),
    )
    shown_at = models.DateTimeField(null=True, help_text=_("When staff read those, this once."))
    undone_at = models.DateTimeField(null=True)
    undone_by = models.TextField(default="", db_default="")
    undo_reason = models.TextField(default="", db_default="")
    undo_job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+")
    settled_at = models.DateTimeField(null=True, help_text=_("When its codes were revoked for good."))

    class Meta:
        permissions = [("undo_containment", "Can undo a containment")]
        constraints = [
            models.UniqueConstraint(
                fields=["launch", "what"],
                condition=Q(undone_at__isnull=True, settled_at__isnull=True),
                name="one_open_containment",
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | Q(settled_at__isnull=True), name="undone_or_settled"
            ),
        ]
        indexes = [
            models.Index(
                fields=["contained_at"],
                name="containment_open",
                condition=Q(undone_at__isnull=True, settled_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"containment {self.pk}"

    @property
    def totals(self) -> Counter[str]:
        """What it came to so far; 0 of what it has not come to yet."""
        return Counter(self.counts)


class ContainmentPart(models.Model):
    """One row that a containment changes: planned, then done (`at` is the moment of its event), then perhaps undone."""

    class Kind(models.TextChoices):
        LEAKED = "leaked", _("the leaked code")
        BRANCH = "branch", _("an unused code of the suspicious branch")
        PERSON = "person", _("a person")
        KEPT = "kept", _("a kept use")
        FRESH = "fresh", _("a new code for who is unaffected")

    class Done(models.TextChoices):
        PLANNED = "", _("still to do")
        PAUSED = "paused", _("switched off")
        HELD = "held", _("held")
        SUSPENDED = "suspended", _("suspended")
        GIVEN_BACK = "given_back", _("given back")
        REISSUED = "reissued", _("given a new code")
        LEFT = "left", _("left: it stood where nothing was to do")

    class Undone(models.TextChoices):
        NOT = "", _("stands")
        UNDONE = "undone", _("undone")
        LEFT = "left", _("left: somebody has changed it since")

    containment = models.ForeignKey(Containment, on_delete=models.CASCADE, related_name="parts")
    kind = models.TextField(choices=Kind)
    entry = models.ForeignKey(Entry, null=True, on_delete=models.CASCADE, related_name="+")
    code = models.ForeignKey(Code, null=True, on_delete=models.CASCADE, related_name="+")
    kept = models.ForeignKey(Reservation, null=True, on_delete=models.CASCADE, related_name="+")
    fresh = models.ForeignKey(Code, null=True, on_delete=models.CASCADE, related_name="+")
    uses = models.PositiveIntegerField(default=0, db_default=0, help_text=_("Of a new code: how often it may be used."))
    why = models.JSONField(default=list, help_text=_("Why somebody counted as suspicious: words and counts."))
    done = models.TextField(choices=Done, default="", db_default="", blank=True)
    at = models.DateTimeField(null=True)
    undone = models.TextField(choices=Undone, default="", db_default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["containment", "kind", "entry"], name="one_part_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.done}"
