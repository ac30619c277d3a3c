"""What the doors refused: which rule, how often, and what the caller saw."""

from django.contrib import admin
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from outbox.console import ReadOnly
from quality.models import Refusal

DOORS: dict[str, Promise] = {
    "join": _("joining"),
    "confirm": _("confirming with digits"),
    "resend": _("asking for the message again"),
    "redeem": _("using a code"),
    "hold": _("keeping a use of a code"),
    "sign-up": _("signing up"),
    "log-in": _("signing in"),
    "log-in-mail": _("asking for a code to sign in"),
    "password-reset": _("asking for a new password"),
    "share": _("inviting a friend"),
}
COUNTED: dict[str, Promise] = {
    "network": _("from one network"),
    "contact": _("for one contact"),
    "domain": _("for one domain"),
    "device": _("from one browser"),
    "code": _("with one code"),
    "person": _("by one person"),
    "key": _("with one API key"),
    "account": _("for one log-in"),
    "wrong-codes": _("after wrong codes"),
    "everywhere": _("while wrong codes come from everywhere"),
    "honeypot": _("with the hidden field filled in"),
    "too_fast": _("faster than anybody can type"),
}


def in_words(rule: str) -> str:
    """A rule as a sentence's end: "join:network+contact" is joining, from one network, for one contact."""
    door, *parts = rule.replace("+", ":").split(":")
    return ", ".join([str(DOORS.get(door, door)), *(str(COUNTED.get(part, part)) for part in parts)])


@admin.register(Refusal)
class RefusalAdmin(ReadOnly):
    """What the doors refused: how often in which minute, and by which rule."""

    nothing = _("Nobody was refused: nobody has come too often, guessed codes or filled in what only programs see.")

    list_display = ("last_at", "what", "result", "times", "how_often", "network")
    list_filter = ("result", "minute")
    search_fields = ("=network",)
    search_help_text = _("A network, such as 192.0.2.1 or 2001:db8:1:2::")
    fields = ("what", "rule", "result", "times", "how_often", "network", "minute", "last_at", "key")
    readonly_fields = ("what", "how_often")
    ordering = ("-minute", "-pk")
    show_full_result_count = False

    @admin.display(description=_("what was tried"), ordering="rule")
    def what(self, refusal: Refusal) -> str:
        """The rule in words."""
        return in_words(refusal.rule)

    @admin.display(description=_("how often by then"))
    def how_often(self, refusal: Refusal) -> str:
        """The count against the limit; what was caught at once counts against none."""
        if not refusal.limit:
            return "–"
        return gettext("%(count)d of %(limit)d") % {"count": refusal.count, "limit": refusal.limit}
