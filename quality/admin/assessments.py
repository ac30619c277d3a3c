"""What the rules found out about people, and what owners know better than the list of throw-away providers."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox.console import Page, ReadOnly, Shown
from quality.actions import assessing
from quality.models import Assessment, ListedDomain
from quality.previews import of_bounds
from quality.rules import WEIGHTS, reason_of
from quality.words import in_words
from waitlist.admin import EntryAdmin
from waitlist.previews import PREVIEWS

PREVIEWS.append(of_bounds)


def lines(sentences: list[str]) -> SafeString:
    """One sentence a line."""
    return format_html_join("", "<div>{}</div>", ((sentence,) for sentence in sentences))


def fired(assessment: Assessment) -> SafeString:
    """The rules that fired, in words and with what each weighs today."""
    said = [
        f"{_(reason_of(name))} (+{WEIGHTS[name]})" if name in WEIGHTS else reason_of(name) for name in assessment.rules
    ]
    return lines(said or [_("No rule fired.")])


class AssessmentInline(Shown):
    """Beside a person: what the rules saw, and what they made of it."""

    model = Assessment
    fields = readonly_fields = ("at", "act", "verdict", "score", "why", "seen")
    extra = 0
    can_delete = False
    ordering = ("-id",)

    @admin.display(description=gettext_lazy("rules that fired"))
    def why(self, assessment: Assessment) -> SafeString:
        """The reasons."""
        return fired(assessment)

    @admin.display(description=gettext_lazy("evidence"))
    def seen(self, assessment: Assessment) -> SafeString:
        """The evidence in words."""
        return lines(in_words(assessment.evidence))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


EntryAdmin.inlines = (*EntryAdmin.inlines, AssessmentInline)


@admin.register(Assessment)
class AssessmentAdmin(ReadOnly):
    """Who was assessed how, and why. The people who are held stand in the list of entries, with the buttons."""

    nothing = gettext_lazy(
        "Nobody was assessed yet. Everybody is, by themselves, when they join, confirm or use a code."
    )

    list_display = ("at", "person", "act", "verdict", "why")  # each reason says what it weighs; the sum is on its page
    list_filter = ("verdict", "act", "launch")
    list_select_related = ("entry",)
    search_fields = ("=entry__canonical", "=entry__id")
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)
    fields = readonly_fields = ("launch", "person", "at", "act", "verdict", "score", "why", "seen")

    @admin.display(description=gettext_lazy("person"))
    def person(self, assessment: Assessment) -> str:
        """The way to their page; nobody where a code was refused at once."""
        if assessment.entry is None:
            return "–"
        page = reverse("admin:waitlist_entry_change", args=[assessment.entry_id])
        return format_html('<a href="{}">{}</a>', page, assessment.entry.contact)

    @admin.display(description=gettext_lazy("rules that fired"))
    def why(self, assessment: Assessment) -> SafeString:
        """The reasons."""
        return fired(assessment)

    @admin.display(description=gettext_lazy("evidence"))
    def seen(self, assessment: Assessment) -> SafeString:
        """The evidence in words."""
        return lines(in_words(assessment.evidence))


@admin.register(ListedDomain)
class ListedDomainAdmin(Page):
    """Mail domains of which an owner knows better than the list of throw-away providers that comes with the release."""

    nothing = gettext_lazy(
        "The list of throw-away mail providers that comes with Vestibule is used as it is. Add a domain where you know better."
    )

    list_display = ("domain", "is_disposable", "by", "at")
    fields = ("domain", "is_disposable")
    search_fields = ("domain",)

    def save_model(self, request: HttpRequest, obj: ListedDomain, form: Any, change: bool) -> None:
        """By the verb, so that the trail has it."""
        made = assessing.list_domain(obj.domain, is_disposable=obj.is_disposable, by=f"staff:{request.user.pk}")
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: ListedDomain) -> None:
        """By the verb."""
        assessing.unlist_domain(obj, by=f"staff:{request.user.pk}")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ListedDomain]) -> None:
        """The same for the chosen ones."""
        for row in queryset:
            self.delete_model(request, row)
