"""The databases of a run: one migrated template, and copies of it with so many people waiting."""

import os
import subprocess
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connection, connections

from benchmarks.stack import ROLE, database_url
from config.embedded import socket_dir
from waitlist import queries, ranking
from waitlist.actions import tuning
from waitlist.models import Launch

FOLDER, PROGRAMS = Path(os.environ["BENCH_FOLDER"]), Path(os.environ["BENCH_PROGRAMS"])
TEMPLATE, LIMITS = "template", "limits"
HERE = Path(__file__).resolve().parent


def open_one(name: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection past Django, each statement its own transaction."""
    return psycopg.connect(database_url(FOLDER, name), autocommit=True)


def let_go() -> None:
    """Closes what Django has open."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


def use(name: str) -> Launch:
    """Points Django at this database; its launch."""
    let_go()
    connections["default"].settings_dict["NAME"] = name
    queries.forget_kept()
    return Launch.objects.get()


def make_template() -> None:
    """Migrates an empty database whose one launch lets people wait at once and tells them their place."""
    with open_one("postgres") as server:
        server.execute(f"CREATE DATABASE {TEMPLATE}")
    connections["default"].settings_dict["NAME"] = TEMPLATE
    call_command("migrate", verbosity=0)
    launch = tuning.open_first_launch()
    told = {"confirm_contact": False, "reveal_membership": True, "daily_quota": 1_000_000}
    tuning.tune(launch, told, by="system")
    let_go()


def make_limits() -> None:
    """The database of the limits."""
    with open_one("postgres") as server:
        server.execute(f"CREATE DATABASE {LIMITS}")
    command = [str(PROGRAMS / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", str(socket_dir(FOLDER)), "-U", ROLE]
    subprocess.run([*command, "-f", str(HERE / "limits" / "tables.sql"), LIMITS], check=True)


# People of a launch that has run for a while: some thirty priorities, each with a line of points, an event and a mail
# that went out. Constraints are checked on copies elsewhere; here triggers and foreign keys rest, then all is counted.
SEED = (
    "SET session_replication_role = replica",
    """INSERT INTO waitlist_entry (launch_id, status, place, priority, contact_kind, contact, canonical, name, persona,
                                    use_case, referral_code, confirmed_at, created_at)
       SELECT launch.id, 'waiting', n, (ARRAY[5, 8, 10, 15, 20])[1 + n % 5] + 10 * (hashint8(n) % 3 = 0)::int
                  + 5 * (hashint8(n + 1) % 3 = 0)::int + 10 * (hashint8(n + 2) % 10 = 0)::int,
              'email', 'seed' || n || '@example.net', 'seed' || n || '@example.net', 'Seed ' || n, 'agency',
              'we plan content for small teams', md5(n::text), now(), now() - n * interval '1 second'
       FROM waitlist_launch AS launch, generate_series(1, {people}) AS n""",
    """INSERT INTO waitlist_points (entry_id, rule, points, reason)
       SELECT id, 'persona', priority, 'How you describe yourself.' FROM waitlist_entry""",
    """INSERT INTO outbox_event (kind, by, subject, data)
       SELECT 'entry.joined', 'public', 'entry:' || id, '{{"launch": 1, "source": "organic"}}' FROM waitlist_entry""",
    """INSERT INTO outbox_delivery (handler, name, subject, data, address_key, dedupe, status, created_at, done_at)
       SELECT 'mail', 'confirm', 'entry:' || id, '{{}}', sha256(canonical::bytea), 'confirm:' || id || ':1', 'done',
              created_at, created_at FROM waitlist_entry""",
    "SELECT setval('waitlist_place', greatest(1, (SELECT max(place) FROM waitlist_entry)))",
    "SET session_replication_role = origin",
    "DELETE FROM waitlist_queuecount",
    ranking.REBUILD,
    "VACUUM ANALYZE",
    "CHECKPOINT",
)


def make(name: str, people: int) -> None:
    """A copy of the template with so many people waiting."""
    with open_one("postgres") as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    with open_one(name) as database:
        for statement in SEED:
            database.execute(statement.format(people=people))


def refill(name: str, people: int) -> None:
    """The same people again, after others came."""
    with open_one(name) as database:
        database.execute("TRUNCATE waitlist_entry, waitlist_queuecount, waitlist_queuedelta, outbox_delivery CASCADE")
        for statement in SEED:
            database.execute(statement.format(people=people))
