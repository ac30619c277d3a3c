"""Alerts: raised once, counted, ended; what each watch sees; to the console, to staff by mail, and as a webhook."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.actions import create_staff
from accounts.models import User
from invites.cooling import BURST
from invites.models import Attempt, Batch, Code, Redemption
from outbox import actions as outbox
from outbox import keys, relay
from outbox.models import Delivery, Event
from quality.actions import alerting
from quality.actions.alerting import Sighting, note
from quality.models import Alert, Decision, Gate, Reading, Refusal
from quality.tasks import watch as poke
from quality.watches import Watch, watches
from tests import cast
from tests.conftest import Mailbox
from tests.sinks import Sink
from waitlist.models import Day, Entry, Launch, Trace

pytestmark = pytest.mark.django_db
CODES = {"joins_from_source"}
JOINS = Sighting("joins_from_source", "twitter", "90 in the last hour, where 2 are usual.")
numbers = count()


@pytest.fixture
def old(launch: Launch) -> Launch:
    """A launch that has a past."""
    Launch.objects.update(created_at=timezone.now() - timedelta(days=60))
    launch.refresh_from_db()
    return launch


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def people(launch: Launch, n: int, source: str = "organic", network: str | None = None, **trace: Any) -> list[Entry]:
    """So many joined as the trace says."""
    names = [f"p{next(numbers)}" for _ in range(n)]
    made = Entry.objects.bulk_create(
        Entry(
            launch=launch,
            contact=f"{name}@example.com",
            canonical=f"{name}@example.com",
            source=source,
            referral_code=name,
        )
        for name in names
    )
    Trace.objects.bulk_create(
        Trace(launch_id=entry.launch_id, entry=entry, network=network, **({"at": ago(minutes=10)} | trace))
        for entry in made
    )
    return made


def sees(code: str, launch: Launch | None = None) -> dict[str, str]:
    return dict(watches[code].look(launch, timezone.now()))


def mails_to_staff() -> int:
    return Delivery.objects.filter(name="alert").count()


def kinds() -> list[str]:
    return list(Event.objects.filter(kind__startswith="alert.").order_by("pk").values_list("kind", flat=True))


def test_it_is_raised_once_and_counted(launch: Launch) -> None:
    assert [note(launch, [JOINS], CODES, by="system") for _ in range(3)] == [1, 0, 0]
    [alert] = Alert.objects.all()
    assert (alert.times, alert.ended_at, alert.detail) == (3, None, JOINS.detail)
    assert kinds() == ["alert.raised"]


def test_it_is_over_when_it_was_not_seen_for_a_while(launch: Launch) -> None:
    note(launch, [JOINS], CODES, by="system")
    note(launch, [], CODES, by="system")
    assert Alert.objects.get().ended_at is None
    Alert.objects.update(last_at=ago(minutes=16))
    note(launch, [], CODES, by="system")
    assert Alert.objects.get().ended_at is not None
    assert Event.objects.get(kind="alert.ended").data["times"] == 1


def test_what_comes_back_is_raised_anew(launch: Launch) -> None:
    note(launch, [JOINS], CODES, by="system")
    Alert.objects.update(last_at=ago(minutes=16))
    note(launch, [], CODES, by="system")
    assert note(launch, [JOINS], CODES, by="system") == 1
    assert Alert.objects.count() == 2


def raise_alert(launch: Launch | None, code: str, subject: str, detail: str, *, by: str) -> bool:
    """Something is seen that no watch of this look looks after; whether it is new."""
    return note(launch, [Sighting(code, subject, detail)], (), by=by) == 1


def test_a_watch_ends_only_what_is_its_own(launch: Launch) -> None:
    note(launch, [JOINS], CODES, by="system")
    raise_alert(None, "joins_from_source", "twitter", "elsewhere", by="system")
    Alert.objects.update(last_at=ago(hours=1))
    note(launch, [], {"gate_closed"}, by="system")
    assert Alert.objects.filter(ended_at=None).count() == 2
    note(None, [], CODES, by="system")
    assert Alert.objects.get(ended_at=None).launch == launch


def test_anybody_may_raise_one(launch: Launch) -> None:
    assert raise_alert(launch, "odd", "", "Something is odd.", by="system")
    assert not raise_alert(launch, "odd", "", "Something is odd.", by="system")
    assert Event.objects.get(kind="alert.raised").data == {"launch": launch.pk, "code": "odd", "about": ""}


def test_said_twice_in_one_look_is_once(launch: Launch) -> None:
    assert note(launch, [JOINS, JOINS], CODES, by="system") == 1


def test_the_trail_keeps_no_network(launch: Launch) -> None:
    raise_alert(launch, "addresses_from_network", "192.0.2.0/24", "70 addresses", by="system")
    told = Event.objects.get(kind="alert.raised").data["about"]
    assert told.startswith("network ")
    assert "192" not in told


def test_what_is_over_is_forgotten_with_the_traces(launch: Launch) -> None:
    for subject, ended in (("new", ago(days=89)), ("old", ago(days=91)), ("open", None)):
        Alert.objects.create(launch=launch, code="x", subject=subject, detail="", ended_at=ended)
    assert alerting.forget_old() == 1
    assert set(Alert.objects.values_list("subject", flat=True)) == {"new", "open"}


def test_a_watch_that_breaks_raises_nothing_and_ends_nothing(old: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(launch: Any, now: datetime) -> dict[str, str]:
        raise RuntimeError("no")

    people(old, 40)
    raise_alert(old, "breaks", "", "was seen", by="system")
    Alert.objects.update(last_at=ago(hours=1))
    gate = watches["gate_closed"]
    monkeypatch.setitem(watches, "breaks", Watch("breaks", gate.title, breaks, False, gate.quiet, ("", "")))
    poke()
    assert set(Alert.objects.filter(ended_at=None).values_list("code", flat=True)) == {"breaks", "joins_from_source"}


# What each watch sees


def test_a_rush_from_one_source_is_seen(old: Launch) -> None:
    people(old, 31, "twitter")
    people(old, 29, "organic")
    assert sees("joins_from_source", old) == {"twitter": "31 in the last hour, where 0 are usual."}


def test_a_source_that_always_brings_many_is_no_rush(old: Launch) -> None:
    for hour in range(1, 73):
        people(old, 35, "twitter", at=ago(hours=hour, minutes=30))
    people(old, 40, "twitter")
    assert sees("joins_from_source", old) == {}


def test_the_first_hours_of_a_launch_are_no_rush(launch: Launch) -> None:
    people(launch, 100, "twitter")
    assert sees("joins_from_source", launch) == {}


def test_what_staff_typed_in_is_no_rush(old: Launch) -> None:
    people(old, 100, "manual")
    assert sees("joins_from_source", old) == {}


def test_an_office_is_nobodys_business_and_a_crowd_is(old: Launch) -> None:
    people(old, 50, network="192.0.2.9")
    assert sees("addresses_from_network", old) == {}
    people(old, 10, network="192.0.2.77")
    assert sees("addresses_from_network", old) == {"192.0.2.0/24": "60 addresses joined from 192.0.2.0/24 in a day."}


def test_a_home_network_of_ipv6_is_one(old: Launch) -> None:
    people(old, 60, network="2001:db8:1:2::")
    people(old, 30, network="2001:db8:1:3::")
    assert list(sees("addresses_from_network", old)) == ["2001:db8:1:2::/64"]


def test_yesterdays_crowd_is_over(old: Launch) -> None:
    people(old, 80, network="192.0.2.9", at=ago(hours=25))
    assert sees("addresses_from_network", old) == {}


def test_an_unusual_country_is_seen_where_countries_are_told(old: Launch, settings: Settings) -> None:
    people(old, 120, country="DE", at=ago(days=3))
    people(old, 30, country="DE")
    people(old, 30, country="BR")
    assert sees("unusual_country", old) == {}
    settings.TRUSTED_PROXIES, settings.COUNTRY_HEADER = 1, "CF-IPCountry"
    assert sees("unusual_country", old) == {"BR": "30 of 60 people of the last day, and 0 of 120 before."}


def test_a_rush_of_refusals_is_seen(old: Launch) -> None:
    for minute in range(4):
        Refusal.objects.create(
            rule="join:network",
            key=str(minute),
            result="refused",
            minute=ago(minutes=minute + 1),
            count=9,
            limit=5,
            times=30,
        )
    assert sees("refusals_by_rule") == {"join:network": "120 in the last hour, where 0 are usual."}


def readings(launch: Launch, *values: float, sample: int = 50) -> None:
    """The newest first, half a day apart."""
    for number, value in enumerate(values):
        at = ago(hours=1 + 12 * number)
        Reading.objects.create(launch=launch, metric="activation_rate", value=value, sample=sample, at=at)


def test_falling_activation_is_seen(launch: Launch) -> None:
    readings(launch, 0.3, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6)
    assert sees("falling_activation", launch) == {"": "30 % of new people begin, where 60 % are usual."}


@pytest.mark.parametrize("values", [(0.55, *[0.6] * 6), (0.3, 0.6), (), (0.3,)])
def test_steady_activation_is_no_news(values: tuple[float, ...], launch: Launch) -> None:
    readings(launch, *values)
    assert sees("falling_activation", launch) == {}


def test_thin_readings_say_nothing(launch: Launch) -> None:
    readings(launch, 0.3, *[0.6] * 6, sample=29)
    assert sees("falling_activation", launch) == {}


def gate(launch: Launch, metric: str = "churn_rate", *, is_on: bool = True) -> Gate:
    return Gate.objects.create(launch=launch, metric=metric, closes_at=0.2, opens_at=0.1, is_on=is_on)


def test_a_closed_gate_is_seen_while_it_is_closed(launch: Launch) -> None:
    made = gate(launch)
    Decision.objects.create(gate=made, is_open=True, why="healthy", at=ago(hours=2))
    Decision.objects.create(gate=made, is_open=False, why="stale", at=ago(hours=1))
    gate(launch, "fraud_rate", is_on=False)
    poke()
    assert (
        Alert.objects.get().detail
        == "The gate on churn_rate is closed: what was measured rests on news that is too old."
    )
    Decision.objects.create(gate=made, is_open=True, why="recovering", at=ago(minutes=1))
    poke()
    assert Alert.objects.get().ended_at is not None


def test_a_gate_that_never_decided_is_closed(launch: Launch) -> None:
    gate(launch)
    assert sees("gate_closed", launch) == {
        "churn_rate": "The gate on churn_rate is closed: nothing was measured, or nothing that is a number."
    }


def test_late_deliveries_are_seen() -> None:
    assert sees("outbox_late") == {}
    outbox.owe([outbox.Owed("work", "test", "entry:1", due_at=ago(minutes=5, seconds=1))])
    assert sees("outbox_late") == {"": "What is owed waits for 5 minutes."}


NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "granted", "planned", "seen"),
    [(9, 100, 0, True), (13, 100, 0, False), (9, 99, 0, False), (10, 100, 100, False), (10, 100, 40, True)],
)
def test_a_quota_that_is_used_up_early_is_seen(
    now: int, granted: int, planned: int, seen: bool, launch: Launch
) -> None:
    moment = NOON.replace(hour=now)
    Day.objects.create(launch=launch, date=moment.date(), granted=granted)
    Batch.objects.create(launch=launch, status="released", released=planned, by="beat", created_at=moment)
    assert bool(watches["quota_early"].look(launch, moment)) == seen


def test_the_half_of_the_day_is_the_launchs_own(launch: Launch) -> None:
    Launch.objects.update(time_zone="Asia/Tokyo")
    launch.refresh_from_db()
    Day.objects.create(launch=launch, date=NOON.date(), granted=100)
    assert watches["quota_early"].look(launch, NOON.replace(hour=2))  # eleven in Tokyo
    assert not watches["quota_early"].look(launch, NOON.replace(hour=4))


def test_a_rush_of_wrong_codes_is_seen(old: Launch) -> None:
    wrong = {"launch": old, "digest": b"x", "door": "api", "at": ago(minutes=5)}
    Attempt.objects.bulk_create(Attempt(**wrong, reason="code_unknown") for _ in range(50))
    Attempt.objects.bulk_create(Attempt(**wrong, reason="code_expired") for _ in range(50))
    assert sees("wrong_codes", old) == {"": "50 in the last hour, where 0 are usual."}


def test_a_burst_that_strangers_have_to_work_for_is_seen_by_a_young_launch_too(launch: Launch) -> None:
    wrong = {"launch": launch, "digest": b"x", "door": "api", "reason": "code_expired", "at": ago(minutes=5)}
    Attempt.objects.bulk_create(Attempt(**wrong) for _ in range(BURST - 1))
    assert sees("codes_guessed") == {}
    Attempt.objects.create(**wrong)
    assert "200 codes were refused" in sees("codes_guessed")[""]


def redeemed(launch: Launch, n: int, **code: Any) -> None:
    made = Code.objects.create(
        launch=launch, digest=str(next(numbers)).encode(), last4="ABCD", format="plain", key_version=1, max_uses=n, uses=n,
        expires_at=ago(days=-9), by="staff:1", **code,
    )  # fmt: skip
    entries = people(launch, n, at=ago(days=5))
    Redemption.objects.bulk_create(Redemption(code=made, entry=entry, door="api", by="public") for entry in entries)


def test_a_leaked_campaign_is_seen_and_our_own_invites_are_not(old: Launch) -> None:
    redeemed(old, 25, kind="bulk", campaign="SPRING")
    redeemed(old, 40, kind="waitlist")
    assert sees("redemptions_from_campaign", old) == {"SPRING": "25 in the last hour, where 0 are usual."}


def test_nothing_is_wrong_with_an_ordinary_launch(launch: Launch) -> None:
    cast.ben(launch)
    poke()
    assert not Alert.objects.exists()


def test_every_watch_says_why() -> None:
    assert [code for code, watch in watches.items() if not watch.look.__doc__ or not str(watch.title)] == []


def test_the_document_names_every_watch_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs/alerts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(watches)


# To staff


def staff(role: str) -> User:
    return create_staff(f"{role}@example.com", role, "correct horse battery staple", by="a test")[0]


def test_moderators_and_owners_get_one_mail(launch: Launch, mailbox: Mailbox) -> None:
    for role in ("owner", "moderator", "viewer"):
        staff(role)
    for _ in range(2):
        note(launch, [JOINS], CODES, by="system")
    mails = mailbox.all()
    assert {mail.to for mail in mails} == {"owner@example.com", "moderator@example.com"}
    assert len(mails) == 2
    assert mails[0].subject == f"{launch.name}: Many joins from one source"
    assert JOINS.detail in mails[0].text
    assert f"/admin/quality/alert/{Alert.objects.get().pk}/change/" in mails[0].text
    assert b"twitter" not in mails[0].raw  # a stranger may have typed it


def test_the_end_is_no_mail(launch: Launch) -> None:
    staff("owner")
    note(launch, [JOINS], CODES, by="system")
    Alert.objects.update(last_at=ago(hours=1))
    note(launch, [], CODES, by="system")
    assert mails_to_staff() == 1


def test_who_is_staff_no_more_gets_none(launch: Launch, mailbox: Mailbox) -> None:
    left, member = staff("owner"), staff("moderator")
    note(launch, [JOINS], CODES, by="system")
    User.objects.filter(pk=left.pk).update(is_active=False)
    member.groups.set([Group.objects.get_or_create(name="viewer")[0]])
    assert mailbox.all() == []


def test_a_storm_is_no_mail_bomb(launch: Launch) -> None:
    staff("owner")
    storm = [Sighting("gate_closed", f"metric {n}", "bad") for n in range(30)]
    assert note(launch, storm, set(), by="system") == 30
    assert mails_to_staff() == 12
    note(launch, [JOINS], CODES, by="system")
    assert mails_to_staff() == 12


def test_what_strangers_bring_about_takes_no_mail_from_a_closed_gate(launch: Launch) -> None:
    """Each made-up source is an alert, and whoever joins by enough of them would have staff hear of nothing else that day."""
    staff("owner")
    junk = [Sighting("joins_from_source", f"source {n}", "many") for n in range(30)]
    closed = [Sighting("gate_closed", metric, "bad") for metric in ("churn_rate", "fraud_rate")]
    note(launch, [junk.pop()], set(), by="system")
    note(launch, [*junk, closed[0]], set(), by="system")
    note(launch, closed, set(), by="system")
    told = Delivery.objects.filter(name="alert").values_list("subject", flat=True)
    assert len(told) == 9
    assert {f"alert:{pk}" for pk in Alert.objects.filter(code="gate_closed").values_list("pk", flat=True)} <= set(told)


def test_one_click_ends_the_mails_and_the_console_still_shows_them(launch: Launch, mailbox: Mailbox) -> None:
    staff("owner")
    outbox.suppress(keys.address_key("email", "owner@example.com"), "unsubscribed", by="public")
    note(launch, [JOINS], CODES, by="system")
    assert mailbox.all() == []
    assert Alert.objects.filter(ended_at=None).exists()


def test_an_alert_about_the_whole_install_is_mailed_too(launch: Launch, mailbox: Mailbox) -> None:
    staff("owner")
    raise_alert(None, "outbox_late", "", "What is owed waits for 5 minutes.", by="system")
    assert mailbox.newest().subject == "Vestibule: Mails and webhooks are late"


# To other programs


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    """A program that listens to alerts."""
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    made = Sink()
    outbox.make_endpoint(made.url(), ["alert.raised"], by="staff:1")
    yield made
    made.stop()


def test_it_goes_out_as_a_webhook(launch: Launch, sink: Sink) -> None:
    note(launch, [JOINS], CODES, by="system")
    relay.drain()
    [heard] = sink.heard
    assert b'"type":"alert.raised"' in heard.body
    assert b'"code":"joins_from_source","about":"twitter"' in heard.body.replace(b" ", b"")


# To the console


@pytest.fixture
def console(launch: Launch) -> Client:
    """Dev's browser."""
    client = Client()
    client.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    return client


PAGE = "/admin/quality/alert/"


def shown(console: Client, page: str) -> str:
    return console.get(page).content.decode()


def test_the_console_shows_the_open_ones_first(console: Client, launch: Launch) -> None:
    Alert.objects.create(launch=launch, code="wrong_codes", detail="over", ended_at=ago(hours=1))
    note(launch, [JOINS], CODES, by="system")
    Alert.objects.filter(ended_at=None).update(since=ago(days=3))
    page = shown(console, PAGE)
    assert page.index("90 in the last hour") < page.index(">over<")
    assert ">over<" not in shown(console, f"{PAGE}?state=open")
    assert "90 in the last hour" not in shown(console, f"{PAGE}?state=ended")


def test_the_console_says_what_it_cannot_see(console: Client, settings: Settings) -> None:
    assert "Nothing here tells countries" in shown(console, PAGE)
    settings.TRUSTED_PROXIES, settings.COUNTRY_HEADER = 1, "CF-IPCountry"
    assert "Nothing here tells countries" not in shown(console, PAGE)


def test_the_first_page_says_how_many_are_open(console: Client, launch: Launch) -> None:
    assert "1 alert is open" not in shown(console, "/admin/")
    note(launch, [JOINS], CODES, by="system")
    assert "1 alert is open" in shown(console, "/admin/")


def test_an_alert_leads_to_the_rows_behind_it(console: Client, launch: Launch) -> None:
    note(launch, [JOINS], CODES, by="system")
    page = shown(console, f"{PAGE}{Alert.objects.get().pk}/change/")
    assert "/admin/waitlist/entry/?source__exact=twitter" in page
    assert "a person tells them apart" in page
    assert console.get("/admin/waitlist/entry/?source__exact=twitter").status_code == 200


def test_staff_end_one_with_a_reason(console: Client, launch: Launch) -> None:
    raise_alert(launch, "odd", "", "Something is odd.", by="system")
    chosen = {"action": "end_alerts", "_selected_action": [Alert.objects.get().pk], "apply": "1", "reason": "seen to"}
    assert "1 changed." in console.post(PAGE, chosen, follow=True).content.decode()
    assert Event.objects.get(kind="alert.ended").data["reason"] == "seen to"
    assert Alert.objects.get().ended_at is not None
