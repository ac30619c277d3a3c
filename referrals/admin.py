"""The console's pages of referrals, rewards and milestones: state is read-only, every change a verb with a reason."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from referrals import actions
from referrals.models import Milestone, Referral, Reward
from waitlist.admin import ReadOnly, with_reason


class Actable(ReadOnly):
    """Rows that moderators and owners act on."""

    show_full_result_count = False
    list_per_page = 50

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may change such rows."""
        return request.user.has_perm(f"referrals.change_{self.opts.model_name}")


@admin.register(Referral)
class ReferralAdmin(Actable):
    """Who brought whom."""

    list_display = ("id", "referrer", "referee", "status", "via", "created_at", "qualified_at")
    list_filter = ("launch", "status", "via")
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
    )
    actions = (with_reason(_("Void"), actions.void),)


@admin.register(Reward)
class RewardAdmin(Actable):
    """What people earned."""

    list_display = ("referrer", "milestone", "kind", "amount", "tier", "status", "reason", "granted_at")
    list_filter = ("referrer__launch", "status", "kind")
    list_select_related = ("referrer",)
    search_fields = ("=referrer__canonical", "=referrer__id")
    actions = (with_reason(_("Drop what is due"), actions.drop), with_reason(_("Claw back"), actions.claw_back))


@admin.register(Milestone)
class MilestoneAdmin(admin.ModelAdmin):
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
