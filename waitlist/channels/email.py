"""E-mail addresses: kept and mailed as typed, compared in canonical form."""

import unicodedata

import idna
from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

GMAIL = frozenset({"gmail.com", "googlemail.com"})
LONGEST = 254  # RFC 5321


def read(text: str) -> tuple[str, str]:
    """(as typed, canonical). ValueError when it is no address that mail can reach."""
    typed = unicodedata.normalize("NFKC", text).strip()
    if len(typed) > LONGEST:
        raise ValueError(_("This address is too long: at most 254 characters."))
    try:
        valid = validate_email(typed, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(_("This is not an e-mail address we can write to; check it for a typing slip.")) from error
    return typed, canonical(valid.local_part, valid.domain)


def stem(canonical: str) -> str:
    """The address without a plus tag and without numbers at the end of its name: what one maker of many names has in common."""
    local, _at, domain = canonical.partition("@")
    name = local.partition("+")[0]
    return f"{name.rstrip('0123456789._-') or name}@{domain}"


def canonical(local: str, domain: str) -> str:
    """Case folded, the domain in ASCII; at Gmail dots, plus tags and the second domain name are one mailbox."""
    domain = idna.encode(domain, uts46=True).decode().casefold() if not domain.isascii() else domain.casefold()
    local = unicodedata.normalize("NFKC", local).casefold()
    if domain in GMAIL:
        return f"{local.partition('+')[0].replace('.', '')}@gmail.com"
    return f"{local}@{domain}"
