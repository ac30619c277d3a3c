"""What accounts hears of allauth: an address was confirmed, a password was chosen anew, who logged in or tried to in vain,
and what became of second factors."""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, login_code_rejected, password_reset, user_logged_in
from allauth.mfa import signals as second_factors
from django.contrib import messages
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts import signals
from accounts.actions import claim_log_in, note_log_in
from accounts.adapters import actor_of, has_second_factor
from accounts.models import User

# Here a code from the mailbox is all that is asked. On every other way the person has shown the password, or chosen it.
BY_CODE_ALONE = frozenset({"account_confirm_login_code", "confirm_login_code"})


@receiver(email_confirmed)
def on_confirmed(request: HttpRequest, email_address: Any, **_more: Any) -> None:
    """Who signs a stranger up must not share the account once the stranger comes in by a code."""
    match = request.resolver_match
    if match is not None and match.url_name in BY_CODE_ALONE:
        claim_log_in(email_address.user, by=f"user:{email_address.user_id}")


@receiver(password_reset)
def on_reset(user: Any, **_more: Any) -> None:
    """The same where they come in by the mail that lets them choose a password: a stranger's sign-on stays outside."""
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        claim_log_in(user, by=f"user:{user.pk}", password_chosen=True)


@receiver(user_logged_in, dispatch_uid="accounts.logged_in")
def on_logged_in(request: HttpRequest, user: Any, **_more: Any) -> None:
    """Staff are in; the console may hold everybody's address, so who has no second factor is asked for one."""
    if user.is_staff:
        proofs = sorted({str(one["method"]) for one in get_authentication_records(request, user)})
        note_log_in(signals.staff_logged_in, user, by=actor_of(user), proofs=proofs)
        if not has_second_factor(user):
            messages.warning(request, asked_for_second_factor())


def asked_for_second_factor() -> str:
    """The sentence with its way."""
    said = _("A password alone opens this console. Add a second factor: it takes a minute.")
    return format_html('{} <a class="underline" href="{}">{}</a>', said, reverse("mfa_index"), _("Set it up"))


@receiver(user_login_failed, dispatch_uid="accounts.login_failed")
def on_wrong_password(credentials: dict[str, Any], **_more: Any) -> None:
    """Somebody tried to log in as staff."""
    typed = str(credentials.get("email") or credentials.get("username") or "")
    user = User.objects.filter(email=typed, is_staff=True).first()
    if user:
        note_log_in(signals.staff_turned_away, user, by="public", at="password")


@receiver(second_factors.authentication_failed, dispatch_uid="accounts.wrong_code")
def on_wrong_code(user: Any, **_more: Any) -> None:
    """The password, or a code from the mailbox, was right; the second factor was not."""
    if user.is_staff:
        note_log_in(signals.staff_turned_away, user, by="public", at="second_factor")


@receiver(login_code_rejected, dispatch_uid="accounts.wrong_mailed_code")
def on_wrong_mailed_code(user: Any, **_more: Any) -> None:
    """Somebody guesses at the code that was mailed."""
    if user is not None and user.is_staff:
        note_log_in(signals.staff_turned_away, user, by="public", at="mailed_code")


@receiver(second_factors.authenticator_added, dispatch_uid="accounts.factor_added")
def on_factor_added(user: Any, authenticator: Any, **_more: Any) -> None:
    """An app, a key, or recovery codes."""
    note_log_in(signals.second_factor_added, user, by=actor_of(user), what=str(authenticator.type))


@receiver(second_factors.authenticator_removed, dispatch_uid="accounts.factor_removed")
def on_factor_removed(user: Any, authenticator: Any, **_more: Any) -> None:
    """The same, gone."""
    note_log_in(signals.second_factor_removed, user, by=actor_of(user), what=str(authenticator.type))


@receiver(second_factors.authenticator_reset, dispatch_uid="accounts.factor_renewed")
def on_factor_renewed(user: Any, authenticator: Any, **_more: Any) -> None:
    """New recovery codes."""
    note_log_in(signals.second_factor_renewed, user, by=actor_of(user), what=str(authenticator.type))
