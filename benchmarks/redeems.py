"""S4, S9: redeeming a code over HTTP with all its effects, each a code of its own and everybody the same one."""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from benchmarks.databases import FOLDER, use
from benchmarks.limit import transactions
from benchmarks.load import Load, ask
from benchmarks.rounds import interleaved, median, middle, ratio
from benchmarks.scale import TEN, Scale
from benchmarks.stack import Web, web
from benchmarks.table import Line, number
from invites import queries
from invites.actions import making
from invites.models import Code, Redemption

CLIENTS, CROWD = 16, 64
MOST = 2_500  # redemptions a second that there are codes for


def lines(scale: Scale) -> list[Line]:
    """Redemptions at two sizes in turn with the limit, then a crowd on one code in turn with a crowd on one row."""
    with ExitStack() as stack:
        webs = {name: stack.enter_context(web(name)) for name in (TEN, scale.largest)}
        for one in webs.values():
            redeem(one, scale)
        works: dict[str, Callable[[], Any]] = {
            "limit": partial(transactions, "redeem", clients=CLIENTS, seconds=scale.seconds),
            **{name: partial(redeem, one, scale) for name, one in webs.items()},
            "hot limit": partial(transactions, "hot", clients=CROWD, seconds=scale.seconds),
            "hot": partial(redeem, webs[TEN], scale, uses=1_000_000),
        }
        found = interleaved(scale.rounds, works)
        exact = admitted(webs[TEN], scale)
    return told(scale, found, exact)


def codes(count: int, uses: int) -> tuple[Path, int]:
    """A file of new codes on the database in use, and the run they belong to."""
    spec = making.Spec(count, timezone.now() + timedelta(days=30), batch_id=uuid4().hex, max_uses=uses)
    run, _fresh = making.generate(queries.Launch.objects.get(), spec, by="system")
    path = FOLDER / f"{spec.batch_id}.txt"
    path.write_text("\n".join(queries.run_texts(run.pk)))
    return path, run.pk


def redeem(where: Web, scale: Scale, *, uses: int = 1) -> Load:
    use(where.database)
    path, _run = codes(1 if uses > 1 else MOST * scale.seconds, uses)
    connection.close()
    return ask(where, "redeem", clients=CROWD if uses > 1 else CLIENTS, seconds=scale.seconds, codes=path)


def admitted(where: Web, scale: Scale) -> tuple[int, int]:
    """Lets a crowd at one code of few uses: (uses counted, people redeemed), once everything has come to rest."""
    use(where.database)
    path, run = codes(1, scale.few)
    ask(where, "redeem", clients=CROWD, seconds=scale.seconds, codes=path)
    code, seen = Code.objects.get(run_id=run), -1
    while (now := Redemption.objects.filter(code=code).count()) != seen:
        seen = now
        time.sleep(1)  # wrk leaves calls behind that the server still answers
    code.refresh_from_db()
    return code.uses, seen


def told(scale: Scale, found: dict[str, list[Any]], exact: tuple[int, int]) -> list[Line]:
    rates = {name: [load.rate for load in found[name]] for name in (TEN, "hot")}
    plain, hot = ratio(rates[TEN], found["limit"]), ratio(rates["hot"], found["hot limit"])
    costs = {name: median([load.cost for load in found[name]]) for name in (TEN, scale.largest)}
    people, grown = scale.people, costs[scale.largest] / costs[TEN]
    allowed = math.log(people[scale.largest]) / math.log(people[TEN])
    least, hot_least = (f"limit {number(median(found[name]))}/s" for name in ("limit", "hot limit"))
    few = scale.few
    return [
        Line(
            "S4",
            "redeem ÷ one statement of the same writes",
            "≥ 0.18",
            number(plain),
            plain >= 0.18,
            f"{middle(found[TEN])}; {least}",
        ),
        Line(
            "S4",
            f"{CROWD} clients on one code ÷ on one row",
            "≥ 0.6",
            number(hot),
            hot >= 0.6,
            f"{middle(found['hot'])}; {hot_least}",
        ),
        Line(
            "S4",
            f"the same with a code of {few} uses",
            f"{few} admitted",
            f"{exact[1]} admitted",
            exact == (few, few),
            f"{exact[0]} uses counted",
        ),
        Line(
            "S9",
            f"cost of a redemption, {people[scale.largest]:,} ÷ {people[TEN]:,}",
            f"≤ {number(allowed)}",
            number(grown),
            grown <= allowed,
            f"CPU {number(costs[TEN])} → {number(costs[scale.largest])} µs",
        ),
    ]
