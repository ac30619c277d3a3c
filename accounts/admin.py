"""Users and API keys in the console. A key is made and revoked by its verbs; its secret is shown once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from accounts.actions import (
    checked_address,
    create_api_key,
    create_staff,
    deactivate,
    end_sessions_of,
    give_role,
    reactivate,
    reset_second_factor,
    revoke_api_key,
    take_role,
)
from accounts.adapters import OWN
from accounts.devices import in_words
from accounts.models import ApiKey, User
from accounts.queries import role_of
from accounts.scopes import SCOPES
from outbox.console import Page, may
from outbox.errors import Refused
from outbox.models import Event
from outbox.reasons import ReasonForm, with_reason

ROLES_IN_WORDS = [
    ("viewer", _("viewer: looks, and sees no address in full")),
    ("moderator", _("moderator: decides about people, invites and codes")),
    ("owner", _("owner: everything, staff and settings too")),
]
SHORT_ROLES = {"viewer": _("viewer"), "moderator": _("moderator"), "owner": _("owner")}
SHOWN = 20


class KeyForm(forms.ModelForm):
    """Name, scopes and expiry of a new key."""

    scopes = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {sentence}") for name, sentence in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "expiry_date"]


def revoke(ids: Sequence[int], reason: str, *, by: str) -> int:
    """They open nothing from now on; how many still did."""
    return sum(revoke_api_key(key, reason=reason, by=by) for key in ApiKey.objects.filter(pk__in=ids).order_by("pk"))


@admin.register(ApiKey)
class ApiKeyAdmin(Page):
    """Keys can be made and revoked; a made key cannot be altered, since programs rely on what it may do."""

    form = KeyForm
    list_display = ["name", "prefix", "scopes", "revoked", "expiry_date", "last_used_at", "created"]
    search_fields = ["name", "prefix"]
    actions = (with_reason(_("Revoke the chosen keys"), revoke, "accounts.revoke_apikey"),)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A list to look at."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Revoked, not deleted: the trail names keys."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Makes the key by its verb and shows the secret, this once."""
        row, secret = create_api_key(obj.name, obj.scopes, by=f"staff:{request.user.pk}", expires_at=obj.expiry_date)
        obj.pk, obj.prefix = row.pk, row.prefix
        messages.warning(request, _("Copy this key now, it is not shown again: %(key)s") % {"key": secret})


class StaffForm(forms.ModelForm):
    """Whose log-in, and in which role."""

    email = forms.EmailField(label=_("E-mail address"), widget=UnfoldAdminEmailInputWidget(attrs={"autofocus": True}))
    role = forms.ChoiceField(label=_("Role"), choices=ROLES_IN_WORDS, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = User
        fields = ["email"]

    def clean_email(self) -> str:
        """What the verb would refuse is said beside the field."""
        try:
            return checked_address(self.cleaned_data["email"])
        except Refused as refused:
            raise forms.ValidationError(refused.detail) from refused


class RoleForm(ReasonForm):
    """Which role, and why."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES_IN_WORDS, widget=UnfoldAdminSelectWidget)
    field_order = ("role", "reason")


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done with somebody's log-in: by whom, in which words, and where it makes sense."""

    title: Promise
    about: Promise
    needs: str
    verb: Callable[..., int]
    fits: Callable[[User], bool]
    form: type[ReasonForm] = ReasonForm


ACTS = {
    "give_role": Act(
        _("Give a role"),
        _("Whoever gets a lesser role has to log in again."),
        "accounts.give_role_user",
        give_role,
        lambda user: user.is_active,
        RoleForm,
    ),
    "sign_out": Act(
        _("End all sessions"),
        _("On every device; logging in again is possible at once."),
        "accounts.sign_out_user",
        end_sessions_of,
        lambda user: UserSession.objects.filter(user=user).exists(),
    ),
    "reset_second_factor": Act(
        _("Forget the second factor"),
        _("For a lost telephone: make sure that it is them who ask. All their sessions end."),
        "accounts.reset_second_factor_user",
        reset_second_factor,
        lambda user: Authenticator.objects.filter(user=user).exists(),
    ),
    "take_role": Act(
        _("Take the role"),
        _("They are staff no more; a member stays a member. All their sessions end."),
        "accounts.take_role_user",
        take_role,
        lambda user: user.is_staff,
    ),
    "deactivate": Act(
        _("Switch the log-in off"),
        _("Nobody can log in as them until it is switched on again. All their sessions end."),
        "accounts.deactivate_user",
        deactivate,
        lambda user: user.is_active,
    ),
    "reactivate": Act(
        _("Switch the log-in on"),
        _("In the role they had."),
        "accounts.reactivate_user",
        reactivate,
        lambda user: not user.is_active,
    ),
}


class InRole(admin.SimpleListFilter):
    """Which part of the users."""

    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The roles, and who has none."""
        return [*SHORT_ROLES.items(), ("none", _("no role: a member"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """The chosen ones; whoever has every right is an owner."""
        if self.value() == "none":
            return queryset.filter(is_staff=False)
        if self.value() == "owner":
            return queryset.filter(is_staff=True).filter(Q(is_superuser=True) | Q(groups__name="owner")).distinct()
        return queryset.filter(is_staff=True, groups__name=self.value()) if self.value() else queryset


@admin.register(User)
class UserAdmin(Page):
    """Who can log in. Members come in by a code; staff are made here, and each has a page with what can be done."""

    form = StaffForm
    list_display = ("email", "name", "role", "second_factor", "is_active", "last_login", "admitted_by")
    list_filter = (InRole, "is_active")
    search_fields = ("email", "name")
    search_help_text = _("A part of the address or of the name.")
    ordering = ("-is_staff", "email")
    actions = (
        with_reason(_("End all sessions"), end_sessions_of, "accounts.sign_out_user"),
        with_reason(_("Switch the log-in off"), deactivate, "accounts.deactivate_user"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With their roles and whether a password alone opens the log-in, for all rows at once."""
        own = Authenticator.objects.filter(user=OuterRef("pk"), type__in=OWN)
        return super().get_queryset(request).prefetch_related("groups").annotate(is_doubled=Exists(own))

    @admin.display(description=_("role"))
    def role(self, user: User) -> str:
        """In plain words; members have none."""
        return str(SHORT_ROLES.get(role_of(user), "–"))

    @admin.display(description=_("second factor"), boolean=True)
    def second_factor(self, user: Any) -> bool:
        """Whether there is one."""
        return bool(user.is_doubled)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Owners make staff."""
        return may(request.user, "accounts.add_user")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody types into the columns: each button is a verb."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Switched off, not deleted: the trail names users."""
        return False

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """What is asked of a new one."""
        return ["email", "role"]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Makes the user by the verb and shows the password, this once."""
        user, made = create_staff(obj.email, form.cleaned_data["role"], by=f"staff:{request.user.pk}")
        obj.pk = user.pk
        said = _("Hand this password over, to be changed after the first log-in. It is not shown again: %(password)s")
        messages.warning(request, said % {"password": made})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who it is, where they are logged in, what the trail says of them, and what can be done, each with a reason."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        user = get_object_or_404(self.get_queryset(request), pk=number(unquote(object_id)))
        asked = request.POST.get("act", "") if request.method == "POST" else ""
        if request.method == "POST" and (asked not in ACTS or not may(request.user, ACTS[asked].needs)):
            raise PermissionDenied
        given = form_of(asked, request.POST) if asked else None
        if given and given.is_valid():
            self.act(request, user, ACTS[asked], given.cleaned_data)
            return HttpResponseRedirect(request.path)
        return TemplateResponse(request, "admin/user.html", self.drawn(request, user, {asked: given}))

    def act(self, request: HttpRequest, user: User, act: Act, said: dict[str, Any]) -> None:
        """Runs the verb and says how it went."""
        try:
            changed = act.verb([user.pk], **said, by=f"staff:{request.user.pk}")
        except Refused as refused:
            self.message_user(request, _("Nothing was changed: %(why)s") % {"why": refused.detail}, messages.ERROR)
            return
        if changed:
            self.message_user(request, _("Done: %(what)s.") % {"what": act.title}, messages.SUCCESS)
        else:
            self.message_user(request, _("Nothing was changed: it was so already."), messages.WARNING)

    def drawn(self, request: HttpRequest, user: User, sent: dict[str, ReasonForm | None]) -> dict[str, Any]:
        """What the page shows. Of oneself one changes nothing here."""
        can = [name for name, act in ACTS.items() if may(request.user, act.needs) and act.fits(user)]
        is_self = user.pk == request.user.pk
        acts = [] if is_self else [(name, ACTS[name], sent.get(name) or form_of(name)) for name in can]
        return self.admin_site.each_context(request) | {
            "title": user.email,
            "opts": self.opts,
            "person": user,
            "role": dict(ROLES_IN_WORDS).get(role_of(user), _("none: a member")),
            "is_self": is_self,
            "acts": acts,
            "sessions": [
                (in_words(one.user_agent), one)
                for one in UserSession.objects.filter(user=user).order_by("-last_seen_at")[:SHOWN]
            ],
            "events": Event.objects.filter(subject=f"user:{user.pk}").order_by("-id")[:SHOWN],
        }


def number(text: str) -> int:
    """The number in an address of a page; -1, which nobody has, for what is none."""
    return int(text) if text.isdecimal() and len(text) < 19 else -1


def form_of(name: str, sent: Any = None) -> ReasonForm:
    """The form of an act, as it was sent or not filled in. Of several on one page none takes the keyboard by itself."""
    form = ACTS[name].form(sent, auto_id=f"{name}_%s")
    form.fields["reason"].widget.attrs.pop("autofocus", None)
    return form
