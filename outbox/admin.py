"""The outbox in Django's admin: all of it is read-only; a dead letter is replayed and a suppression lifted by its verb."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from outbox import actions
from outbox.models import Delivery, Event, Suppression


class ReadOnly(admin.ModelAdmin):
    """Rows to look at: no form of the admin writes them."""

    show_full_result_count = False
    list_per_page = 50
    actions_selection_counter = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may press the verbs' buttons: who might change such rows."""
        return request.user.has_perm(f"outbox.change_{self.opts.model_name}")


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ["at", "kind", "subject", "by", "data"]
    list_display_links = ["at"]
    search_fields = ["subject__exact", "kind__exact", "by__exact"]
    search_help_text = "entry:12, code.redeemed or staff:5, in full"
    ordering = ["-id"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ["created_at", "name", "subject", "status", "attempts", "due_at", "last_error"]
    list_filter = ["status", "handler", "name"]
    exclude = ["sealed", "address_key"]
    search_fields = ["subject__exact", "message_id__exact"]
    search_help_text = "entry:12 or a Message-ID, in full"
    ordering = ["-id"]
    actions = ["replay"]

    @admin.action(description="Deliver again what was given up", permissions=["act"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        count = actions.replay(list(queryset.values_list("pk", flat=True)), by=f"staff:{request.user.pk}")
        text = ngettext("%(count)d delivery is owed again.", "%(count)d deliveries are owed again.", count) % {
            "count": count
        }
        note = text if count else _("Nothing to do: only a delivery that was given up can be replayed.")
        self.message_user(request, note, messages.SUCCESS if count else messages.WARNING)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnly):
    list_display = ["id", "reason", "at"]
    list_filter = ["reason"]
    exclude = ["address_key"]
    ordering = ["-id"]
    actions = ["lift"]

    @admin.action(description="Let mail go to these addresses again", permissions=["act"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = actions.lift(list(queryset.values_list("pk", flat=True)), by=f"staff:{request.user.pk}")
        text = ngettext("%(count)d address gets mail again.", "%(count)d addresses get mail again.", count) % {
            "count": count
        }
        self.message_user(request, text, messages.SUCCESS)
