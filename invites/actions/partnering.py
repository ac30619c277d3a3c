"""Gives a partner a page of their own channel's numbers, and takes it back."""

from datetime import timedelta

from django.utils import timezone

from invites import signals
from invites.models import PartnerLink
from outbox.facts import Said
from outbox.states import move_one, verb
from waitlist.models import Launch


@verb
def give_page(launch: Launch, channel: str, partner: str, days: int, *, by: str) -> PartnerLink:
    """A link to the numbers of that channel, for so many days."""
    ends = timezone.now() + timedelta(days=days)
    link = PartnerLink.objects.create(launch=launch, channel=channel, partner=partner, expires_at=ends, by=by)
    data = {"launch": launch.pk, "channel": channel, "days": days}
    signals.partner_linked.announce([Said(f"partner_link:{link.pk}", data)], by=by)
    return link


@verb
def take_page_back(link_id: int, reason: str, *, by: str) -> None:
    """The link leads nowhere from now on. Raises StaleState when it did so already."""
    move_one(PartnerLink.objects.filter(pk=link_id), to="revoked")
    signals.partner_unlinked.announce([Said(f"partner_link:{link_id}", {"reason": reason})], by=by)
