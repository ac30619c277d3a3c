"""How far people came, as the console's first page counts it: a filter on the list of people."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quality.models import Activity
from quality.queries.tallies import ACTIVE_KINDS
from waitlist.admin import EntryAdmin
from waitlist.models import Entry

STAGES: dict[str, Promise] = {
    "joined": _("joined"),
    "confirmed": _("confirmed, or came in with a code"),
    "invited": _("invited, or came in with a code"),
    "registered": _("registered"),
    "active": _("active in your product"),
}
IN = Q(registered_at__isnull=False)
INVITED = IN | Q(invited_at__isnull=False)
CONFIRMED = INVITED | Q(confirmed_at__isnull=False)


def came_to(stage: str, people: QuerySet[Entry]) -> QuerySet[Entry]:
    """Those of these people who came at least so far; the same as the statement PEOPLE says."""
    if stage == "active":
        told = Activity.objects.filter(entry=OuterRef("pk"), kind__in=ACTIVE_KINDS)
        return people.filter(IN).filter(Exists(told))
    wanted = {"joined": Q(), "confirmed": CONFIRMED, "invited": INVITED, "registered": IN}
    return people.filter(wanted.get(stage, Q()))


class CameTo(admin.SimpleListFilter):
    """How far somebody came at least."""

    title = _("came as far as")
    parameter_name = "reached"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The stages of the funnel."""
        return list(STAGES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        """Who came there."""
        return came_to(self.value() or "", queryset)


EntryAdmin.list_filter = (*EntryAdmin.list_filter, CameTo)
