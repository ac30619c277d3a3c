"""Links that vouch for a source."""

from datetime import datetime

from django.db.models import F, Q
from django.db.models.functions import Now

from outbox.facts import Said
from outbox.states import verb
from waitlist import signals, tokens
from waitlist.models import Launch, SourceLink


@verb
def make_source_link(launch: Launch, source: str, *, expires_at: datetime, cap: int | None, by: str) -> SourceLink:
    """A link that vouches for a source, until then and for so many people."""
    link = SourceLink.objects.create(launch=launch, source=source.strip().casefold(), expires_at=expires_at, cap=cap)
    data = {"launch": launch.pk, "source": link.source, "expires_at": expires_at.isoformat(), "cap": cap}
    signals.source_link_made.announce([Said(f"source_link:{link.pk}", data)], by=by)
    return link


@verb
def vouch(launch: Launch, token: str) -> SourceLink | None:
    """The signed link behind the token, one use of it taken; None when it is not ours, expired or used up."""
    found = tokens.read(tokens.SOURCE, token)
    live = SourceLink.objects.filter(pk=found[0] if found else 0, launch=launch, expires_at__gt=Now())
    within = live.filter(Q(cap__isnull=True) | Q(used__lt=F("cap")))
    return live.first() if within.update(used=F("used") + 1) else None


@verb
def unvouch(link: SourceLink) -> None:
    """Gives a use of the link back: it brought nobody new."""
    SourceLink.objects.filter(pk=link.pk).update(used=F("used") - 1)
