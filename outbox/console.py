"""What the pages of the console have in common: rows that no form writes, and buttons that only who may press them sees."""

import json
from collections import Counter
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

CHOICES, LOOKED_THROUGH = 50, 2_000  # of a filter, and the newest rows in which it finds them
COUNTED = 10_000  # rows of a list that are counted one by one; of more the database's own estimate is told


def may(user: Any, needs: str) -> bool:
    """Whether they may do what has this permission ("waitlist.hold_entry")."""
    return not isinstance(user, AnonymousUser) and bool(user.has_perm(needs))


class LongList(Paginator):
    """The pages of a list that may hold millions: counting them all would take longer than reading the page."""

    object_list: Any
    is_estimate = False

    @cached_property
    def count(self) -> int:
        """How many rows there are: exactly up to ten thousand, else as the planner of the database estimates."""
        counted = self.object_list.order_by()[: COUNTED + 1].count()
        if counted <= COUNTED:
            return int(counted)
        self.is_estimate = True
        plan = json.loads(self.object_list.order_by().values("pk").explain(format="json"))
        return max(counted, int(plan[0]["Plan"]["Plan Rows"]))


class LatelySeen(admin.AllValuesFieldListFilter):
    """A filter by the usual values of the newest rows: to find every value it would have to read all of them."""

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any, page: Any, field_path: str) -> None:
        super().__init__(field, request, params, model, page, field_path)
        newest = model._default_manager.order_by("-pk").values_list(field_path, flat=True)[:LOOKED_THROUGH]
        usual = [value for value, _times in Counter(newest).most_common(CHOICES)]
        self.lookup_choices = sorted({*usual, *(self.lookup_val or [])})  # type: ignore[assignment]


class Page(ModelAdmin):
    """A page of the console. Of its actions each person sees, and can send, those they have the permission for."""

    paginator = LongList
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for each choice of each filter
    list_per_page = 50
    actions_selection_counter = True
    nothing: Any = ""  # what an empty list teaches

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The actions that `request.user` may do; what is sent is looked up here too."""
        found = super().get_actions(request)
        return {
            name: act for name, act in found.items() if not hasattr(act[0], "needs") or may(request.user, act[0].needs)
        }


class ReadOnly(Page):
    """Rows to look at: made and changed by verbs alone."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Shown(TabularInline):
    """Rows that belong to another, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
