"""Every refusal leaves a row: which rule, of whom (as a hash), how often, and what came of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from config.limits import Counters
from quality.actions import refusals
from quality.admin.refusals import in_words
from quality.models import Refusal
from quality.tasks import purge_refusals
from tests import cast
from tests.conftest import Api
from tests.limited import in_force
from waitlist.models import Launch

JOIN, ADA, TRIES = "/api/waitlist/join", "ada@example.com", 10
PAGE = "/admin/quality/refusal/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def counters(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Counters:
    """Limits in force."""
    return in_force(monkeypatch, settings)


def join(api: Api, times: int = 1) -> list[int]:
    """Joins so often; the statuses."""
    return [api.post(JOIN, {"email": ADA}).status_code for _n in range(times)]


def test_who_is_let_through_leaves_none(api: Api, launch: Launch) -> None:
    join(api, TRIES)
    assert not Refusal.objects.exists()


def test_a_flood_leaves_one_row_that_says_how_often(api: Api, launch: Launch) -> None:
    join(api, TRIES)
    assert set(join(api, 7)) == {429}
    row = Refusal.objects.get()
    assert (row.rule, row.result, row.network) == ("join:network+contact", "refused", "127.0.0.1")
    assert (row.times, row.count, row.limit) == (7, TRIES + 7, TRIES)


def test_neither_the_address_nor_a_hash_that_anybody_can_make_stands_in_it(api: Api, launch: Launch) -> None:
    join(api, TRIES + 1)
    kept = str(Refusal.objects.values().get())
    assert ADA not in kept and "ada" not in kept
    refusals.note("join:network", "x", Refusal.Result.REFUSED)
    assert Refusal.objects.get(rule="join:network").key == refusals.hashed("x")


def test_a_page_leaves_one_too(client: Client, launch: Launch) -> None:
    for _n in range(TRIES + 1):
        client.post("/", {"contact": ADA, "consent": "on"})
    assert Refusal.objects.get().rule == "join:network+contact"


def test_the_next_minute_has_its_own_row(launch: Launch) -> None:
    refusals.note("join:network", "x", Refusal.Result.REFUSED)
    Refusal.objects.update(minute=timezone.now() - timedelta(minutes=1))
    refusals.note("join:network", "x", Refusal.Result.REFUSED)
    assert Refusal.objects.count() == 2


def test_a_row_that_cannot_be_written_turns_no_refusal_into_an_error(api: Api, launch: Launch) -> None:
    join(api, TRIES)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE quality_refusal RENAME TO gone")
    assert join(api, 2) == [429, 429]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO quality_refusal")
    assert join(api) == [429]
    assert Refusal.objects.count() == 1


def test_rows_are_deleted_after_ninety_days(launch: Launch) -> None:
    for days in (89, 91):
        refusals.note("join:network", str(days), Refusal.Result.REFUSED)
        newest = Refusal.objects.latest("pk")
        Refusal.objects.filter(pk=newest.pk).update(minute=timezone.now() - timedelta(days=days))
    purge_refusals()
    assert Refusal.objects.get().key == refusals.hashed("89")


# The console


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("join:network+contact", "joining, from one network, for one contact"),
        ("redeem:wrong-codes:network+device", "using a code, after wrong codes, from one network, from one browser"),
        ("join:honeypot", "joining, with the hidden field filled in"),
        ("me:person", "me, by one person"),
    ],
)
def test_a_rule_is_said_in_words(rule: str, words: str) -> None:
    assert in_words(rule) == words


def test_staff_see_find_and_filter_them(client: Client, launch: Launch) -> None:
    client.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    refusals.note("join:network", "x", Refusal.Result.REFUSED, count=601, limit=600, network="192.0.2.7")
    refusals.note("join:honeypot", "y", Refusal.Result.CAUGHT, network="2001:db8::")
    page = client.get(PAGE).content.decode()
    assert "601 of 600" in page and "with the hidden field filled in" in page
    assert "192.0.2.7" not in client.get(PAGE, {"result__exact": "caught"}).content.decode().split("<tbody")[1]
    assert "192.0.2.7" in client.get(PAGE, {"q": "192.0.2.7"}).content.decode().split("<tbody")[1]
    assert "<tbody>" not in client.get(PAGE, {"q": "nonsense"}).content.decode()
    row = Refusal.objects.first()
    assert row
    assert client.get(f"{PAGE}{row.pk}/change/").status_code == 200
    assert client.post(f"{PAGE}{row.pk}/delete/").status_code == 403
