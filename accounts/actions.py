"""The verbs of accounts: make and revoke API keys; give people a log-in to the console, a role in it, and take both away."""

import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import signals
from accounts.models import ApiKey, User
from accounts.queries import role_of, staff_with
from accounts.scopes import RANKS, ROLES, SCOPES
from accounts.signals import log_in_erased
from outbox.actions import forget_deliveries
from outbox.errors import Refused
from outbox.facts import Fact, Said
from outbox.states import verb

USED_EVERY = SEEN_EVERY = timedelta(minutes=1)


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
    signals.key_created.announce([Said(f"key:{row.pk}", {"scopes": wanted})], by=by)
    return row, secret


@verb
def revoke_api_key(key: ApiKey, *, by: str, reason: str = "") -> bool:
    """The key opens nothing from now on; False when it was revoked before."""
    if not ApiKey.objects.filter(pk=key.pk, revoked=False).update(revoked=True):
        return False
    signals.key_revoked.announce([Said(f"key:{key.pk}", {"reason": reason})], by=by)
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
    admitted_by = by if by.startswith("staff:") else f"staff:{by}"
    user = User.objects.create_user(email, chosen, admitted_by=admitted_by, is_staff=True, is_superuser=owner)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    # Whoever may make staff vouches for the address, so the first log-in need not wait for a mail.
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    signals.staff_created.announce([Said(f"user:{user.pk}", {"role": role})], by=by)
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
    group = Group.objects.get_or_create(name=name)[0]
    group.permissions.set(permissions)


def chosen_by(ids: Sequence[int], by: str) -> list[User]:
    """The users, locked one after the other. Refused: own_account, for nobody decides about themselves."""
    if by in {f"staff:{pk}" for pk in ids}:
        raise Refused("own_account", _("Nobody changes their own role or log-in here. Ask another owner."))
    return list(User.objects.select_for_update().filter(pk__in=ids).order_by("pk"))


def keep_an_owner(ids: Sequence[int]) -> None:
    """Locks who counts the owners: of two owners who remove each other at once, one stays. Refused: last_owner."""
    Group.objects.select_for_update().get_or_create(name="owner")
    owners = set(staff_with("owner").values_list("pk", flat=True))
    if owners and owners <= set(ids):
        raise Refused("last_owner", _("Nobody would own this install any more. Make somebody else an owner first."))


def seat(user: User, role: str) -> None:
    """The columns and the group of that role; "" is no role: no staff any more."""
    columns = {"is_staff": bool(role), "is_superuser": role == "owner"}
    User.objects.filter(pk=user.pk).update(**columns)
    user.groups.remove(*user.groups.filter(name__in=ROLES))
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])


@verb
def give_role(ids: Sequence[int], role: str, reason: str, *, by: str) -> int:
    """They are staff in that role, and in no other; how many were not. Who gets a lesser one has to log in anew.

    Refused: role_unknown, own_account, last_owner.
    """
    if role not in ROLES:
        raise Refused("role_unknown", f"No such role: {role}. There are: {', '.join(ROLES)}.")
    if role != "owner":
        keep_an_owner(ids)
    changed = [(user, was) for user in chosen_by(ids, by) if user.is_active and (was := role_of(user)) != role]
    for user, _was in changed:
        seat(user, role)
    said = [Said(f"user:{user.pk}", {"role": role, "was": was, "reason": reason}) for user, was in changed]
    signals.role_given.announce(said, by=by)
    end_sessions_of([user.pk for user, was in changed if RANKS.index(was) > RANKS.index(role)], reason, by=by)
    return len(changed)


@verb
def take_role(ids: Sequence[int], reason: str, *, by: str) -> int:
    """They are staff no more, and their sessions end; how many were. Refused: own_account, last_owner."""
    keep_an_owner(ids)
    changed = [(user, role_of(user)) for user in chosen_by(ids, by) if user.is_staff]
    for user, _was in changed:
        seat(user, "")
    signals.role_taken.announce(
        [Said(f"user:{user.pk}", {"was": was, "reason": reason}) for user, was in changed], by=by
    )
    end_sessions_of([user.pk for user, _was in changed], reason, by=by)
    return len(changed)


@verb
def deactivate(ids: Sequence[int], reason: str, *, by: str) -> int:
    """They cannot log in any more, and their sessions end; how many could. Refused: own_account, last_owner."""
    keep_an_owner(ids)
    changed = [user.pk for user in chosen_by(ids, by) if user.is_active]
    User.objects.filter(pk__in=changed).update(is_active=False)
    signals.user_deactivated.announce([Said(f"user:{pk}", {"reason": reason}) for pk in changed], by=by)
    end_sessions_of(changed, reason, by=by)
    return len(changed)


@verb
def reactivate(ids: Sequence[int], reason: str, *, by: str) -> int:
    """They can log in again, in the role they had; how many could not. Refused: own_account."""
    changed = [user.pk for user in chosen_by(ids, by) if not user.is_active]
    User.objects.filter(pk__in=changed).update(is_active=True)
    signals.user_reactivated.announce([Said(f"user:{pk}", {"reason": reason}) for pk in changed], by=by)
    return len(changed)


@verb
def reset_second_factor(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Forgets their app, keys and recovery codes, and ends their sessions; of how many. For a lost telephone.

    Refused: own_account.
    """
    users = [user.pk for user in chosen_by(ids, by)]
    kept = Authenticator.objects.filter(user_id__in=users)
    changed = sorted(set(kept.values_list("user_id", flat=True)))
    kept.delete()
    signals.second_factor_reset.announce([Said(f"user:{pk}", {"reason": reason}) for pk in changed], by=by)
    end_sessions_of(changed, reason, by=by)
    return len(changed)


@verb
def end_sessions_of(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Whoever is logged in as one of them is so no more; of how many people."""
    return end_sessions(UserSession.objects.filter(user_id__in=ids), reason, by=by)


@verb
def end_sessions(sessions: Iterable[UserSession], reason: str = "", *, by: str) -> int:
    """Ends these sessions: their cookies open nothing any more; of how many people."""
    ended = Counter[int]()
    for session in sessions:
        session.end()
        ended[session.user_id] += 1
    said = [Said(f"user:{pk}", {"sessions": n, "reason": reason}) for pk, n in sorted(ended.items())]
    signals.sessions_ended.announce(said, by=by)
    return len(ended)


def mark_seen(session_key: str, ip: str) -> bool:
    """Notes that the session is in use, at most once a minute, and from where; False where nobody is to be noted."""
    now = timezone.now()
    rows = UserSession.objects.filter(session_key=session_key, last_seen_at__lt=now - SEEN_EVERY)
    return bool(rows.update(last_seen_at=now, ip=ip))


@verb
def note_log_in(fact: Fact, user: User, *, by: str, **said: object) -> None:
    """Writes what somebody did at the door into the trail."""
    fact.announce([Said(f"user:{user.pk}", said)], by=by)


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
    signals.log_in_claimed.announce([Said(f"user:{user.pk}")], by=by)
