"""The outbox in Django's admin: all of it is read-only; a dead letter is replayed and a suppression lifted by its verb. An
endpoint is made, disabled, enabled and given a new secret; the secret is shown once."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from outbox import actions, queries, reach
from outbox.errors import Refused
from outbox.facts import catalogue
from outbox.models import Delivery, Endpoint, Event, Suppression
from outbox.reasons import with_reason


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


def public_events() -> list[tuple[str, str]]:
    """What may be listened to, with when it happens."""
    return [(name, f"{name}: {_(fact.when)}") for name, fact in sorted(catalogue.items()) if fact.public]


class EndpointForm(forms.ModelForm):
    """Where to, which events, and whether with names and addresses."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=reach.LONGEST_URL,
        widget=forms.URLInput(attrs={"size": 60, "placeholder": "https://example.com/hooks"}),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=public_events,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen means all of them, later ones too."),
    )

    class Meta:
        model = Endpoint
        fields = ["url", "events", "full_contact"]

    def clean_url(self) -> str:
        """Where no webhook may go is said beside the field."""
        url = str(self.cleaned_data["url"])
        try:
            reach.addresses_of(reach.place_of(url))
        except Refused as error:
            raise forms.ValidationError(error.detail) from error
        return url


def rotate(page: Any, request: HttpRequest, verb: Any, ids: list[int], reason: str) -> None:
    """Gives each a new secret and shows it, this once."""
    for pk in ids:
        show_secret(request, pk, verb(pk, reason, by=f"staff:{request.user.pk}"))


def show_secret(request: HttpRequest, pk: int, secret: str) -> None:
    said = _("Copy the secret of endpoint %(pk)d now, it is not shown again: %(secret)s")
    messages.warning(request, said % {"pk": pk, "secret": secret})


@admin.register(Endpoint)
class EndpointAdmin(ReadOnly):
    """Programs that hear of public events. A made one is not altered: disable it and make another."""

    nothing = _(
        "No other program hears what happens here. Add an endpoint to tell one; docs/webhooks.md says what arrives."
    )

    form = EndpointForm
    list_display = ["id", "url", "heard", "status", "disabled_reason", "full_contact", "by", "created_at"]
    list_filter = ["status"]
    shown = [
        "url",
        "heard",
        "full_contact",
        "status",
        "disabled_reason",
        "by",
        "created_at",
        "old_secret_until",
        "latest",
    ]
    readonly_fields = ["heard", "latest"]
    ordering = ["-id"]
    actions = [
        with_reason(gettext_lazy("Disable"), actions.disable_endpoints),
        with_reason(gettext_lazy("Enable"), actions.enable_endpoints),
        with_reason(gettext_lazy("Make a new secret"), actions.rotate_secret, rotate),
    ]

    class Media:
        css = {"all": ("plots.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Owners make endpoints: whoever was given the right."""
        return request.user.has_perm("outbox.add_endpoint")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """What is asked of a new one; all but the secrets of a made one."""
        return self.shown if obj else ["url", "events", "full_contact"]

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        """Makes it by its verb and shows the secret, this once."""
        by = f"staff:{request.user.pk}"
        made, secret = actions.make_endpoint(obj.url, obj.events, full_contact=obj.full_contact, by=by)
        obj.pk = made.pk
        show_secret(request, made.pk, secret)

    @admin.display(description=gettext_lazy("events"))
    def heard(self, endpoint: Endpoint) -> str:
        """Which events go there."""
        return ", ".join(endpoint.events) or _("all")

    @admin.display(description=gettext_lazy("last deliveries"))
    def latest(self, endpoint: Endpoint) -> SafeString:
        """How the last ones went."""
        rows = [
            (f"{one.created_at:%Y-%m-%d %H:%M:%S}", one.name, one.subject, one.status, one.attempts, one.last_error)
            for one in queries.latest_webhooks(endpoint.pk)
        ]
        lines = format_html_join(
            "", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows
        )
        return format_html("<table>{}</table>", lines) if rows else format_html("{}", _("none yet"))
