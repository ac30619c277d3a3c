"""What of a launch's settings is about codes and batches: how codes may look, and what shares of a batch come to."""

from collections.abc import Iterator
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invites import codes, pacing
from waitlist.previews import Plan


def format_choices() -> list[tuple[str, str]]:
    """The formats that need no campaign, each with its prefix and its number of characters."""
    ours = {name: shape for name, shape in codes.FORMATS.items() if "{campaign}" not in shape.prefix}
    return [(name, f"{name}: {shape.prefix}{'X' * shape.length}") for name, shape in ours.items()]


def short_codes_live_short(said: dict[str, Any]) -> Iterator[tuple[str, str | Promise]]:
    """Codes that can be guessed are given to members only with a short life."""
    shape = codes.FORMATS.get(said["code_format"])
    if shape and shape.length < codes.SAFE_LENGTH and said["member_code_days"] > codes.SHORT_LIFE_DAYS:
        yield (
            "code_format",
            gettext_lazy("Codes of fewer than 12 characters can be guessed: let members' codes live 30 days at most."),
        )


def of_shares(plan: Plan) -> Iterator[str]:
    """How the places of a full day are shared out, now and then."""
    shares = [(one.share_first, one.share_lottery) for one in (plan.launch, plan.after)]
    if shares[0] == shares[1]:
        return
    for words, launch in ((_("now"), plan.launch), (_("then"), plan.after)):
        found = pacing.places(launch.daily_quota, launch.share_first, launch.share_lottery)
        yield _(
            "Of %(all)d places a day, %(when)s: %(top)d by points, %(first)d to who came first, %(lot)d by lot."
        ) % {
            "all": launch.daily_quota,
            "when": words,
            "top": found.top,
            "first": found.first,
            "lot": found.lottery,
        }
