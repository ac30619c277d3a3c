"""The console's pages of referrals, rewards and milestones: state is read-only, every change a verb with a reason."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from outbox.console import LatelySeen, Page, ReadOnly, Shown
from outbox.exports import Exported
from outbox.reasons import with_reason
from referrals import actions, queries
from referrals.models import LedgerLine, Milestone, Referral, Reward
from referrals.resources import ReferralResource
from waitlist.admin import LaunchAdmin
from waitlist.models import Entry
from waitlist.shown import NEEDS, ShowsPeople


@admin.display(description=_("quality of their friends"))
def quality_of_friends(entry: Entry) -> str:
    """The score of who brings people, and how it is made."""
    score, friends = queries.quality_of(entry)["quality_score"], queries.friends_decided(entry)
    if not friends.decided:
        return gettext("nothing is decided about anybody they brought")
    counted = {
        "score": f"{score:.2f}",
        "stayed": friends.stayed,
        "gone": friends.gone,
        "silent": friends.silent,
        "in_review": friends.in_review,
        "decided": friends.decided,
    }
    return (
        gettext(
            "%(score)s = (%(stayed)s stayed + 1) / (%(decided)s decided + 2). Decided: %(stayed)s stayed, %(gone)s gone or "
            "voided, %(silent)s never confirmed, %(in_review)s in review. Who waits for their turn counts neither way."
        )
        % counted
    )


class LedgerInline(Shown):
    """What was given and taken back, both lines."""

    model = LedgerLine
    fields = readonly_fields = ("at", "signed", "kind", "reason", "friend", "by")
    ordering = ("pk",)
    verbose_name_plural = _("ledger: what was given (+) and taken back (−)")

    @admin.display(description=_("amount"))
    def signed(self, line: LedgerLine) -> str:
        """With its sign: given, or taken back."""
        return f"{line.amount:+d}"


@admin.register(Referral)
class ReferralAdmin(ShowsPeople, Exported):
    """Who brought whom."""

    people = {"referrer": _("referrer"), "referee": _("friend")}
    resource = ReferralResource
    export_needs = "referrals.export_referral"
    export_related = ("referrer", "referee")
    import_kind = "referrals"
    export_columns_need: ClassVar[dict[str, str]] = {"referrer__contact": NEEDS, "referee__contact": NEEDS}

    list_display = ("id", "referrer", "referee", "status", "via", "created_at", "qualified_at")
    list_filter = ("launch", "status", ("via", LatelySeen), "referrer__confirmed_at")
    list_select_related = ("referrer", "referee")
    search_fields = ("=referrer__canonical", "=referee__canonical", "=id")
    fields = (
        "launch",
        "referrer",
        "referee",
        "status",
        "via",
        "created_at",
        "mailed_at",
        "confirmed_at",
        "qualified_at",
        "void_reason",
        "void_for_good",
        "ledger",
        "quality_of_referrer",
    )
    readonly_fields = ("ledger", "quality_of_referrer")
    actions = (with_reason(_("Void"), actions.void, "referrals.void_referral"),)

    @admin.display(description=_("ledger: what was given (+) and taken back (−)"))
    def ledger(self, referral: Referral) -> str:
        """The lines about this friend."""
        lines = LedgerLine.objects.filter(
            referrer=referral.referrer_id, friend__isnull=False, friend=referral.referee_id
        )
        told = ((f"{one.amount:+d}", one.kind, one.reason, f"{one.at:%Y-%m-%d %H:%M}") for one in lines.order_by("pk"))
        return format_html_join("", "<div>{} {}: {} ({})</div>", told) or "–"

    @admin.display(description=_("quality of their friends"))
    def quality_of_referrer(self, referral: Referral) -> str:
        """How good the friends of who brought this one are, and how that is made."""
        return quality_of_friends(referral.referrer)


class MilestonesInline(Shown):
    """What a launch pays for how many friends; each is changed on its own page."""

    model = Milestone
    fields = readonly_fields = ("count", "kind", "amount", "tier")
    verbose_name_plural = _("milestones: without a row here 3, 5, 10, 25 and 50 friends pay 3 codes each")


LaunchAdmin.inlines = (*LaunchAdmin.inlines, MilestonesInline)


@admin.register(Reward)
class RewardAdmin(ShowsPeople, ReadOnly):
    """What people earned."""

    people = {"referrer": _("referrer")}

    list_display = ("referrer", "milestone", "kind", "amount", "tier", "status", "reason", "granted_at")
    list_filter = ("referrer__launch", "status", "kind")
    list_select_related = ("referrer",)
    search_fields = ("=referrer__canonical", "=referrer__id")
    readonly_fields = ("quality_of_referrer",)
    inlines = (LedgerInline,)
    actions = (
        with_reason(_("Drop what is due"), actions.drop, "referrals.drop_reward"),
        with_reason(_("Claw back"), actions.claw_back, "referrals.claw_back_reward"),
    )

    @admin.display(description=_("quality of their friends"))
    def quality_of_referrer(self, reward: Reward) -> str:
        """How good the friends are that earned it, and how that is made."""
        return quality_of_friends(reward.referrer)


@admin.register(LedgerLine)
class LedgerLineAdmin(ShowsPeople, ReadOnly):
    """Every line of the ledger: what referrers were given and what was taken back, by whom and why."""

    people = {"referrer": _("referrer"), "friend": _("friend")}

    nothing = _("Nothing was given for bringing friends yet.")

    list_display = ("at", "referrer", "signed", "kind", "reason", "friend", "reward", "by")
    list_filter = ("kind", "at")
    list_select_related = ("referrer", "friend", "reward")
    search_fields = ("=referrer__canonical", "=referrer__id")
    ordering = ("-pk",)

    @admin.display(description=_("amount"), ordering="amount")
    def signed(self, line: LedgerLine) -> str:
        """With its sign: given, or taken back."""
        return f"{line.amount:+d}"


@admin.register(Milestone)
class MilestoneAdmin(Page):
    """What a launch pays for how many friends. Until the first change here, 3, 5, 10, 25 and 50 pay 3 codes each."""

    list_display = ("launch", "count", "kind", "amount", "tier")
    list_filter = ("launch",)

    def get_readonly_fields(self, request: HttpRequest, obj: Milestone | None = None) -> tuple[str, ...]:
        """A milestone is known by its launch and count; another count is another milestone."""
        return ("launch", "count") if obj else ()

    def save_model(self, request: HttpRequest, obj: Milestone, form: Any, change: bool) -> None:
        """By the verb, so that the trail has it."""
        made = actions.set_milestone(
            obj.launch, obj.count, kind=obj.kind, amount=obj.amount, tier=obj.tier, by=f"staff:{request.user.pk}"
        )
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Milestone) -> None:
        """By the verb."""
        actions.unset_milestone(obj, by=f"staff:{request.user.pk}")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Milestone]) -> None:
        """The same for the chosen ones."""
        for milestone in queryset:
            self.delete_model(request, milestone)
