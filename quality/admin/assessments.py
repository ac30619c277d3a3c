"""What the rules found out about people, and what owners know better than the list of throw-away providers."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox.console import Page, ReadOnly
from quality.actions import assessing
from quality.models import Assessment, ListedDomain
from quality.previews import of_bounds
from quality.queries.tallies import TWIN_RULES
from quality.words import fired_in_words, in_words
from waitlist.previews import PREVIEWS
from waitlist.shown import ShowsPeople

PREVIEWS.append(of_bounds)


def lines(sentences: list[str]) -> SafeString:
    """One sentence a line."""
    return format_html_join("", "<div>{}</div>", ((sentence,) for sentence in sentences))


def fired(assessment: Assessment) -> SafeString:
    """The same as HTML."""
    return lines(fired_in_words(assessment.rules) or [_("No rule fired.")])


class Twins(admin.SimpleListFilter):
    """Whether the rules took somebody for another who is here already."""

    title = gettext_lazy("somebody who is here already")
    parameter_name = "twins"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Two words."""
        return [("yes", gettext_lazy("looks so")), ("no", gettext_lazy("does not look so"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Assessment]) -> QuerySet[Assessment]:
        """The chosen ones."""
        found = {"rules__overlap": list(TWIN_RULES)}
        return {"yes": queryset.filter(**found), "no": queryset.exclude(**found)}.get(self.value() or "", queryset)


@admin.register(Assessment)
class AssessmentAdmin(ShowsPeople, ReadOnly):
    """Who was assessed how, and why. The people who are held stand in the list of entries, with the buttons."""

    people: ClassVar[dict[str, Any]] = {"entry": gettext_lazy("person")}  # nobody where a code was refused at once

    nothing = gettext_lazy(
        "Nobody was assessed yet. Everybody is, by themselves, when they join, confirm or use a code."
    )

    list_display = ("at", "entry", "act", "verdict", "why")  # each reason says what it weighs; the sum is on its page
    list_filter = ("verdict", "act", Twins, "launch")
    list_select_related = ("entry",)
    search_fields = ("=entry__canonical", "=entry__id")
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)
    fields = readonly_fields = ("launch", "entry", "at", "act", "verdict", "score", "why", "seen")

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
