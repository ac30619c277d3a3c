"""What a person should look at: the alerts."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from outbox import countries
from outbox.console import ReadOnly
from outbox.reasons import with_reason
from quality.actions import alerting
from quality.models import Alert
from quality.watches import title_of, watches


class OpenOrEnded(admin.SimpleListFilter):
    """Whether it is still seen."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Two words."""
        return [("open", _("open")), ("ended", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        """The chosen ones."""
        return queryset if self.value() is None else queryset.filter(ended_at__isnull=self.value() == "open")


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    """What a person should look at: the open ones first."""

    nothing = _(
        "Nothing to look at: every five minutes the watches look at joins, codes, refusals, networks, "
        "gates and mails, and raise here what is odd."
    )

    list_display = ("what", "subject", "detail", "launch", "state", "since", "last_at", "times")
    list_filter = (OpenOrEnded, "code", "launch")
    list_select_related = ("launch",)
    ordering = (F("ended_at").desc(nulls_first=True), "-since")
    readonly_fields = ("what", "state", "why", "behind")
    fields = (
        "what",
        "subject",
        "detail",
        "state",
        "since",
        "last_at",
        "times",
        "ended_at",
        "launch",
        "why",
        "behind",
        "code",
    )
    actions = (with_reason(_("End: somebody has seen to it"), alerting.end_alerts, "quality.end_alert"),)

    @admin.display(description=_("alert"), ordering="code")
    def what(self, alert: Alert) -> str:
        """In plain words."""
        return title_of(alert.code)

    @admin.display(description=_("state"), ordering="ended_at")
    def state(self, alert: Alert) -> Any:
        """Open, or ended."""
        return _("ended") if alert.ended_at else _("open")

    @admin.display(description=_("why a person should look"))
    def why(self, alert: Alert) -> str:
        """The watch's own reason."""
        return (watches[alert.code].look.__doc__ or "") if alert.code in watches else ""

    @admin.display(description=_("the rows behind it"))
    def behind(self, alert: Alert) -> str:
        """A link to them, where the console has such a list."""
        model, by = watches[alert.code].rows if alert.code in watches else ("", "")
        try:
            page = reverse(f"admin:{model}_changelist")
        except NoReverseMatch:
            return "-"
        found = f"{page}?{urlencode({f'{by}__exact': alert.subject})}" if by and alert.subject else page
        return format_html('<a href="{}">{}</a>', found, _("Show them"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with what cannot be seen here."""
        told = {"countries_told": countries.told()}
        return super().changelist_view(request, {**(extra_context or {}), **told})
