"""S8: the console of a launch that has run for a while, at a million people and five million events, beside a thousand."""

import statistics
import urllib.request
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve
from django.utils import timezone

from accounts.actions import create_staff
from benchmarks import stack
from benchmarks.databases import let_go, open_one, use
from benchmarks.rounds import seconds
from benchmarks.scale import MILLION, SMALL, Scale
from benchmarks.table import Line
from outbox import sql
from quality.actions import tallying
from quality.tallying import SHARE, TALLIES
from waitlist import ranking

ALLOWED_MS = 500
BACKEND = "django.contrib.auth.backends.ModelBackend"

# What a launch gathers beside people who wait: who was invited, came in and is active; a few held, blocked and from a small
# partner; looks, codes, friends, what the product told, what the doors refused, and a year of readings.
LIVED = (
    "SET session_replication_role = replica",
    """UPDATE waitlist_entry SET
           status = CASE WHEN id % 10 = 1 THEN 'registered' WHEN id % 50 = 2 THEN 'invited' WHEN id % 20 = 3 THEN 'pending'
                         WHEN id % 500 = 4 THEN 'blocked' ELSE status END,
           held_at = CASE WHEN id % 1000 = 5 THEN now() END,
           confirmed_at = CASE WHEN id % 20 = 3 THEN NULL ELSE created_at + interval '1 hour' END,
           registered_at = CASE WHEN id % 10 = 1 THEN least(now(), created_at + interval '2 days') END,
           invited_at = CASE WHEN id % 10 = 1 OR id % 50 = 2 THEN created_at + interval '1 day' END,
           source = CASE WHEN id % 10000 = 7 THEN 'partner' WHEN id % 3 = 0 THEN 'producthunt' ELSE source END,
           created_at = now() - (id % 100000) * interval '77 seconds'""",
    """INSERT INTO outbox_event (kind, by, subject, data)
       SELECT 'points.awarded', 'system', 'entry:' || id, '{"rule": "seed"}' FROM waitlist_entry, generate_series(2, 5)""",
    """INSERT INTO quality_assessment (launch_id, entry_id, act, evidence, rules, score, verdict, at)
       SELECT launch_id, id, 'join', '{"made_up": true, "network_people": 3}',
              CASE WHEN id % 40 = 1 THEN '{shared_device}'::text[] ELSE '{}' END, 20,
              CASE WHEN id % 1000 = 5 THEN 'review' ELSE 'allow' END, created_at FROM waitlist_entry""",
    """INSERT INTO invites_code (launch_id, kind, digest, last4, format, key_version, expires_at, by, uses)
       SELECT launch_id, 'bulk', sha256(('c' || id)::bytea), 'ABCD', 'standard', 1,
              now() + (id % 60 - 10) * interval '1 day', 'staff:1', (id % 3 = 0)::int
       FROM waitlist_entry WHERE id % 5 = 0""",
    """INSERT INTO invites_invite (entry_id, code_id, status, issued_at)
       SELECT entry.id, code.id, 'redeemed', entry.created_at
       FROM (SELECT id, created_at, row_number() OVER () AS n FROM waitlist_entry WHERE id % 10 = 1) AS entry
       JOIN (SELECT id, row_number() OVER () AS n FROM invites_code) AS code USING (n)""",
    """INSERT INTO referrals_referral (launch_id, referrer_id, referee_id, status, via, created_at)
       SELECT launch_id, id, id + 1, 'confirmed', 'link', created_at FROM waitlist_entry WHERE id % 10 = 1""",
    """INSERT INTO quality_activity (launch_id, event_id, entry_id, kind, at)
       SELECT launch_id, id::text, id, CASE WHEN id % 20 = 1 THEN 'engaged' ELSE 'churned' END, now()
       FROM waitlist_entry WHERE id % 10 = 1""",
    """INSERT INTO invites_attempt (launch_id, digest, user_agent, device, door, reason, at)
       SELECT launch_id, '\\x00', '', '', 'redeem', 'code_unknown', created_at FROM waitlist_entry WHERE id % 20 = 0""",
    """INSERT INTO quality_refusal (rule, key, result, minute, count, "limit", times)
       SELECT 'join:network', id::text, 'refused', date_trunc('minute', created_at), 601, 600, 3
       FROM waitlist_entry WHERE id % 50 = 0""",
    """INSERT INTO quality_reading (launch_id, metric, value, sample, newest_at, at)
       SELECT launch.id, metric, 0.7, 100, now(), now() - n * interval '10 minutes'
       FROM waitlist_launch AS launch, generate_series(0, least(52560, (SELECT count(*) FROM waitlist_entry))) AS n,
            unnest('{trust_score,churn_rate,fraud_rate,engagement_rate,activation_rate}'::text[]) AS metric""",
    "SET session_replication_role = origin",
    "DELETE FROM waitlist_queuecount",
    ranking.REBUILD,
    "VACUUM ANALYZE",
    "CHECKPOINT",
)


def pages(people: int) -> dict[str, str]:
    """What is opened, by name; a page that this release does not have is left out."""
    people_list = "/admin/waitlist/entry/"
    found = {
        "list of people": people_list,
        "list, one state": f"{people_list}?status__exact=invited",
        "list, a rare source": f"{people_list}?source=partner",
        "list, held": f"{people_list}?held_at__isempty=0",
        "list, active members": f"{people_list}?reached=active",
        "list, joined since yesterday": f"{people_list}?created_at__gte={timezone.now().date()}T00:00:00Z",
        "list, page 100": f"{people_list}?p={min(100, people // 50)}",
        "search": f"/admin/find/?q=seed{people // 2}@example.net",
        "review queue": "/admin/review/",
        "what is going on": "/admin/",
    }
    if not is_there("/admin/find/"):
        found["search"] = f"{people_list}?q=seed{people // 2}@example.net"
    return {name: page for name, page in found.items() if is_there(page.partition("?")[0])}


def is_there(path: str) -> bool:
    """Whether the console has this page; what nobody claims goes to a route without a name."""
    try:
        return resolve(path).url_name is not None
    except Resolver404:
        return False


@dataclass(frozen=True)
class Looked:
    """Milliseconds of each look at a page, and how many queries one look makes."""

    times: list[float]
    queries: int

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        return sorted(self.times)[max(0, round(0.95 * len(self.times)) - 1)]


def lived(name: str) -> str:
    """A copy of that database in which more has happened."""
    copy = f"{name}_lived"
    let_go()
    with open_one("postgres") as server:
        server.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
    with open_one(copy) as database:
        for statement in LIVED:
            database.execute(statement)
    return copy


def console_of(database: str) -> Client:
    """An owner's browser, inside this program."""
    use(database)
    owner, _made = create_staff("bench@example.net", "owner", "correct horse battery staple", by="system")
    client = Client(SERVER_NAME="localhost")
    client.force_login(owner, backend=BACKEND)
    return client


def asked(client: Client, page: str) -> int:
    """How many queries one look makes, once everything is warm."""
    client.get(page)
    own, rows = [], sql.rows
    sql.rows = lambda *said: own.append(said) or rows(*said)  # type: ignore[func-returns-value]
    try:
        with CaptureQueriesContext(connection) as seen:  # which does not see the statements of outbox/sql.py
            assert client.get(page).status_code == 200, page
    finally:
        sql.rows = rows
    return len(seen) + len(own)


def fetch(url: str, cookie: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Cookie": f"sessionid={cookie}"})) as answer:
        assert answer.status == 200 and "/login/" not in answer.url, url
        answer.read()


@dataclass(frozen=True)
class House:
    """One database with its owner's browser, ready to be asked over HTTP."""

    database: str
    cookie: str
    opened: dict[str, str]
    queries: dict[str, int]
    counting: float  # seconds that counting everything for the first page took


def house(name: str, scale: Scale) -> House:
    """Lives in a copy of that database, counts all there is to count, and how many queries each page makes."""
    database = lived(name)
    client = console_of(database)
    launch, opened = use(database), pages(scale.people[name])
    counting = seconds(partial(tallying.count, launch, list(TALLIES), timezone.now()))
    queries = {what: asked(client, page) for what, page in opened.items()}
    let_go()
    return House(database, client.cookies["sessionid"].value, opened, queries, counting)


def look(houses: dict[str, House], looks: int) -> dict[tuple[str, str], list[float]]:
    """Milliseconds of every look at every page, all houses in turn, so that a noisy minute hits them alike."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as open_ones:
        webs = {name: open_ones.enter_context(stack.web(one.database)) for name, one in houses.items()}
        for turn in range(-2, looks):  # the first ones warm the workers
            for what in houses[SMALL].opened:
                for name, one in houses.items():
                    took = 1000 * seconds(partial(fetch, webs[name].url + one.opened[what], one.cookie))
                    times[name, what] += [took] if turn >= 0 else []
    return times


def lines(scale: Scale) -> list[Line]:
    """Every page at a million beside the same at a thousand."""
    call_command("collectstatic", interactive=False, verbosity=0)  # the pages name their files by it
    houses = {name: house(name, scale) for name in (SMALL, MILLION)}
    times = look(houses, scale.rounds * 8)
    seen = {(name, what): Looked(every, houses[name].queries[what]) for (name, what), every in times.items()}
    found = [line_of(what, seen[SMALL, what], seen[MILLION, what], scale) for what in houses[SMALL].opened]
    counting = houses[MILLION].counting
    raw = f"{counting:.2f} s, by a worker, at most every {SHARE * counting:.0f} s"
    what = f"counting everything for the first page, {scale.people[MILLION]:,} people"
    return [*found, Line("S8", what, "", "", None, raw)]


def line_of(what: str, few: Looked, many: Looked, scale: Scale) -> Line:
    """One page of the table."""
    met = many.p95 < ALLOWED_MS and many.queries <= few.queries + 1  # one more where the number of rows is estimated
    raw = f"p50 {many.p50:.0f} ms, {many.queries} queries; at {scale.people[SMALL]:,}: p95 {few.p95:.0f} ms, {few.queries}"
    ratio = f"p95 {many.p95:.0f} ms, {many.p95 / few.p95:.2f} ×"
    return Line("S8", f"{what}, {scale.people[MILLION]:,} people", f"p95 < {ALLOWED_MS} ms", ratio, met, raw)
