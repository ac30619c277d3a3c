"""What new bounds of risk would make of those who wait."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from quality.models import Assessment
from quality.rules import evidence_of, find
from waitlist.models import Launch
from waitlist.previews import Plan


def of_bounds(plan: Plan) -> Iterator[str]:
    """How many the last look at them would hold or turn away by the new bounds. Nobody who waits is touched by the change itself."""
    bounds = [(one.review_score, one.deny_score) for one in (plan.launch, plan.after)]
    if bounds[0] == bounds[1]:
        return
    ids = [person.pk for person in plan.crowd.people]
    looks = list(Assessment.objects.filter(entry__in=ids).order_by("entry", "-pk").distinct("entry"))
    would = [_verdict(look, plan.after) for look in looks]
    now = [_verdict(look, plan.launch) for look in looks]
    yield _(
        "By what the rules last found of those who wait: held %(held)s, turned away %(denied)s (now both %(now)s)."
    ) % {
        "held": plan.crowd.number(would.count("review")),
        "denied": plan.crowd.number(would.count("deny")),
        "now": plan.crowd.number(sum(verdict != "allow" for verdict in now)),
    }
    yield _(
        "The new bounds hold for every look from now on; nobody who waits or is held now is touched by saving them."
    )


def _verdict(look: Assessment, launch: Launch) -> str:
    found = find(evidence_of(look.evidence), review_score=launch.review_score, deny_score=launch.deny_score)
    return found.verdict
