"""Who did what, as staff read it: "staff:5" is a colleague by name, "quality" the rules."""

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiKey, User

KINDS: dict[str, Promise] = {
    "quality": gettext_lazy("the rules"),
    "public": gettext_lazy("somebody at the public pages"),
    "person": gettext_lazy("the person"),
    "user": gettext_lazy("the person, logged in"),
    "key": gettext_lazy("a program with an API key"),
    "system": gettext_lazy("the system"),
    "relay": gettext_lazy("the system"),
    "beat": gettext_lazy("the schedule"),
    "cron": gettext_lazy("the schedule"),
    "cli": gettext_lazy("an operator, by command"),
    "import": gettext_lazy("an import"),
}


def named(actors: Iterable[str]) -> dict[str, str]:
    """The name of each actor; a query for staff and one for keys, where there are such among them."""
    asked = set(actors)
    numbers: dict[str, list[str]] = {"staff": [], "key": []}
    for kind, _colon, number in (by.partition(":") for by in asked):
        if kind in numbers and number.isdecimal():
            numbers[kind].append(number)
    staff = User.objects.filter(pk__in=numbers["staff"]) if numbers["staff"] else ()
    names = {f"staff:{one.pk}": one.get_full_name() for one in staff}
    keys = ApiKey.objects.filter(pk__in=numbers["key"]) if numbers["key"] else ()
    names |= {f"key:{one.pk}": _("API key %(name)s") % {"name": one.name} for one in keys}
    return {by: names.get(by) or str(KINDS.get(by.partition(":")[0], by)) for by in asked}
