"""Named reads of accounts: who stands behind a credential."""

import re
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.scopes import RANKS, ROLES

SECRET = re.compile(r"[A-Za-z0-9]{8}\.[A-Za-z0-9]{32}")


def key_behind(secret: str) -> ApiKey | None:
    """The usable key with this secret: one indexed read, and none at all for what has not the shape of a key."""
    if not SECRET.fullmatch(secret):
        return None
    key = ApiKey.objects.filter(prefix=secret[:8], revoked=False).first()
    if key is None or not ApiKey.objects.key_generator.verify(secret, key.hashed_key):
        return None
    expired = key.expiry_date is not None and key.expiry_date <= timezone.now()
    return None if expired else key


def scopes_of(user: User | AnonymousUser) -> frozenset[str]:
    """What a logged-in user may do over the API: owners everything, other staff what their roles say, members nothing."""
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return frozenset()
    if user.is_superuser:
        return ROLES["owner"]
    names: list[Any] = list(user.groups.values_list("name", flat=True))
    return frozenset[str]().union(*(ROLES.get(name, frozenset()) for name in names))


def has_session_from(email: str, ip: str) -> bool:
    """Whether somebody with this address is, or was lately, logged in from there."""
    return UserSession.objects.filter(user__email=email, ip=ip).exists()


def role_of(user: User) -> str:
    """The highest role somebody has in the console, "" for none. The groups may have been read before."""
    if not user.is_staff:
        return ""
    if user.is_superuser:
        return "owner"
    names = {group.name for group in user.groups.all()}
    return next((role for role in reversed(RANKS) if role in names), "")


def staff_with(*roles: str) -> QuerySet[User]:
    """Who may open the console in one of these roles now; whoever has every right is an owner."""
    in_role = Q(groups__name__in=roles) | (Q(is_superuser=True) if "owner" in roles else Q())
    return User.objects.filter(in_role, is_staff=True, is_active=True).order_by("pk").distinct()
