"""What a gate decides, from what was measured and the time it is given: when it closes, when it opens again, and why. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from quality.measures import METRICS
from quality.models import Decision, Gate, Override, Reading

# Why a gate is open or closed, for people.
WHYS: dict[str, Promise] = {
    "healthy": _("the metric is good"),
    "recovering": _("the metric lies between where the gate closes and where it opens: it stays as it was"),
    "bad": _("the metric is bad"),
    "missing": _("nothing was measured, or nothing that is a number"),
    "stale": _("what was measured rests on news that is too old"),
    "thin": _("too few people were measured to say anything"),
    "overridden": _("staff opened it for a time"),
}

SENTENCES: dict[str, Promise] = {
    "healthy": _("%(metric)s is %(value)s: good enough to let people in."),
    "recovering": _("%(metric)s is %(value)s: better, but it opens only at %(opens)s."),
    "recovering, open": _("%(metric)s is %(value)s: worse, but it closes only at %(closes)s."),
    "bad": _("%(metric)s is %(value)s: at %(closes)s or worse nobody is let in."),
    "missing": _("%(metric)s was not measured: without a number nobody is let in."),
    "stale": _("%(metric)s rests on news older than %(hours)s hours: nobody is let in until newer ones come."),
    "thin": _("%(metric)s was measured over %(sample)s people; with fewer than %(least)s nobody is let in."),
    "overridden": _("%(metric)s does not count until %(until)s: staff opened this gate."),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the gate lets people in, and the word of WHYS that says why."""

    is_open: bool
    why: str


def better_of(metric: str) -> str | None:
    """ "lower" or "higher", whichever is better of this metric; None for a metric that nobody measures."""
    return METRICS[metric].better if metric in METRICS else None


def decide(gate: Gate, reading: Reading | None, previous_is_open: bool, now: datetime, better: str) -> Verdict:
    """What the gate decides about the latest reading. Nothing, nonsense, old news and too few people close it."""
    told_at = rests_on(reading)
    if reading is None or reading.value is None or told_at is None:
        return Verdict(False, "missing")
    if is_old(gate, told_at, now):
        return Verdict(False, "stale")
    if reading.sample < gate.min_sample:
        return Verdict(False, "thin")
    if reaches(reading.value, gate.closes_at, worse_than(better)):
        return Verdict(False, "bad")
    if reaches(reading.value, gate.opens_at, better):
        return Verdict(True, "healthy")
    return Verdict(previous_is_open, "recovering")


def rests_on(reading: Reading | None) -> datetime | None:
    """When the newest thing behind a reading was told; None where it says nothing. News from the future count from the look."""
    if reading is None or reading.value is None or not math.isfinite(reading.value) or reading.newest_at is None:
        return None
    return min(reading.newest_at, reading.at)


def look(gate: Gate, decision: Decision | None, override: Override | None, now: datetime) -> Verdict:
    """Whether the gate lets somebody in at this very moment: its latest decision, unless that has grown too old meanwhile.

    Asked inside every grant: when events stop coming, or the evaluation dies, an old "open" is worth nothing.
    """
    if override is not None and is_in_force(override, now):
        return Verdict(True, "overridden")
    if decision is None or decision.newest_at is None:
        return Verdict(False, "missing")
    if is_old(gate, min(decision.newest_at, decision.at), now):
        return Verdict(False, "stale")
    return Verdict(decision.is_open, decision.why)


def is_old(gate: Gate, told_at: datetime, now: datetime) -> bool:
    """Whether the news are older than the gate allows."""
    return now - told_at > timedelta(hours=gate.max_age_hours)


def is_in_force(override: Override, now: datetime) -> bool:
    """Whether the override opens its gate now."""
    return override.ended_at is None and now < override.until


def reaches(value: float, threshold: float, side: str) -> bool:
    """Whether the value lies at the threshold or beyond it, on that side."""
    return value <= threshold if side == "lower" else value >= threshold


def worse_than(better: str) -> str:
    """The other side."""
    return "higher" if better == "lower" else "lower"


def lie_apart(closes_at: float, opens_at: float, better: str) -> bool:
    """Whether the gate opens at a better value than it closes at; at the same one it would flutter."""
    numbers = math.isfinite(closes_at) and math.isfinite(opens_at)
    return numbers and closes_at != opens_at and reaches(opens_at, closes_at, better)


def sentence(closed: Sequence[tuple[str, str]]) -> str:
    """Which gates are closed and why, for whoever wanted to let somebody in."""
    named = "; ".join(f"{metric}: {WHYS[why]}" for metric, why in closed)
    return gettext("A gate is closed (%(named)s). Wait until it opens, or let an owner override it with a reason.") % {
        "named": named
    }


def in_words(gate: Gate, decision: Decision | None, verdict: Verdict, override: Override | None) -> str:
    """How the gate stands, in a sentence: what was read, against which threshold, or what is missing."""
    words = {
        "metric": gate.metric,
        "value": number(gate.metric, decision.value if decision else None),
        "closes": number(gate.metric, gate.closes_at),
        "opens": number(gate.metric, gate.opens_at),
        "sample": decision.sample if decision else 0,
        "least": gate.min_sample,
        "hours": gate.max_age_hours,
        "until": f"{override.until:%Y-%m-%d %H:%M} UTC" if override else "",
    }
    stands = "recovering, open" if verdict == Verdict(True, "recovering") else verdict.why
    return str(SENTENCES[stands]) % words


def number(metric: str, value: float | None) -> str:
    """The value as people read it: a rate as percent, anything else as it is."""
    if value is None:
        return "–"
    is_share = metric in METRICS and METRICS[metric].unit == "share"
    return f"{value:.1%}" if is_share else f"{value:.2f}"
