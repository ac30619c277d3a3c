"""Keyed hashes and sealed text. The keys (CODE_KEYS) stand outside the database, so a stolen dump opens nothing."""

import base64
import hmac
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def newest() -> int:
    """The version that new codes and hashes are made with."""
    return max(settings.CODE_KEYS)


@cache
def _key(version: int, purpose: str) -> bytes:
    secret: str = settings.CODE_KEYS[version]
    return hmac.digest(secret.encode(), purpose.encode(), "sha256")


def keyed(purpose: str, value: str, *, version: int | None = None) -> bytes:
    """HMAC-SHA256 of the value (32 bytes) under the key of that purpose; the newest version unless told."""
    return hmac.digest(_key(version or newest(), purpose), value.encode(), "sha256")


def every_keyed(purpose: str, value: str) -> list[bytes]:
    """The hash under each version still kept, newest first: what a look-up compares with while keys rotate."""
    return [keyed(purpose, value, version=version) for version in sorted(settings.CODE_KEYS, reverse=True)]


def _box() -> MultiFernet:
    versions = sorted(settings.CODE_KEYS, reverse=True)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_key(version, "seal"))) for version in versions])


def seal(text: str) -> bytes:
    """The text encrypted, for rows that must carry an address until it is used."""
    return _box().encrypt(text.encode())


def unseal(sealed: bytes) -> str:
    """The text again; ValueError when no kept key opens it."""
    try:
        return _box().decrypt(bytes(sealed)).decode()
    except InvalidToken as error:
        raise ValueError("no key in CODE_KEYS opens this row") from error
