"""S1, S2, S9: joining over HTTP with everything on, at a thousand people and at a million, against a minimal insert."""

import math
from contextlib import ExitStack
from functools import partial

from benchmarks.databases import refill
from benchmarks.limit import transactions
from benchmarks.load import Load, ask
from benchmarks.rounds import interleaved, median, middle, ratio
from benchmarks.scale import SMALL, TEN, Scale
from benchmarks.stack import Web, web
from benchmarks.table import Line, number

CLIENTS = 16
# Every call comes from another network, so that the limits count each one and refuse nobody, and the rules hold nobody.
LIMITED = {"RATELIMIT_ENABLE": "true"}


def lines(scale: Scale) -> list[Line]:
    """Joins at several sizes in turn with the limit, and once more with rate limits on."""
    sizes = [SMALL, TEN, scale.largest]
    with ExitStack() as stack:
        webs = {name: stack.enter_context(web(name)) for name in sizes}
        webs["limited"] = stack.enter_context(web(SMALL, **LIMITED))
        for one in webs.values():
            ask(one, "join", clients=CLIENTS, seconds=scale.seconds)
        works = {name: partial(join, one, scale) for name, one in webs.items()}
        found = interleaved(scale.rounds, {"limit": partial(limit, scale), **works})
    return told(scale, found.pop("limit"), found)


def limit(scale: Scale) -> float:
    return transactions("insert", clients=CLIENTS, seconds=scale.seconds)


def join(where: Web, scale: Scale) -> Load:
    if where.database == SMALL:
        refill(SMALL, scale.people[SMALL])
    return ask(where, "join", clients=CLIENTS, seconds=scale.seconds)


def told(scale: Scale, limits: list[float], loads: dict[str, list[Load]]) -> list[Line]:
    rates = {name: [load.rate for load in found] for name, found in loads.items()}
    least = f"limit {number(median(limits))}/s"
    s1, limited = ratio(rates[SMALL], limits), ratio(rates["limited"], limits)
    s2 = ratio(rates[scale.largest], rates[SMALL])
    costs = {name: median([load.cost for load in loads[name]]) for name in (TEN, scale.largest)}
    grown, people = costs[scale.largest] / costs[TEN], scale.people
    allowed = math.log(people[scale.largest]) / math.log(people[TEN])
    size = f"{people[scale.largest]:,}"
    return [
        Line("S1", "join ÷ minimal insert", "≥ 0.10", number(s1), s1 >= 0.1, f"{middle(loads[SMALL])}; {least}"),
        Line("S1", "the same with rate limits on", "", number(limited), None, f"{middle(loads['limited'])}"),
        Line(
            "S2",
            f"join at {size} ÷ at {people[SMALL]:,}",
            "≥ 0.8",
            number(s2),
            s2 >= 0.8,
            f"{middle(loads[scale.largest])}",
        ),
        Line(
            "S9",
            f"cost of a join, {size} ÷ {people[TEN]:,}",
            f"≤ {number(allowed)}",
            number(grown),
            grown <= allowed,
            f"CPU {number(costs[TEN])} → {number(costs[scale.largest])} µs",
        ),
    ]
