"""The join page and programs: what is caught looks accepted and is not counted, and no person is lost."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from outbox.models import Delivery
from quality.models import Refusal
from tests.conftest import Api
from waitlist.models import Entry, Launch, Trace

ADA = {"contact": "ada@example.com", "consent": "on"}
TRAP: dict[str, Any] = {"more_about": "cheap watches"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_seconds(settings: Settings) -> None:
    """As it is in production."""
    settings.FORM_SECONDS = 3


def stamp(client: Client) -> dict[str, str]:
    """Opens the page; when it was shown, as its form says."""
    found = re.search(r'name="shown" value="([^"]+)"', client.get("/").content.decode())
    assert found
    return {"shown": found[1]}


def sends(client: Client, seconds: float = 60, **more: str) -> Any:
    """Opens the page, and sends its form so many seconds later."""
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        shown = stamp(client)
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        return client.post("/waitlist", ADA | shown | more)


def listed() -> int:
    return Entry.objects.count()


def test_a_person_joins_and_the_time_on_the_form_is_kept(client: Client, launch: Launch) -> None:
    sends(client, 42)
    assert Trace.objects.get().form_seconds == pytest.approx(42, abs=0.01)
    assert not Refusal.objects.exists()


@pytest.mark.parametrize(
    ("rule", "seconds", "more"),
    [("join:honeypot", 60, TRAP), ("join:too_fast", 2.9, {}), ("join:too_fast", 0, {}), ("join:honeypot", 1, TRAP)],
)
def test_a_program_is_caught_and_nothing_is_counted(
    rule: str, seconds: float, more: dict[str, str], client: Client, launch: Launch
) -> None:
    sends(client, seconds, **more)
    assert (listed(), Delivery.objects.count()) == (0, 0)
    row = Refusal.objects.get()
    assert (row.rule, row.result, row.network, row.times) == (rule, "caught", "127.0.0.1", 1)


@pytest.mark.parametrize(("seconds", "more"), [(60, TRAP), (1, {})])
def test_what_is_caught_looks_accepted(seconds: float, more: dict[str, str], client: Client, launch: Launch) -> None:
    caught = sends(Client(), seconds, **more)
    accepted = sends(Client(), contact="ada@example.org")
    assert (caught.status_code, caught.headers["Location"]) == (accepted.status_code, accepted.headers["Location"])
    assert caught.cookies.keys() == accepted.cookies.keys()
    pages = []
    for said, address in ((caught, "ada@example.com"), (accepted, "ada@example.org")):
        browser = Client()
        browser.cookies = said.cookies
        page = browser.get("/joined").content.decode().replace(address, "")
        pages.append(re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page))
    assert pages[0] == pages[1]


@pytest.mark.parametrize("shown", ["", "x", "ImZvcmdlZCI:1abc:sig", "9" * 5000])
def test_a_stamp_that_says_nothing_catches_nobody(shown: str, client: Client, launch: Launch) -> None:
    client.post("/waitlist", ADA | {"shown": shown})
    assert Trace.objects.get().form_seconds is None


def test_a_form_that_stood_open_over_lunch_is_taken(client: Client, launch: Launch) -> None:
    sends(client, 2 * 3600 + 60)
    assert Trace.objects.get().form_seconds is None


def test_a_form_sent_back_with_a_slip_counts_from_when_it_was_first_shown(client: Client, launch: Launch) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        shown = stamp(client)
    with time_machine.travel(now + timedelta(seconds=1), tick=False):
        page = client.post("/waitlist", {"contact": "ada@example.com"} | shown).content.decode()
    assert shown["shown"] in page
    with time_machine.travel(now + timedelta(seconds=5), tick=False):
        client.post("/waitlist", ADA | shown)
    assert Trace.objects.get().form_seconds == pytest.approx(5, abs=0.01)


def test_who_was_too_fast_sends_again_and_is_in(client: Client, launch: Launch) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        shown = stamp(client)
    for seconds in (1, 1, 4):  # a double press, and a second try from the page before
        with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
            client.post("/waitlist", ADA | shown)
    assert listed() == 1


def caught_ago(**ago: float) -> None:
    """The rows of what was caught, moved back."""
    past = timezone.now() - timedelta(**ago)
    Refusal.objects.update(last_at=past, minute=past)


def test_whose_password_manager_fills_in_everything_sends_again_and_is_in(client: Client, launch: Launch) -> None:
    sends(client, **TRAP)
    caught_ago(seconds=20)
    sends(client, **TRAP)
    assert listed() == 1


@pytest.mark.parametrize("ago", [{"seconds": 1}, {"hours": 2}])
def test_a_program_that_sends_again_at_once_or_tomorrow_is_not(
    ago: dict[str, float], client: Client, launch: Launch
) -> None:
    sends(client, **TRAP)
    caught_ago(**ago)
    sends(client, 4, **TRAP)
    assert listed() == 0


def test_a_program_is_let_in_for_nobody_else(client: Client, launch: Launch) -> None:
    sends(client, **TRAP)
    caught_ago(seconds=20)
    sends(client, **TRAP, contact="ben@example.com")
    assert listed() == 0


@pytest.mark.parametrize("filled", ["\0", "x" * 100_000, "<b>"])
def test_whatever_stands_in_the_trap_breaks_nothing(filled: str, client: Client, launch: Launch) -> None:
    assert sends(client, more_about=filled).status_code == 302


def test_the_trap_is_out_of_everybodys_way(client: Client, launch: Launch) -> None:
    page = client.get("/").content.decode()
    trap = re.search(r'<div class="trap" aria-hidden="true">.*?</div>', page)
    assert trap and 'tabindex="-1"' in trap[0] and 'autocomplete="off"' in trap[0] and 'type="text"' in trap[0]


def test_an_api_has_no_form(api: Api, launch: Launch) -> None:
    api.post("/api/waitlist/join", {"email": "ada@example.com", **TRAP})
    assert Trace.objects.get().form_seconds is None
