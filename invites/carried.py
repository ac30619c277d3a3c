"""What a browser carries from a link to the sign-up form: an invite's token or a code, in a signed cookie.

A cookie and no session, so that opening a link writes nothing; it also outlives the way to a single sign-on and back.
"""

from dataclasses import asdict, dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

COOKIE = "vestibule_invite"
SECONDS = 3600
LONGEST = 300  # characters of a token or a code; what is longer is none


@dataclass(frozen=True, slots=True)
class Carried:
    """One of the two, or nothing."""

    token: str = ""
    code: str = ""


def keep(response: HttpResponseBase, carried: Carried) -> None:
    """Lets this browser carry it for an hour; no script can read it, and no other site learns the link."""
    said = signing.dumps(asdict(carried), salt=COOKIE)
    response.set_cookie(COOKIE, said, max_age=SECONDS, httponly=True, samesite="Lax", secure=settings.HTTPS)
    response["Referrer-Policy"] = "no-referrer"


def forget(response: HttpResponseBase) -> None:
    """Takes it out of this browser."""
    response.delete_cookie(COOKIE, samesite="Lax")


def carried_by(request: HttpRequest) -> Carried:
    """What this browser carries."""
    if COOKIE not in request.COOKIES:
        return Carried()
    try:
        return Carried(**signing.loads(request.COOKIES[COOKIE], salt=COOKIE, max_age=SECONDS))
    except signing.BadSignature:
        return Carried()
