"""What members answered to the one question."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from outbox.console import ReadOnly
from quality.models import Answer
from waitlist.shown import ShowsPeople


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
