"""What allauth asks about second factors and sessions: secrets are kept sealed, and a session ends by our verb."""

from collections.abc import Iterable
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.actions import end_sessions
from outbox.keys import seal, unseal

OWN = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)  # recovery codes alone are no second factor


class SecondFactor(DefaultMFAAdapter):
    """A stolen dump makes no codes: the keys stand outside the database."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This code is not right, or its half minute is over. Type the one that is shown now.")
    }

    def encrypt(self, text: str) -> str:
        """Sealed."""
        return seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Opened; what was set up before secrets were sealed is read as it stands."""
        try:
            return unseal(encrypted_text.encode())
        except ValueError:
            return encrypted_text

    def get_totp_issuer(self) -> str:
        """The name in the app: never the Host header of whoever asks."""
        return f"Vestibule ({settings.PUBLIC_HOST})"


class Sessions(DefaultUserSessionsAdapter):
    """Every way to end a session of one's own leads to the verb."""

    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        """They are over, and the trail has it."""
        for user in {session.user for session in sessions}:
            end_sessions([one for one in sessions if one.user == user], by=actor_of(user))


def actor_of(user: Any) -> str:
    """How the trail names somebody who acts on their own log-in."""
    return f"staff:{user.pk}" if user.is_staff else f"user:{user.pk}"


def has_second_factor(user: Any) -> bool:
    """Whether a password alone does not open this log-in."""
    return Authenticator.objects.filter(user_id=user.pk, type__in=OWN).exists()
