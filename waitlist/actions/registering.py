"""How somebody becomes a member."""

from dataclasses import dataclass
from typing import Any

from outbox import sql
from outbox.facts import Said
from outbox.states import sources, verb
from waitlist import hot, signals
from waitlist.actions.joining import new_referral_code
from waitlist.channels import Contact
from waitlist.models import Entry, Launch


@dataclass(frozen=True, slots=True)
class Membership:
    """With what somebody becomes a member."""

    contact: Contact
    name: str = ""
    tier: str = "standard"
    source: str = "organic"
    locale: str = "en"
    referred_by: int | None = None
    invited_by: str = ""
    user_id: int | None = None
    host_user_id: str = ""


@verb
def register(launch: Launch, membership: Membership, *, by: str) -> Any:
    """Makes the person a member; their row, or None when they may not become one (or are one already)."""
    contact = membership.contact
    params = {
        "launch": launch.pk,
        "contact_kind": contact.kind,
        "contact": contact.as_typed,
        "canonical": contact.canonical,
        "name": membership.name,
        "tier": membership.tier,
        "source": membership.source,
        "locale": membership.locale,
        "referred_by": membership.referred_by,
        "invited_by": membership.invited_by,
        "user": membership.user_id,
        "host_user_id": membership.host_user_id,
        "referral_code": new_referral_code(),
        "sources": [state for state in sources(Entry, "registered") if state != "suspended"],
    }
    row = sql.one(hot.REGISTER, params)
    if row:
        said = Said(f"entry:{row.id}", {"launch": launch.pk, "tier": membership.tier}, extra=row)
        signals.entry_registered.announce([said], by=by)
    return row


@verb
def list_applicant(launch: Launch, membership: Membership) -> int:
    """The entry of somebody who may not come in yet: the one they have, else a new one whose mailbox is not proven; its id."""
    contact = membership.contact
    made, _fresh = Entry.objects.get_or_create(
        launch=launch,
        contact_kind=contact.kind,
        canonical=contact.canonical,
        defaults={
            "contact": contact.as_typed,
            "name": membership.name,
            "source": membership.source,
            "locale": membership.locale,
            "referral_code": new_referral_code(),
            "referred_by_id": membership.referred_by,
        },
    )
    return int(made.pk)


@verb
def link_user(entry_id: int, user_id: int, *, by: str) -> bool:
    """Gives a registered person who has no log-in yet this one; False when they have one, or are not in."""
    without = Entry.objects.filter(pk=entry_id, status="registered", user__isnull=True)
    if not without.update(user_id=user_id):
        return False
    signals.entry_linked.announce([Said(f"entry:{entry_id}", {"user": user_id})], by=by)
    return True


@verb
def raise_tier(entry_id: int, tier: str, *, by: str) -> None:
    """Gives the person a tier."""
    if Entry.objects.filter(pk=entry_id).exclude(tier=tier).update(tier=tier):
        signals.tier_raised.announce([Said(f"entry:{entry_id}", {"tier": tier})], by=by)
