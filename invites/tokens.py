"""The signed tokens of invites and of reserved uses, and their links."""

from invites.models import Invite, PartnerLink, Reservation
from waitlist import tokens

INVITE = "vestibule.invite"
COMPLETE = "vestibule.complete"
PARTNER = "vestibule.partner"


def invite_token(invite: Invite) -> str:
    """The token in the invite mail."""
    return tokens.sign(INVITE, invite.pk, invite.token_version)


def invite_of(token: str) -> Invite | None:
    """Which invite a token is for, or None."""
    found = tokens.read(INVITE, token)
    invites = Invite.objects.select_related("entry__launch", "code")
    return invites.filter(pk=found[0], token_version=found[1]).first() if found else None


def signup_url(invite: Invite) -> str:
    """The link in the invite mail. Opening it spends nothing."""
    return tokens.url("/sign-in", invite=invite_token(invite))


def share_url(text: str) -> str:
    """The link that opens the sign-up form with a code."""
    return tokens.url("/signup", code=text)


def completion_url(reservation: Reservation) -> str:
    """The link that completes a redemption somebody started with this person's address."""
    return tokens.url("/redeem", token=tokens.sign(COMPLETE, reservation.pk, 1))


def reservation_of(token: str) -> Reservation | None:
    """Which reservation a token is for, or None."""
    found = tokens.read(COMPLETE, token)
    reservations = Reservation.objects.select_related("entry__launch", "code")
    return reservations.filter(pk=found[0]).first() if found else None


def partner_url(link: PartnerLink) -> str:
    """The link to a partner's page of their channel."""
    return tokens.url("/partner", token=tokens.sign(PARTNER, link.pk, 1))


def partner_link_of(token: str) -> PartnerLink | None:
    """Which partner's page a token is for, or None."""
    found = tokens.read(PARTNER, token)
    return PartnerLink.objects.select_related("launch").filter(pk=found[0]).first() if found else None
