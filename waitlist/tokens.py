"""Signed tokens and the links that carry them. A token names an id, a version and a purpose, never an address."""

from urllib.parse import urlencode

from django.conf import settings
from django.core import signing

from outbox.keys import keyed
from waitlist.models import Entry, Launch, SourceLink

PERSON = "vestibule.person"
SOURCE = "vestibule.source"
PERSON_COOKIE = "vestibule_person"  # holds the person's token in a browser that opened their private link
CODE_DIGITS = 6


def sign(purpose: str, pk: int, version: int) -> str:
    """A token for that purpose; changing the row's version revokes it."""
    return signing.Signer(salt=purpose).sign_object([pk, version])


def read(purpose: str, token: str) -> tuple[int, int] | None:
    """(id, version) of a token of that purpose; None when it is not ours, altered or meant for something else."""
    try:
        pk, version = signing.Signer(salt=purpose).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return pk, version


def person_token(entry: Entry) -> str:
    """The token in the person's private link."""
    return sign(PERSON, entry.pk, entry.link_version)


def entry_of(token: str) -> Entry | None:
    """Whose private link this is, or None."""
    found = read(PERSON, token)
    return Entry.objects.select_related("launch").filter(pk=found[0], link_version=found[1]).first() if found else None


def url(path: str, **query: str) -> str:
    """An absolute link, from PUBLIC_BASE_URL only: a request's Host header never reaches a mail."""
    return f"{settings.PUBLIC_BASE_URL}{path}" + (f"?{urlencode(query)}" if query else "")


def status_url(entry: Entry) -> str:
    """The person's private link."""
    return url("/me", token=person_token(entry))


def referral_link(entry: Entry) -> str:
    """The link a person shares."""
    return url("/waitlist", ref=entry.referral_code)


def source_link(link: SourceLink, launch: Launch) -> str:
    """A public link that vouches for a source."""
    return url("/waitlist", via=sign(SOURCE, link.pk, 1), launch=launch.slug)


def confirm_code(entry_id: int, confirm_round: int) -> str:
    """The 6 digits in the confirmation mail: derived, not stored; a new round makes new ones."""
    number = int.from_bytes(keyed("confirm-code", f"{entry_id}:{confirm_round}")[:8], "big")
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
