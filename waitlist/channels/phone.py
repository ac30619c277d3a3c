"""Phone numbers, in international form (E.164)."""

import phonenumbers
from django.utils.translation import gettext as _


def read(text: str) -> tuple[str, str]:
    """(as typed, E.164). ValueError when it is no number that can be called."""
    typed = text.strip()[:40]
    try:
        number = phonenumbers.parse(typed, None)
    except phonenumbers.NumberParseException as error:
        raise ValueError(_("Write the number with its country code, such as +44 20 7946 0958.")) from error
    if not phonenumbers.is_valid_number(number):
        raise ValueError(_("This is not a phone number that exists; check it for a typing slip."))
    return typed, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
