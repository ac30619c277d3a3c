"""What members answered to the one question."""

from typing import Any, ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from outbox.console import ReadOnly
from quality.models import Answer
from waitlist.admin import LaunchAdmin
from waitlist.models import Launch
from waitlist.shown import ShowsPeople


@admin.display(description=_("two scoring tables"))
def trial_link(launch: Launch) -> str:
    """The way to the page that says what became of the people of each table."""
    if launch._state.adding:
        return "–"
    return format_html(
        '<a href="{}">{}</a>', reverse("launch-trial", args=[launch.pk]), gettext("What became of the people of each")
    )


LaunchAdmin.readonly_fields = (*LaunchAdmin.readonly_fields, trial_link)


@admin.register(Answer)
class AnswerAdmin(ShowsPeople, ReadOnly):
    """What members answered to the launch's one question."""

    people: ClassVar[dict[str, Any]] = {"entry": _("person")}

    nothing = _(
        "Nobody has answered yet. The question, and how many days after they came in members are asked, is set on the launch's page."
    )

    list_display = ("at", "score", "comment", "entry")
    list_filter = ("entry__launch", "score", "at")
    list_select_related = ("entry",)
    search_fields = ("=entry__canonical", "=entry__id")
    show_full_result_count = False
    ordering = ("-at",)
