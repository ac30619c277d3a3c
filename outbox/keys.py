"""Keyed hashes and sealed text. The keys (CODE_KEYS) stand outside the database, so a stolen dump opens nothing."""

import base64
import hmac
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings

SHORT = 10  # bytes of an address's key that a suppression keeps and an unsubscribe link carries
PROOF = 6  # bytes that prove the link is ours


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
    return seal_bytes(text.encode())


def unseal(sealed: bytes) -> str:
    """The text again; ValueError when no kept key opens it."""
    return unseal_bytes(sealed).decode()


def seal_bytes(raw: bytes) -> bytes:
    """The same for a part of a file."""
    return _box().encrypt(raw)


def unseal_bytes(sealed: bytes) -> bytes:
    """The part again; ValueError when no kept key opens it."""
    try:
        return _box().decrypt(bytes(sealed))
    except InvalidToken as error:
        raise ValueError("no key in CODE_KEYS opens this row") from error


def _block(purpose: str, version: int) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(_key(version, purpose)), modes.ECB())  # noqa: S305 - one block alone


def numbered(purpose: str, number: int) -> str:
    """A row's number as 32 hexadecimal characters that say nothing to who has not the key, and are read back without a search."""
    context = _block(purpose, newest()).encryptor()
    return (context.update(number.to_bytes(16, "big")) + context.finalize()).hex()


def number_in(purpose: str, text: str) -> int | None:
    """The number behind these characters under any key still kept; None when they are not ours."""
    for version in sorted(settings.CODE_KEYS, reverse=True):
        context = _block(purpose, version).decryptor()
        raw = context.update(bytes.fromhex(text)) + context.finalize()
        if not any(raw[:8]):
            return int.from_bytes(raw, "big")
    return None


def address_key(kind: str, canonical: str) -> bytes:
    """The keyed hash of an address: what caps and suppressions know it by. `kind` is "email" or "phone"."""
    return keyed("address", f"{kind}:{canonical}")


def address_keys(kind: str, canonical: str) -> list[bytes]:
    """The same under each version still kept."""
    return every_keyed("address", f"{kind}:{canonical}")


def unsubscribe_token(address_key: bytes) -> str:
    """22 characters that name the address and nothing else: they work as long as the mail is kept, whatever we purge."""
    short = address_key[:SHORT]
    return base64.urlsafe_b64encode(short + keyed("unsubscribe", short.hex())[:PROOF]).decode().rstrip("=")


def unsubscriber(token: str) -> bytes | None:
    """The (short) key of the address in the token; None when the token is not ours."""
    try:
        raw = base64.b64decode(f"{token}==".encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        return None
    short, proof = raw[:SHORT], raw[SHORT:]
    ours = [proven[:PROOF] for proven in every_keyed("unsubscribe", short.hex())]
    return short if any(hmac.compare_digest(proof, each) for each in ours) else None
