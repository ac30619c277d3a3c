"""What a change of settings would do to those who wait, before it is saved.

Up to SAMPLE people all are looked at, and what is said is exact. Of more, so many are drawn by lot and the rest is reckoned
from them, which the page says: a million people are never counted while somebody waits for a page.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from typing import Any

from django.db.models import Min, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from waitlist import eta, policy, queries, ranking, rescoring, scoring
from waitlist.models import Entry, Launch, Points

SAMPLE = 10_000
SHOWN = 100
Weights = dict[tuple[str, str, str], int | None]


@dataclass(frozen=True, slots=True)
class Moved:
    """Somebody who would stand elsewhere."""

    entry_id: int
    was: int
    would_be: int
    points: int
    new_points: int


@dataclass
class Crowd:
    """Those who wait, or a sample of them."""

    people: list[Any]
    total: int

    @property
    def is_sample(self) -> bool:
        """Whether these are not all."""
        return len(self.people) < self.total

    def about(self, count: int) -> int:
        """So many of these are so many of all."""
        return round(count * self.total / len(self.people)) if self.people else 0

    def within(self, count: int) -> int:
        """How far off that may be, in 95 of 100 draws; 0 where everybody was looked at."""
        n = len(self.people)
        if not self.is_sample or not n:
            return 0
        share = (count + 1) / (n + 2)  # never 0: that nobody was drawn does not say that nobody is there
        return round(1.96 * sqrt(share * (1 - share) / n) * self.total)

    def number(self, count: int) -> str:
        """In words: "143", or "about 1430 (± 80)"."""
        if not self.is_sample:
            return str(count)
        return _("about %(n)d (± %(off)d)") % {"n": self.about(count), "off": self.within(count)}


@dataclass
class Plan:
    """A launch as it stands, and as it would be. `weights` are those that would differ; None is the default."""

    launch: Launch
    after: Launch
    weights: Weights = field(default_factory=dict)
    rescores: bool = False

    @cached_property
    def crowd(self) -> Crowd:
        """Who waits, drawn once for every sentence of a page."""
        return crowd_of(self.launch)

    @cached_property
    def new_points(self) -> list[int]:
        """The priority of each of them, were they scored by the new points."""
        table = rescoring.table_of(self.after, self._rules_after())
        later = _points_later([person.pk for person in self.crowd.people])
        return [
            scoring.priority([*rescoring.points_now(table, person).values(), later.get(person.pk, 0)])
            for person in self.crowd.people
        ]

    def _rules_after(self) -> queries.Rules:
        rules = queries.read_rules(self.launch)
        tables = {"a": dict(rules.weights), "b": dict(rules.trial)}
        for (rule, key, arm), points in self.weights.items():
            tables[arm].pop((rule, key), None)
            if points is not None:
                tables[arm][rule, key] = points
        return queries.Rules(self.after, tables["a"], tables["b"])

    @cached_property
    def moved(self) -> list[Moved]:
        """Who would stand elsewhere, were everybody scored anew; the first now first. In a sample, places are reckoned."""
        people, scale = self.crowd.people, self.crowd.total / max(1, len(self.crowd.people))
        now = _places([(-person.priority, person.place) for person in people])
        then = _places([(-points, person.place) for points, person in zip(self.new_points, people, strict=True)])
        found = [
            Moved(person.pk, _at(was, scale), _at(would, scale), person.priority, points)
            for person, was, would, points in zip(people, now, then, self.new_points, strict=True)
            if was != would
        ]
        return sorted(found, key=lambda one: one.was)


def _places(keys: Sequence[tuple[int, int]]) -> list[int]:
    order = sorted(range(len(keys)), key=keys.__getitem__)
    places = [0] * len(keys)
    for place, index in enumerate(order):
        places[index] = place
    return places


def _at(place: int, scale: float) -> int:
    return 1 + round(place * scale)


def crowd_of(launch: Launch) -> Crowd:
    """Everybody who waits, or SAMPLE of them by lot: numbers are drawn among all ids, so that everybody is as likely."""
    total = ranking.total(launch.pk)
    waiting = Entry.objects.filter(Entry.COUNTED, launch=launch)
    if total > SAMPLE:
        waiting = waiting.filter(pk__in=_drawn(total))
    people = waiting.order_by().values_list(*rescoring.READ, "priority", "place", "status", named=True)
    found = list(people[: max(total, SAMPLE)])
    return Crowd(found, max(total, len(found)) if total > SAMPLE else len(found))


def _drawn(total: int) -> list[int]:
    ids = Entry.objects.aggregate(low=Min("pk"))["low"], Entry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    reach = range(ids[0], ids[1] + 1)
    wanted = min(len(reach), SAMPLE * 6, round(SAMPLE * len(reach) / total))
    return random.Random(total).sample(reach, wanted)


def _points_later(ids: Sequence[int]) -> dict[int, int]:
    """The points that did not come from joining, and stay."""
    at_join = Q(rule__in=scoring.RULES, key="")
    rows = Points.objects.filter(~at_join, entry__in=ids).values("entry_id").annotate(sum=Sum("points"))
    return {row["entry_id"]: row["sum"] for row in rows.values("entry_id", "sum")}


Preview = Callable[[Plan], Iterator[str]]


def of_order(plan: Plan) -> Iterator[str]:
    """What new points and keywords do to the order."""
    if not plan.weights and plan.after.keywords == plan.launch.keywords and not plan.rescores:
        return
    crowd = plan.crowd
    other = sum(points != person.priority for points, person in zip(plan.new_points, crowd.people, strict=True))
    if not plan.rescores:
        yield _("Who joined before keeps their points and their place.")
        yield _("Scored anew, %(n)s of %(total)d who wait would have other points.") % {
            "n": crowd.number(other),
            "total": crowd.total,
        }
        return
    yield _("Other points: %(n)s of %(total)d who wait.") % {"n": crowd.number(other), "total": crowd.total}
    if not crowd.is_sample:
        count = len(plan.moved)
        yield ngettext("%(n)d person changes place.", "%(n)d people change place.", count) % {"n": count}
    yield _(
        "Until everybody is scored anew, by a job in the background, some stand by the old points and some by the new."
    )


def of_approval(plan: Plan) -> Iterator[str]:
    """How many would need a moderator's yes."""
    asks = ("approval", "approve_below", "vouched_only")
    if all(getattr(plan.launch, name) == getattr(plan.after, name) for name in asks):
        return
    now, then = _passed_over(plan, plan.launch), _passed_over(plan, plan.after)
    yield _("Passed over until a moderator approves them: %(then)s of %(total)d who wait (now %(now)s).") % {
        "then": plan.crowd.number(then),
        "now": plan.crowd.number(now),
        "total": plan.crowd.total,
    }
    if then > now:
        yield _("They keep their place, and are invited in their turn once a moderator approved them.")


def _passed_over(plan: Plan, launch: Launch) -> int:
    points = plan.new_points if plan.rescores and launch is plan.after else None
    people = enumerate(plan.crowd.people)
    return sum(
        policy.needs_a_yes(
            launch,
            policy.Waiting(
                is_approved=one.status == "approved",
                priority=points[number] if points else one.priority,
                vouched=one.vouched,
                referred=one.referred_by_id is not None,
            ),
        )
        for number, one in people
    )


def of_quota(plan: Plan) -> Iterator[str]:
    """How the estimated wait changes, in the middle of the queue and at its end."""
    days = (plan.launch.daily_quota, plan.launch.release_days) != (plan.after.daily_quota, plan.after.release_days)
    total = ranking.total(plan.launch.pk)
    if not days or not total:
        return
    spots = {-(-total // 2): _("in the middle of the queue"), total: _("at the end of the queue")}
    for position, where in spots.items():
        old, new = (eta.words(queries.wait_at(one, position)) for one in (plan.launch, plan.after))
        never = _("no estimate: nobody is let in")
        yield _("The wait %(where)s (position %(position)d): %(old)s now, %(new)s then.") % {
            "where": where,
            "position": position,
            "old": old or never,
            "new": new or never,
        }
    if plan.after.daily_quota > plan.launch.daily_quota:
        yield _("The estimate follows the places that were really given: a higher quota shows in it after some days.")


def of_doors(plan: Plan) -> Iterator[str]:
    """What closing, opening or changing the mode does."""
    if plan.launch.enabled and not plan.after.enabled:
        yield _(
            "The launch closes: nobody joins, and no code lets anybody in, until it is on again. Nobody loses their place."
        )
    if plan.launch.mode == plan.after.mode:
        return
    total = ranking.total(plan.launch.pk)
    if plan.after.mode == Launch.Mode.CODES:
        yield _("Nobody joins any more and no batch goes out; %(n)d people who wait keep their place.") % {"n": total}
    if plan.after.mode == Launch.Mode.WAITLIST:
        yield _("Shared codes and codes of friends let nobody in any more; invitations still do.")
    if plan.after.mode == Launch.Mode.OPEN:
        yield _("Everybody may sign up without an invite: %(n)d people who wait now, and whoever comes.") % {"n": total}
        yield _("No batch goes out any more, and the daily quota holds nobody back.")


PREVIEWS: list[Preview] = [of_doors, of_order, of_approval, of_quota]  # the apps above add theirs


def sentences(plan: Plan) -> list[str]:
    """All that can be said of it."""
    return [sentence for preview in PREVIEWS for sentence in preview(plan)]


def moves_people(plan: Plan) -> bool:
    """Whether anything of it should be looked at before it is saved."""
    return bool(plan.weights) or plan.rescores or any(True for _sentence in sentences(plan))
