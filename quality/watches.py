"""The watches: each looks at rows and says what a person should see. A watch's name is the alert's code, its docstring why.

They keep nothing: the same rows give the same sightings in any process, after any restart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Min
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from outbox import countries, sql
from outbox.queries import relay_lag_seconds
from quality import gates, spikes
from quality.models import Decision, Gate, Reading
from waitlist.models import Launch

PAST_HOURS = 72
JOINS, REFUSALS = 30, 100  # in an hour; fewer are no spike, whatever was usual
NETWORK = 60  # addresses in a day: an office of fifty that joins in a morning is none of our business
FROM_COUNTRY = 20  # people in a day
LATE_SECONDS = 120.0
QUIET = timedelta(minutes=15)  # a number that flutters around its bound raises once
AT_ONCE = timedelta(0)

Seen = Mapping[str, str]  # what it is about, and in a sentence why; nothing a stranger wrote stands in the sentence
Look = Callable[[Any, datetime], Seen]


@dataclass(frozen=True, slots=True)
class Watch:
    """A named look at the rows. `rows` names the console's list behind it and the filter that the subject goes into.

    `strangers` is true where anybody can have it seen as often as they like: such alerts take no mail from the others.
    """

    code: str
    title: Promise
    look: Look
    everywhere: bool  # about the whole install, not about one launch
    quiet: timedelta  # how long it must not be seen to be over
    rows: tuple[str, str]
    strangers: bool = False


watches: dict[str, Watch] = {}


def watch(
    title: Promise,
    *,
    everywhere: bool = False,
    quiet: timedelta = QUIET,
    rows: tuple[str, str] = ("", ""),
    strangers: bool = False,
) -> Callable[[Look], Look]:
    """Decorator: this function is a watch; it gets the launch (None where it looks everywhere) and now."""

    def register(look: Look) -> Look:
        watches[look.__name__] = Watch(look.__name__, title, look, everywhere, quiet, rows, strangers)
        return look

    return register


def title_of(code: str) -> str:
    """What a person calls this kind of alert."""
    return str(watches[code].title) if code in watches else code


def hours_of(since: datetime | None, now: datetime) -> int:
    """How many whole hours before the newest one there is a past of."""
    return min(PAST_HOURS, int((now - since).total_seconds() // 3600) - 1) if since else 0


def spikes_in(rows: list[Any], hours: int, floor: int) -> Seen:
    """The spikes among rows of (what, hour, n), hour 0 being the newest."""
    counts: dict[str, dict[int, int]] = {}
    for row in rows:
        counts.setdefault(row.what, {})[row.hour] = int(row.n)
    pasts = {what: [by_hour.get(hour, 0) for hour in range(1, hours + 1)] for what, by_hour in counts.items()}
    newest = {what: by_hour.get(0, 0) for what, by_hour in counts.items()}
    return {
        what: in_the_last_hour(newest[what], past)
        for what, past in pasts.items()
        if spikes.is_spike(newest[what], past, floor)
    }


def in_the_last_hour(newest: int, past: list[int]) -> str:
    return _("%(newest)d in the last hour, where %(usual)d are usual.") % {"newest": newest, "usual": median(past)}


# Whole hours back from now, so that the newest one is always full.
HOUR = "floor(extract(epoch FROM %(now)s::timestamptz - {at}) / 3600)::int"
LATELY = "{at} > %(now)s::timestamptz - interval '73 hours' AND {at} <= %(now)s::timestamptz"

JOINS_BY_SOURCE = f"""
SELECT entry.source AS what, {HOUR.format(at="trace.at")} AS hour, count(*) AS n
FROM waitlist_trace AS trace JOIN waitlist_entry AS entry ON entry.id = trace.entry_id
WHERE trace.launch_id = %(launch)s AND trace.act = 'join' AND entry.source <> 'manual' AND {LATELY.format(at="trace.at")}
GROUP BY 1, 2
"""  # noqa: S608


@watch(gettext_lazy("Many joins from one source"), rows=("waitlist_entry", "source"), strangers=True)
def joins_from_source(launch: Launch, now: datetime) -> Seen:
    """A post that took off, or somebody who fills the list: a person tells them apart at a glance."""
    rows = sql.rows(JOINS_BY_SOURCE, {"launch": launch.pk, "now": now})
    since = max(launch.created_at, now - timedelta(days=launch.trace_days))  # beyond that no trace is kept
    return spikes_in(rows, hours_of(since, now), JOINS)


REFUSALS_BY_RULE = f"""
SELECT rule AS what, {HOUR.format(at="minute")} AS hour, sum(times) AS n
FROM quality_refusal WHERE {LATELY.format(at="minute")}
GROUP BY 1, 2
"""  # noqa: S608


@watch(gettext_lazy("Many refusals by one rule"), everywhere=True, rows=("quality_refusal", "rule"), strangers=True)
def refusals_by_rule(_everywhere: None, now: datetime) -> Seen:
    """Somebody knocks at a door that is shut to them, or a limit is too tight for the people who come."""
    since = Launch.objects.aggregate(first=Min("created_at"))["first"]
    return spikes_in(sql.rows(REFUSALS_BY_RULE, {"now": now}), hours_of(since, now), REFUSALS)


PEOPLE_BY_NETWORK = """
SELECT network(set_masklen(trace.network, CASE family(trace.network) WHEN 4 THEN 24 ELSE 64 END))::text AS what,
       count(DISTINCT trace.entry_id) AS n
FROM waitlist_trace AS trace
WHERE trace.launch_id = %(launch)s AND trace.act = 'join' AND trace.network IS NOT NULL
  AND trace.at > %(now)s::timestamptz - interval '1 day' AND trace.at <= %(now)s::timestamptz
GROUP BY 1 HAVING count(DISTINCT trace.entry_id) >= %(floor)s
"""


@watch(gettext_lazy("Many addresses from one network"), strangers=True)
def addresses_from_network(launch: Launch, now: datetime) -> Seen:
    """A university, or one machine that makes up people: the list shows which."""
    rows = sql.rows(PEOPLE_BY_NETWORK, {"launch": launch.pk, "now": now, "floor": NETWORK})
    text = _("%(n)d addresses joined from %(network)s in a day.")
    return {row.what: text % {"n": row.n, "network": row.what} for row in rows}


PEOPLE_BY_COUNTRY = """
SELECT trace.country AS what, count(*) FILTER (WHERE trace.at > %(now)s::timestamptz - interval '1 day') AS here,
       count(*) FILTER (WHERE trace.at <= %(now)s::timestamptz - interval '1 day') AS before
FROM waitlist_trace AS trace
WHERE trace.launch_id = %(launch)s AND trace.act = 'join' AND trace.country <> ''
  AND trace.at > %(now)s::timestamptz - interval '30 days' AND trace.at <= %(now)s::timestamptz
GROUP BY 1
"""


@watch(gettext_lazy("People from an unusual country"), strangers=True)
def unusual_country(launch: Launch, now: datetime) -> Seen:
    """A launch at home that is suddenly full of people from elsewhere was posted there, or is played with from there."""
    rows = sql.rows(PEOPLE_BY_COUNTRY, {"launch": launch.pk, "now": now}) if countries.told() else []
    everybody, before = sum(row.here for row in rows), sum(row.before for row in rows)
    text = _("%(here)d of %(everybody)d people of the last day, and %(before)d of %(all_before)d before.")
    return {
        row.what: text % {"here": row.here, "everybody": everybody, "before": row.before, "all_before": before}
        for row in rows
        if spikes.is_unusual(row.here, everybody, row.before, before, FROM_COUNTRY)
    }


LEAST_SAMPLE = 30
DAY, FORTNIGHT = timedelta(days=1), timedelta(days=14)


@watch(gettext_lazy("Activation is falling"), rows=("quality_reading", ""))
def falling_activation(launch: Launch, now: datetime) -> Seen:
    """People come in and do not begin: the wrong people, or a product that is not up to so many."""
    told = Reading.objects.filter(launch=launch, metric="activation_rate", value__isnull=False, at__lte=now)
    lately = told.filter(sample__gte=LEAST_SAMPLE, at__gt=now - FORTNIGHT).order_by("-at")
    readings = list(lately.values_list("value", "at"))
    earlier = [value or 0.0 for value, at in readings if at <= now - DAY]
    if not readings or readings[0][1] <= now - DAY or not spikes.has_fallen(latest := readings[0][0] or 0.0, earlier):
        return {}
    said = {"latest": 100 * latest, "usual": 100 * median(earlier)}
    return {"": _("%(latest).0f %% of new people begin, where %(usual).0f %% are usual.") % said}


@watch(gettext_lazy("A gate is closed"), quiet=AT_ONCE, rows=("quality_gate", "metric"))
def gate_closed(launch: Launch, now: datetime) -> Seen:
    """Nobody is let in while it lasts, and somebody has to find out why. A gate that never decided is closed too."""
    guards = Gate.objects.filter(launch=launch, is_on=True).order_by("metric")
    latest = {gate.metric: Decision.objects.filter(gate=gate, at__lte=now).order_by("-at").first() for gate in guards}
    text = _("The gate on %(metric)s is closed: %(why)s.")
    return {
        metric: text % {"metric": metric, "why": gates.WHYS[decided.why if decided else "missing"]}
        for metric, decided in latest.items()
        if decided is None or not decided.is_open
    }


@watch(gettext_lazy("Mails and webhooks are late"), everywhere=True, rows=("outbox_delivery", ""))
def outbox_late(_everywhere: None, now: datetime) -> Seen:
    """What is owed waits and nobody takes it: no confirmation and no invite leaves."""
    seconds = int(relay_lag_seconds())
    text = ngettext("What is owed waits for %(n)d minute.", "What is owed waits for %(n)d minutes.", seconds // 60)
    return {"": text % {"n": seconds // 60}} if seconds > LATE_SECONDS else {}
