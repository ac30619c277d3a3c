"""The gate itself: where allauth makes users, sends mails and asks whether anybody may sign up at all.

A user is saved, and the code spent for them, in one place; without an admission nobody is made, whichever route led
here, and behind that stands the database's own check that every user names who admitted them.
"""

import secrets
from dataclasses import replace
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.queries import has_session_from
from invites import policy
from invites.actions import redeeming, reserving
from invites.admission import Admission, Way, launch_carried
from invites.guard import Passage, Raced, passage_of
from outbox.actions import owe_sealed
from outbox.callers import client_ip
from outbox.errors import Refused
from outbox.keys import address_key
from waitlist.actions import confirming, registering
from waitlist.channels import read


def let_in(admission: Admission, user: User) -> bool:
    """Does for the new user what was decided; False when it is not so any more."""
    ask = replace(admission.ask, user_id=user.pk)
    if admission.way == Way.CODE:
        redeemed = redeeming.redeem_within(admission.launch, ask, by="public")
        return not (redeemed.already or redeemed.reserved)  # a verdict that changed meanwhile is decided anew
    if admission.way == Way.OPEN:
        return redeeming.let_in_openly(admission.launch, ask, by="public")
    assert admission.way == Way.MEMBER and admission.entry_id
    return registering.link_user(admission.entry_id, user.pk, by=f"person:{admission.entry_id}")


def write_to_mailbox(admission: Admission) -> None:
    """Keeps a use and mails the link that completes it; without a code, mails the private link that proves the mailbox."""
    if admission.code_id and admission.entry_id:
        ask = admission.ask
        reserving.reserve(admission.code_id, admission.entry_id, ask.contact, network=ask.origin.network, by="public")
    else:
        confirming.resend(admission.launch, admission.ask.contact, by="public")


class AccountGate(DefaultAccountAdapter):
    """What allauth asks about accounts."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "too_many_login_attempts": _(
            "Too many wrong tries at this log-in. Wait ten minutes, then try again, or have a code sent to your mailbox."
        )
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """The global switch alone: who may come in is asked when the form is read."""
        launch = launch_carried(request)
        return launch is not None and launch.enabled

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> User:
        """Makes the user and spends the code for them, in the transaction of the passage."""
        passage = passage_of(request)
        admission = passage.admission
        if admission is None or not admission.admitted_by:
            raise Refused(policy.NOT_ACCEPTED, why="no_admission")
        user.admitted_by, user.name = admission.admitted_by, admission.ask.name
        with transaction.atomic():  # a savepoint: whatever fails here, allauth saves the session of an app after it
            made: User = super().save_user(request, user, form)
            if not let_in(admission, made):
                raise Raced
        passage.passed = True
        return made

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Whether this sign-up proved the mailbox already: its link was mailed there."""
        admission = passage_of(request).admission
        return admission is not None and bool(admission.proves) and canonical(email) == admission.proves

    def send_account_already_exists_mail(self, email: str) -> None:
        """Nobody was made, and the page looks as if; what is true goes to the mailbox, after the work a user would cost."""
        passage: Passage = passage_of(allauth_context.request)
        passage.passed = True
        make_password("as much work as a new user's password")
        admission = passage.admission
        if admission and admission.way == Way.MAILBOX:
            write_to_mailbox(admission)
        elif admission and admission.caught:
            found, assessed = admission.caught
            redeeming.keep_back(admission.launch, admission.ask, found, assessed, by="public")
        else:
            super().send_account_already_exists_mail(email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Owes the mail in the same transaction. Its text holds a code or a link, so it stands sealed until it is sent."""
        launch = launch_carried(allauth_context.request)
        site = {"name": launch.name if launch else "Vestibule", "domain": settings.PUBLIC_HOST}
        said = {"email": email, "current_site": site, "launch": launch, **context}
        message = self.render_mail(template_prefix, email, said)
        html = next((str(part) for part, kind in getattr(message, "alternatives", ()) if kind == "text/html"), "")
        user = context.get("user")
        owe_sealed(
            email,
            message.subject,
            str(message.body),
            html,
            subject_ref=f"user:{user.pk}" if user else "sign-in",
            by="public",
            address_key=address_key("email", canonical(email)),
        )

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """allauth's brake on guessed passwords counts in the cache. While that is gone it would lock everybody out.

        Nor does it stop who comes from where this account is logged in: strangers' guesses lock no owner out.
        """
        if has_session_from(str(credentials.get("email", "")), self.get_client_ip(request)):
            return
        if cache.add(f"alive:{secrets.token_hex(8)}", True, 1):
            super().pre_authenticate(request, **credentials)

    def get_client_ip(self, request: HttpRequest) -> str:
        """One reading of the caller's address everywhere. A Unix socket has none, and a session's row needs one."""
        return client_ip(request) or "::"


class SocialGate(DefaultSocialAccountAdapter):
    """What allauth asks about single sign-on. Who is open and who is saved it asks the AccountGate in turn."""

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Never: the form asks for the code."""
        return False

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """As on every other route; without a form nobody was asked for a code."""
        if form is None:
            raise Refused(policy.NOT_ACCEPTED, why="no_form")
        # Only the address that was admitted: another one that a provider names would keep its owner out.
        admitted = canonical(form.cleaned_data["email"])
        sociallogin.email_addresses = [one for one in sociallogin.email_addresses if canonical(one.email) == admitted]
        return super().save_user(request, sociallogin, form)


def canonical(email: str) -> str:
    """The address as it is compared; what cannot be read as one is compared as it stands."""
    try:
        return read("email", email).canonical
    except ValueError:
        return email.casefold()
