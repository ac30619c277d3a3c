"""What accounts hears of allauth: an address was confirmed, a password was chosen anew."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_reset
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.actions import claim_log_in

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
