"""The verbs of accounts: make and revoke API keys, give somebody a log-in to the console."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.scopes import ROLES, SCOPES
from accounts.signals import key_created, key_revoked, log_in_claimed, log_in_erased, staff_created
from outbox.actions import forget_deliveries
from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import verb

USED_EVERY = timedelta(minutes=1)


@verb
def create_api_key(
    name: str, scopes: Iterable[str], *, by: str, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """The key's row and its secret, which nobody can read again. Refused: scope_unknown, scope_missing, name_invalid, expiry_past."""
    wanted = sorted(set(scopes))
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise Refused("scope_unknown", f"No such scope: {', '.join(unknown)}. There are: {', '.join(SCOPES)}.")
    if not wanted:
        raise Refused("scope_missing", f"A key needs at least one scope. There are: {', '.join(SCOPES)}.")
    if not name.strip() or len(name) > 50:
        raise Refused("name_invalid", "A key needs a name of at most 50 characters, so that you know it again.")
    if expires_at is not None and expires_at <= timezone.now():
        raise Refused("expiry_past", "That moment has passed. Choose a later one.")
    row, secret = ApiKey.objects.create_key(name=name.strip(), scopes=wanted, expiry_date=expires_at)
    assert isinstance(row, ApiKey)
    key_created.announce([Said(f"key:{row.pk}", {"scopes": wanted})], by=by)
    return row, secret


@verb
def revoke_api_key(key: ApiKey, *, by: str, reason: str = "") -> bool:
    """The key opens nothing from now on; False when it was revoked before."""
    if not ApiKey.objects.filter(pk=key.pk, revoked=False).update(revoked=True):
        return False
    key_revoked.announce([Said(f"key:{key.pk}", {"reason": reason})], by=by)
    return True


def mark_used(key: ApiKey) -> None:
    """Notes that the key was used, at most once a minute: a busy key must not write on every request."""
    now = timezone.now()
    if key.last_used_at is not None and now - key.last_used_at < USED_EVERY:
        return
    older = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_EVERY)
    ApiKey.objects.filter(older, pk=key.pk).update(last_used_at=now)


def checked_password(email: str, password: str) -> str:
    """The password, when it is good enough for staff. Refused: password_weak."""
    try:
        validate_password(password, User(email=email))
    except ValidationError as error:
        raise Refused("password_weak", " ".join(error.messages)) from error
    return password


def checked_address(email: str) -> str:
    """The address in lower case, when it is one and free. Refused: email_invalid, email_taken."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused("email_invalid", "That is not an e-mail address.") from error
    if User.objects.filter(email=email).exists():
        raise Refused("email_taken", "There is a user with this address already.")
    return email


@verb
def create_staff(email: str, role: str, password: str | None = None, *, by: str) -> tuple[User, str | None]:
    """A user for the console, and the password made for them when none was given (shown once, kept hashed)."""
    if role not in ROLES:
        raise Refused("role_unknown", f"No such role: {role}. There are: {', '.join(ROLES)}.")
    email = checked_address(email)
    made = None if password else secrets.token_urlsafe(15)
    chosen = made or checked_password(email, password or "")
    owner = role == "owner"
    user = User.objects.create_user(email, chosen, admitted_by=f"staff:{by}", is_staff=True, is_superuser=owner)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    # Whoever may make staff vouches for the address, so the first log-in need not wait for a mail.
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    staff_created.announce([Said(f"user:{user.pk}", {"role": role})], by=by)
    return user, made


@verb
def erase_log_ins(user_ids: Iterable[int], *, by: str) -> None:
    """Deletes the log-ins of people who are erased, with their addresses and sign-ons. Staff keep theirs."""
    gone = User.objects.filter(pk__in=list(user_ids), is_staff=False)
    said = [Said(f"user:{user.pk}") for user in gone]
    forget_deliveries([one.subject for one in said])
    gone.delete()
    log_in_erased.announce(said, by=by)


@verb
def make_role(name: str, permissions: Iterable[Permission]) -> None:
    """Makes the group of that name, or gives it exactly these permissions again."""
    group, _made = Group.objects.get_or_create(name=name)
    group.permissions.set(permissions)


@verb
def claim_log_in(user: User, *, by: str, password_chosen: bool = False) -> None:
    """The owner of the mailbox takes over a log-in that was never confirmed: whoever made it may have been anybody.

    Their single sign-ons open nothing any more, nor does their password, unless the owner has just chosen one anew; else
    the owner chooses one by the usual mail.
    """
    if not password_chosen:
        user.set_unusable_password()
        User.objects.filter(pk=user.pk).update(password=user.password)
    SocialAccount.objects.filter(user=user).delete()
    log_in_claimed.announce([Said(f"user:{user.pk}")], by=by)
