"""Blocks a domain or a network for a time: who comes from there is held by the rules until it ends."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import StaleState, verb
from quality import signals
from quality.bars import MOST_DAYS, Target
from quality.evidence import forget_listed
from quality.models import Bar


@verb
def make_bar(target: Target, reason: str, *, days: int, by: str) -> Bar:
    """Blocks it for so many days. Raises StaleState where it is blocked already."""
    if not 1 <= days <= MOST_DAYS:
        raise Refused(
            "until_out_of_range", _("A block ends after 1 to 365 days; make it anew when it still makes sense then.")
        )
    same = Bar.objects.filter(domain=target.domain, network=target.network, ended_at__isnull=True)
    same.filter(until__lte=Now()).update(ended_at=F("until"))
    until = timezone.now() + timedelta(days=days)
    bar, made = Bar.objects.get_or_create(
        domain=target.domain,
        network=target.network,
        ended_at=None,
        defaults={"first": target.first, "last": target.last, "reason": reason, "by": by, "until": until},
    )
    if not made:
        raise StaleState(_("%(place)s is blocked already.") % {"place": target})
    forget_listed()
    signals.bar_made.announce([Said(f"bar:{bar.pk}", {"until": until.isoformat(), "reason": reason})], by=by)
    return bar


@verb
def end_bar(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Unblocks them; how many stood. Who is held because of them stays held until somebody looks."""
    standing = Bar.objects.select_for_update(no_key=True).filter(pk__in=ids, ended_at__isnull=True, until__gt=Now())
    ending = list(standing.order_by("pk").values_list("pk", flat=True))
    Bar.objects.filter(pk__in=ending).update(ended_at=Now())
    forget_listed()
    signals.bar_ended.announce([Said(f"bar:{pk}", {"reason": reason}) for pk in ending], by=by)
    return len(ending)
