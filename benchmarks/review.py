"""C2: the review queue's pages at a million entries with fifty thousand held, as a moderator's browser asks for them."""

from functools import partial
from statistics import median

from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from accounts.models import User
from benchmarks.databases import open_one, use
from benchmarks.rounds import seconds
from benchmarks.scale import MILLION, Scale
from benchmarks.table import Line, number

HERE = "review"
MOST_MS = 300
# Nothing is collected for a run, and the names of files cost a page nothing.
PLAIN = settings.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
LOOKS = 9
SEED = (
    "SET session_replication_role = replica",
    """UPDATE waitlist_entry SET held_at = now() - id * interval '1 second', held_by = 'quality', held_reason = 'looks odd'
       WHERE id % 20 = 0""",
    "UPDATE waitlist_entry SET status = 'pending', place = NULL WHERE id % 20 = 1",
    """INSERT INTO waitlist_trace (launch_id, entry_id, act, network, device, domain, at)
       SELECT launch_id, id, 'join', '100.0.0.0'::inet + id / 7, 'd' || id / 5, 'example.net', created_at FROM waitlist_entry""",
    """INSERT INTO quality_assessment (launch_id, entry_id, act, evidence, rules, score, verdict)
       SELECT launch_id, id, 'join', '{"network_people": 9}',
              ARRAY[CASE WHEN id % 10000 = 0 THEN 'referral_ring' ELSE 'network_burst' END], 60, 'review'
       FROM waitlist_entry WHERE held_at IS NOT NULL""",
    """INSERT INTO outbox_event (kind, by, subject, data)
       SELECT kind, 'quality', 'entry:' || id, '{"reason": "looks odd"}' FROM waitlist_entry,
              unnest(ARRAY['entry.confirmed', 'points.awarded', 'entry.held', 'entry.assessed']) AS kind""",
    "UPDATE waitlist_launch SET approval = 'manual'",
    "SET session_replication_role = origin",
    "VACUUM ANALYZE",
)
PAGES = {
    "held": "/admin/review/",
    "held, one rule of few": "/admin/review/?rule=referral_ring",
    "held, a domain of nobody": "/admin/review/?domain=nobody.example",
    "not confirmed": "/admin/review/?tab=new",
    "to be approved": "/admin/review/?tab=approval",
    "to be approved, deep": "/admin/review/?tab=approval&after=,{deep}",
    "in common with one": "/admin/review/?near={deep}&alike=network",
}


def lines(scale: Scale) -> list[Line]:
    """Each page, asked for several times by somebody who is logged in."""
    with open_one("postgres") as server:
        server.execute(f"DROP DATABASE IF EXISTS {HERE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {HERE} TEMPLATE {MILLION}")
    with open_one(HERE) as database:
        for statement in SEED:
            database.execute(statement)
    use(HERE)
    browser = Client()
    owner = User.objects.create_superuser("bench@example.com", None)
    browser.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    deep = scale.people[MILLION] * 3 // 4
    with override_settings(ALLOWED_HOSTS=["*"], STORAGES=PLAIN):
        times = {name: look(browser, address.format(deep=deep)) for name, address in PAGES.items()}
    connection.close()
    slowest = max(times, key=lambda name: times[name])
    raw = ", ".join(f"{name} {number(ms)}" for name, ms in times.items())
    title = f"review queue at {scale.people[MILLION]:,}, slowest page ({slowest}), ms"
    return [Line("C2", title, f"≤ {MOST_MS}", number(times[slowest]), times[slowest] <= MOST_MS, raw)]


def look(browser: Client, address: str) -> float:
    """The median of some looks at a page, in milliseconds."""
    assert browser.get(address).status_code == 200
    return median(seconds(partial(browser.get, address)) for _n in range(LOOKS)) * 1000
