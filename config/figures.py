"""What the console's first page shows: each number with its words, and the way to the very rows that it counts.

The numbers come from the tallies (quality/tallying.py) and from what is known exactly at any moment; nothing is counted here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from invites.queries import CODES_SINCE
from quality.measures import WINDOW
from quality.plots import Bars, bars
from quality.tallies import STAGES
from waitlist.models import HELD_STATES, Entry, Launch

DAY_AND_MONTH = "j E"  # as the pages write days; Django's own format says "27 Ноябрь"
DAY, WEEK = timedelta(days=1), timedelta(days=7)
Counts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, what it says, the rows behind it, and what a reader should know of it."""

    label: str | Promise
    value: str
    link: str
    note: str | Promise = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of a funnel: how many came so far, of all and of who came to the step before (per cent)."""

    figure: Figure
    of_all: float
    of_before: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table whose every number leads to its rows."""

    label: str
    cells: list[Figure]


@dataclass(frozen=True, slots=True)
class ByDay:
    """Bars of the last days, and the same as a table for who cannot see them."""

    title: str | Promise
    total: int
    summary: str
    bars: Bars
    top: str
    first: str
    last: str
    rows: list[Row]


def grouped(number: float) -> str:
    """A count as people read it: 12,345."""
    return number_format(number, force_grouping=True)


def share(part: int, whole: int) -> str:
    """A part in per cent; a dash of nobody."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def part_of(part: int, whole: int) -> str:
    """In words, of how many."""
    return _("%(part)s of %(whole)s") % {"part": grouped(part), "whole": grouped(whole)}


def listed(model: str, **asked: Any) -> str:
    """The console's list of these rows ("waitlist_entry")."""
    page = reverse(f"admin:{model}_changelist")
    return f"{page}?{urlencode(asked)}" if asked else page


@dataclass(frozen=True, slots=True)
class Links:
    """The ways to the rows of one launch."""

    launch: Launch

    def rows(self, model: str, **asked: Any) -> str:
        """Rows that name their launch."""
        return listed(model, launch__id__exact=self.launch.pk, **asked)

    def people(self, **asked: Any) -> str:
        """People on its list."""
        return self.rows("waitlist_entry", **asked)

    def review(self, tab: str) -> str:
        """The review queue, at one of its tabs."""
        return f"{reverse('review')}?{urlencode({'launch': self.launch.pk, 'tab': tab})}"

    def between(self, field: str, first: date, last: date) -> dict[str, str]:
        """The filter of what happened on these local days of the launch, `last` not included."""
        zone = ZoneInfo(self.launch.time_zone)
        began, ended = (datetime.combine(day, time.min, zone).isoformat() for day in (first, last))
        return {f"{field}__gte": began, f"{field}__lt": ended}


# Who stands where


def states(links: Links, people: Counts) -> list[tuple[str, Figure, Figure | None]]:
    """Each state that somebody stands in: its name, how many, and how many of them are held."""
    found, counts = [], people["states"]
    for status in Entry.Status:
        held = counts.get(f"{status} held", 0)
        total = counts.get(status.value, 0) + held
        if not total:
            continue
        brake = links.people(status__exact=status.value, held_at__isempty=0)
        of_them = Figure(ngettext("%(n)s held", "%(n)s held", held) % {"n": grouped(held)}, grouped(held), brake)
        figure = Figure(status.label, grouped(total), links.people(status__exact=status.value), str(total))
        found.append((status.value, figure, of_them if held else None))
    return found


def held_count(people: Counts) -> int:
    """How many people the review queue has: who was turned away or erased may be held still, and needs nobody any more."""
    return sum(people["states"].get(f"{status} held", 0) for status in HELD_STATES)


# How far they came


def stage_names() -> list[str]:
    """The stages of the funnel as people read them."""
    words = {
        "joined": pgettext("how far people came", "joined"),
        "confirmed": pgettext("how far people came", "confirmed"),
        "invited": pgettext("how far people came", "invited"),
        "registered": pgettext("how far people came", "registered"),
        "active": pgettext("how far people came", "active"),
    }
    return [words[stage] for stage in STAGES]


def funnel(links: Links, people: Counts) -> list[Step]:
    """How far everybody came who ever joined."""
    counts: Sequence[int] = people["funnel"]
    steps = []
    for n, (stage, name) in enumerate(zip(STAGES, stage_names(), strict=True)):
        figure = Figure(name, grouped(counts[n]), links.people(reached=stage))
        of_before = share(counts[n], counts[n - 1]) if n and counts[n - 1] else ""
        steps.append(Step(figure, round(100 * counts[n] / counts[0], 2) if counts[0] else 0.0, of_before))
    return steps


def cells(links: Links, counts: Sequence[int], **asked: Any) -> list[Figure]:
    """A row of the funnel's tables."""
    return [
        Figure(stage, grouped(n), links.people(reached=stage, **asked)) for stage, n in zip(STAGES, counts, strict=True)
    ]


def by_source(links: Links, people: Counts) -> list[Row]:
    """The funnel of each source, the busiest first."""
    return [Row(source, cells(links, counts, source=source)) for source, *counts in people["sources"]]


def weeks_told(people: Counts) -> int:
    """How many of the last weeks there are to tell of: as far back as the first in which somebody joined."""
    return max((n for n, (_week, joined, *_rest) in enumerate(people["weeks"], 1) if joined), default=0)


def by_week(links: Links, people: Counts) -> list[Row]:
    """The funnel of who joined in each week, the newest first; it ends with the first week in which anybody did."""
    found = []
    for week, *counts in people["weeks"][: weeks_told(people)]:
        monday = date.fromisoformat(week)
        asked = links.between("created_at", monday, monday + WEEK)
        found.append(Row(date_format(monday, DAY_AND_MONTH), cells(links, counts, **asked)))
    return found


def by_day(title: str, model: str, field: str, links: Links, days: Mapping[str, int], *, shared: bool = False) -> ByDay:
    """What happened on each of the last days; `shared` rows name no launch."""
    rows = []
    for day, n in days.items():
        first = date.fromisoformat(day)
        asked = links.between(field, first, first + DAY)
        link = listed(model, **asked) if shared else links.rows(model, **asked)
        rows.append(Row(date_format(first, DAY_AND_MONTH), [Figure(title, grouped(n), link)]))
    drawn, total = bars(list(days.values())), sum(days.values())
    said = {"total": grouped(total), "days": len(days), "today": rows[-1].cells[0].value}
    summary = _("%(total)s in %(days)d days, %(today)s of them today.") % said
    return ByDay(title, total, summary, drawn, grouped(int(drawn.top)), rows[0].label, rows[-1].label, rows)


# What is said of them


def growth(links: Links, counted: Mapping[str, Counts], now: datetime) -> list[Figure]:
    """How the list grows, and whether what is sent and shared is used. Every number says what it is."""
    people, friends, offers, alerts = (counted[name] for name in ("people", "friends", "offers", "alerts"))
    since, week_ago = (now - WINDOW).isoformat(), (now - WEEK).isoformat()
    k = friends["friends"] / friends["newcomers"] if friends["newcomers"] else None
    told = {"friends": grouped(friends["friends"]), "newcomers": grouped(friends["newcomers"])}
    return [
        Figure(
            _("Viral coefficient"),
            "–" if k is None else f"{k:.2f}",
            links.rows("referrals_referral", status__in="confirmed,qualified", referrer__confirmed_at__gt=since),
            _(
                "Confirmed friends for each person who confirmed in the last 28 days: %(friends)s ÷ %(newcomers)s. "
                "Above 1 the list grows by itself."
            )
            % told,
        ),
        Figure(
            _("Growth of the list in 7 days"),
            f"+{share(people['confirmed_lately'], people['confirmed_before'])}" if people["confirmed_before"] else "–",
            links.people(confirmed_at__gt=week_ago),
            _("%(new)s confirmed in the last 7 days; %(old)s had before.")
            % {"new": grouped(people["confirmed_lately"]), "old": grouped(people["confirmed_before"])},
        ),
        Figure(
            _("Invites that were used"),
            share(offers["redeemed"], offers["decided"]),
            listed(
                "invites_invite", code__launch__id__exact=links.launch.pk, status__exact="redeemed", issued_at__gt=since
            ),
            _("%(of)s that were issued in the last 28 days and used, declined, or ran out.")
            % {"of": part_of(offers["redeemed"], offers["decided"])},
        ),
        Figure(
            _("Friends who are in"),
            share(friends["qualified"], friends["joined"]),
            links.rows("referrals_referral", status__exact="qualified", created_at__gt=since),
            _("%(of)s whom somebody brought in the last 28 days.")
            % {"of": part_of(friends["qualified"], friends["joined"])},
        ),
        Figure(
            _("Alerts in 7 days"),
            grouped(alerts["week"]),
            listed("quality_alert", since__gt=week_ago),
            _("%(n)s in the 7 days before.") % {"n": grouped(alerts["before"])},
        ),
    ]


def soundness(links: Links, counted: Mapping[str, Counts], now: datetime) -> list[Figure]:
    """How many of the newcomers look like people, and only like themselves."""
    people, looks = counted["people"], counted["looks"]
    since, joined = (now - WINDOW).isoformat(), people["joined_lately"]
    assessed = {"act__exact": "join", "at__gt": since}
    alone = looks["looks"] - looks["twins"]
    return [
        Figure(
            _("Passed deduplication"),
            share(alone, looks["looks"]),
            links.rows("quality_assessment", twins="no", **assessed),
            _(
                "%(of)s who joined in the last 28 days look like nobody who is here already. One address joins once in any case."
            )
            % {"of": part_of(alone, looks["looks"])},
        ),
        Figure(
            _("Looked like somebody else"),
            grouped(looks["twins"]),
            links.rows("quality_assessment", twins="yes", **assessed),
            _("The same browser, or the same address but for a tag or a number."),
        ),
        Figure(
            _("Held"),
            share(people["held_lately"], joined),
            links.people(created_at__gt=since, held_at__isempty=0),
            _("%(of)s who joined in the last 28 days.") % {"of": part_of(people["held_lately"], joined)},
        ),
        Figure(
            _("Refused"),
            share(people["refused_lately"], joined),
            links.people(created_at__gt=since, status__in="rejected,blocked"),
            _("%(of)s who joined in the last 28 days were rejected or blocked.")
            % {"of": part_of(people["refused_lately"], joined)},
        ),
    ]


def codes(links: Links, counts: Counts) -> list[Figure]:
    """Codes by what can be done with them."""
    words = {
        "active": _("usable"),
        "expiring": _("of these end within 7 days"),
        "spent": _("spent"),
        "expired": _("expired"),
        "paused": _("paused"),
        "revoked": _("revoked"),
    }
    return [
        Figure(name, grouped(counts[state]), links.rows("invites_code", state=state)) for state, name in words.items()
    ]


def tried(counts: Counts, now: datetime, links: Links) -> list[Figure]:
    """Refused codes of the last 24 hours, by the true reason."""
    since = (now - CODES_SINCE).isoformat()
    return [
        Figure(reason, grouped(n), links.rows("invites_attempt", reason__exact=reason, at__gt=since))
        for reason, n in counts["reasons"]
    ]


def limits(
    table: Mapping[str, Mapping[str, str]], rules: Iterable[tuple[str, int]], now: datetime
) -> list[tuple[str, str, Figure]]:
    """Every rate limit that stands, and how often it refused somebody in the last 24 hours: those that did come first.

    Rules outside the table (a cooling network, a form filled in by a program) stand without a rate.
    """
    hits, since = dict(rules), (now - DAY).isoformat()
    known = {f"{scope}:{parts}": rate for scope, lines in table.items() for parts, rate in lines.items()}
    ordered = sorted({*known, *hits}, key=lambda rule: (-hits.get(rule, 0), rule))
    return [
        (
            rule,
            known.get(rule, "–"),
            Figure(rule, grouped(hits.get(rule, 0)), listed("quality_refusal", rule__exact=rule, minute__gt=since)),
        )
        for rule in ordered
    ]
