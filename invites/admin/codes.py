"""Codes in the console: the list with what can be done to many, and the page of one with its story."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View

from invites import campaigns, queries
from invites.actions import changing, revealing
from invites.actions.containing import CONTAIN
from invites.admin.forms import EXTENSIONS, ExtendForm
from invites.admin.runs import Generate, actor, must, reason_form
from invites.codes import fold
from invites.models import Code
from invites.resources import CodeResource
from outbox import registry
from outbox.console import may
from outbox.errors import Refused
from outbox.exports import Exported
from outbox.facts import catalogue
from outbox.models import Event
from outbox.reasons import AT_ONCE, MOST, ReasonForm, asked, run_verb, started, with_reason
from waitlist.shown import contact_for

EXTEND = "invites.extend_code"
SHOWN = 50  # rows of each part of a code's story
STATES: dict[str, Promise] = {
    "active": _("works"),
    "paused": _("paused: lets nobody in for now"),
    "revoked": _("revoked for ever"),
    "expired": _("ran out of time"),
    "exhausted": _("all uses are spent or kept"),
    "not_yet_valid": _("does not work yet"),
}


def by_ids(verb: Any) -> Any:
    """A verb on codes, for the list's ids."""

    def change(ids: Sequence[int], reason: str, *, by: str) -> int:
        changed: int = verb(Q(pk__in=ids), reason, by=by)
        return changed

    change.__name__ = verb.__name__
    return change


def states_of(ids: Sequence[int]) -> dict[int, str]:
    """Where each of these codes stands, in a word: why a job could not change it."""
    now = timezone.now()
    return {code.pk: queries.state_of(code, now) for code in Code.objects.filter(pk__in=ids)}


def extend_by(days: int, ids: Sequence[int], reason: str, *, by: str) -> int:
    """Gives these codes so many days more; how many had room for it within their year."""
    return changing.extend(Q(pk__in=ids), days, reason, by=by)


for known in EXTENSIONS:  # a job knows its verb by name, and how many days is part of it
    registry.works[f"{EXTEND}:{known}"] = registry.Work(_("Extend"), partial(extend_by, known), states_of)


class StateNow(admin.SimpleListFilter):
    """What the row and the clock say together."""

    title = _("state now")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """As the list's own column says it, and what ends soon."""
        return [
            ("active", _("active")),
            ("expiring", _("active, ends within a week")),
            ("spent", _("spent")),
            ("expired", _("expired")),
            ("paused", _("paused")),
            ("revoked", _("revoked")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Code]) -> QuerySet[Code]:
        """The chosen ones."""
        wanted = self.value() in dict(self.lookup_choices)
        return queryset.filter(queries.codes_in(str(self.value()), timezone.now())) if wanted else queryset


class OfCampaign(admin.SimpleListFilter):
    """The campaigns by the days that are counted: reading them off a million codes would take longer than the list."""

    title = _("campaign")
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, page: Any) -> list[tuple[str, str]]:
        """The newest hundred."""
        return [(name, name) for name in campaigns.campaigns_lately(100)]

    def queryset(self, request: HttpRequest, rows: QuerySet[Code]) -> QuerySet[Code]:
        """The codes of the chosen one."""
        return rows.filter(campaign=self.value()) if self.value() else rows


@admin.register(Code)
class CodeAdmin(Exported):
    """Codes, by their last four characters; the whole code is shown to its owner, and to staff one by one with a reason."""

    nothing = _("There are no codes yet. Make some: one, a batch, or a campaign.")

    resource = CodeResource
    export_needs = "invites.export_code"
    export_related = ("run",)
    import_kind = "codes"

    list_display = ("last_four", "kind", "campaign", "channel", "state", "used", "tier", "expires_at")
    list_filter = ("launch", "kind", StateNow, OfCampaign)
    list_select_related = ("launch",)
    search_fields = ("last4", "campaign", "channel")  # in full, see get_search_results
    search_help_text = _(
        "The last four characters, a campaign or a channel, in full. Never a whole code: an address is kept in logs."
    )
    ordering = ("-pk",)
    actions = (
        with_reason(_("Revoke for ever"), by_ids(changing.revoke), "invites.revoke_code", states=states_of),
        with_reason(_("Pause"), by_ids(changing.pause), "invites.pause_code", states=states_of),
        with_reason(_("Resume"), by_ids(changing.resume), "invites.resume_code", states=states_of),
        "extend",
    )

    def get_search_results(self, request: HttpRequest, rows: QuerySet[Code], term: str) -> tuple[QuerySet[Code], bool]:
        """What was typed is compared as it is kept: of a million codes no text is looked through."""
        term = term.strip().lstrip("…")
        found = Q(last4=fold(term)) | Q(campaign=term) | Q(channel=term)
        return (rows.filter(found) if term else rows), False

    @admin.display(description=_("code"))
    def last_four(self, code: Code) -> str:
        """The word that staff chose, else the last four characters."""
        return code.vanity or f"…{code.last4}"

    @admin.display(description=_("state now"))
    def state(self, code: Code) -> Promise:
        """What the row and the clock say together."""
        return STATES[queries.state_of(code, timezone.now())]

    @admin.display(description=_("uses"))
    def used(self, code: Code) -> str:
        """Spent, of all."""
        return f"{code.uses} / {code.max_uses}"

    def extend(self, request: HttpRequest, chosen: QuerySet[Code]) -> HttpResponse | None:
        """Asks by how much and why, then extends; many in the background."""
        form = ExtendForm(request.POST if "apply" in request.POST else None)
        ids = list(chosen.values_list("pk", flat=True)[: MOST + 1])
        if len(ids) > MOST:
            self.message_user(request, _("At most 100,000 at once; narrow the list first."), messages.ERROR)
            return None
        if not form.is_valid():
            return asked(self, request, form, _("Extend"), ids)
        days, reason = form.cleaned_data["days"], form.cleaned_data["reason"]
        if len(ids) > AT_ONCE:
            return started(request, f"{EXTEND}:{days}", ids, reason)
        run_verb(self, request, registry.works[f"{EXTEND}:{days}"], ids, reason)
        return None

    extend.short_description = _("Extend")  # type: ignore[attr-defined]
    extend.needs = EXTEND  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        """With the pages about codes that are no rows."""
        page = self.admin_site.admin_view
        own = [
            path("generate/", page(Generate.as_view()), name="invites_code_generate"),
            path("<int:code_id>/reveal/", page(Reveal.as_view()), name="invites_code_reveal"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Its story and its buttons."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        code = code_of(unquote(object_id))
        if request.method == "POST":
            act(request, code)
            return redirect(request.path)
        return code_page(request, code)


def code_of(pk: str | int) -> Code:
    """The code with what its page needs; 404 where there is none."""
    rows = Code.objects.select_related("launch", "run", "owner", "invite__entry")
    return get_object_or_404(rows, pk=pk if str(pk).isdecimal() else 0)


ONE: dict[str, tuple[Callable[..., int], str, Promise]] = {
    "pause": (changing.pause, "invites.pause_code", _("Pause")),
    "resume": (changing.resume, "invites.resume_code", _("Resume")),
    "extend": (changing.extend, EXTEND, _("Extend")),
    "revoke": (changing.revoke, "invites.revoke_code", _("Revoke for ever")),
}


def act(request: HttpRequest, code: Code) -> None:
    """Does to this one code what was pressed, for a reason, and says what came of it."""
    word = request.POST.get("act", "")
    if word not in ONE:
        raise PermissionDenied
    verb, needs, _title = ONE[word]
    must(request, needs)
    form = ExtendForm(request.POST) if word == "extend" else ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, gettext("Say why: the reason stands in the trail."))
        return
    more = [form.cleaned_data["days"]] if word == "extend" else []
    if verb(Q(pk=code.pk), *more, form.cleaned_data["reason"], by=actor(request)):
        messages.success(request, gettext("Done."))
    elif word == "extend":
        messages.warning(request, gettext("Not extended: a code lives at most 365 days from when it was made."))
    else:
        messages.warning(request, gettext("Somebody was faster: it stood where this cannot be done."))


def buttons(user: Any, code: Code) -> list[dict[str, Any]]:
    """What this user can do with the code as it stands."""
    able = {"pause": "paused", "resume": "active", "revoke": "revoked"}
    goes = Code.MOVES[Code.Status(code.status)]
    words = [word for word in ONE if (able[word] in goes if word in able else code.status != "revoked")]
    return [
        {"word": word, "title": ONE[word][2], "class": "danger" if word == "revoke" else "plain"}
        for word in words
        if may(user, ONE[word][1])
    ]


class Reveal(View):
    """The whole code of one row: to who may, for a reason, so many an hour, and on no address and in no cache."""

    http_method_names = ["post"]
    limit = "reveal"

    def post(self, request: HttpRequest, code_id: int) -> HttpResponse:
        """The code's page with the whole code in it."""
        must(request, "invites.reveal_code")
        code, form = code_of(code_id), ReasonForm(request.POST)
        if not form.is_valid():
            messages.error(request, gettext("Say why: the reason stands in the trail."))
            return redirect("admin:invites_code_change", code_id)
        try:
            text = revealing.reveal(code, form.cleaned_data["reason"], by=actor(request))
        except Refused as refused:
            messages.error(request, refused.detail)
            return redirect("admin:invites_code_change", code_id)
        return code_page(request, code, text=text)


def code_page(request: HttpRequest, code: Code, text: str = "") -> HttpResponse:
    """One code: where it stands, what can be done, and all that happened to it."""
    user, state = request.user, queries.state_of(code, timezone.now())
    events = Event.objects.filter(subject=f"code:{code.pk}").order_by("-pk")[:SHOWN]
    acting = ExtendForm() if may(user, EXTEND) else ReasonForm()
    del acting.fields["reason"].widget.attrs["autofocus"]
    about = {
        "title": gettext("Code %(code)s") % {"code": code.vanity or f"…{code.last4}"},
        "code": code,
        "state": state,
        "state_said": STATES[state],
        "text": text,
        "known": queries.whole_text(code) is not None,
        "reveals": may(user, "invites.reveal_code"),
        "buttons": buttons(user, code),
        "form": acting,
        "reason": reason_form(auto_id="reveal_%s"),
        "came": [(one, contact_for(user, one.entry)) for one in queries.redemptions_of(code, SHOWN)],
        "kept": [
            (one, contact_for(user, one.entry) if one.entry else "") for one in queries.reservations_of(code, SHOWN)
        ],
        "owner": contact_for(user, code.owner) if code.owner else "",
        "invited": contact_for(user, code.invite.entry) if hasattr(code, "invite") else "",
        "contains": may(user, CONTAIN),
        "contained": queries.containment_of(code),
        "events": [(one, catalogue[one.kind].when if one.kind in catalogue else "") for one in events],
    }
    return TemplateResponse(request, "admin/invites/code.html", admin.site.each_context(request) | about)
