"""A moderator at the review queue, by keys alone: a pack approved and obvious spam blocked within the minute."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from outbox import relay
from quality.models import Bar
from tests import cast
from tests.browser.conftest import Visitor
from tests.integration.test_assess import burst, joins
from waitlist.actions import deciding, reviewing
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
Shoot = Callable[[Visitor, str], None]
Come = Callable[..., Visitor]


def keys(page: Page, *pressed: str) -> None:
    """One key after the other."""
    for key in pressed:
        page.keyboard.press(key)


def here(page: Page) -> str:
    """Whose card the keys act on."""
    return page.locator(".person.here").get_attribute("data-contact") or ""


def test_a_pack_of_a_hundred_is_approved_and_spam_blocked_by_keys_within_the_minute(
    moderator: Come, launch: Launch
) -> None:
    Launch.objects.update(approval="manual")
    for n in range(100):
        cast.waits(launch, f"person{n}")
    burst(launch)
    relay.drain()
    dev, begun = moderator(), time.monotonic()
    page = dev.open("/admin/review/?tab=approval")
    keys(page, "+", "a", "1")
    expect(page.get_by_text("Nobody waits to be approved.")).to_be_visible()
    page = dev.open("/admin/review/")
    keys(page, "*", "b", "1")
    expect(page.get_by_text("Blocked: 12.")).to_be_visible()
    keys(page, "d")
    page.wait_for_url("**/review/places/**")
    page.get_by_label("Reason").fill("spam wave")
    dev.press("Block it")
    expect(page.get_by_text("198.51.100.0/24 is blocked.")).to_be_visible()
    assert time.monotonic() - begun < 60
    assert Entry.objects.filter(status="approved").count() == 100
    assert Entry.objects.filter(status="blocked").count() == 12
    assert Bar.objects.get().network == "198.51.100.0/24"


def test_each_decision_moves_on_and_can_be_undone(moderator: Come, launch: Launch) -> None:
    people = [cast.waits(launch, name) for name in ("ada", "ben", "cleo")]
    deciding.hold([one.pk for one in people], "odd", by="staff:1")
    dev = moderator()
    page = dev.open("/admin/review/")
    assert here(page) == "ada@example.com"
    keys(page, "r", "3")
    expect(page.locator(f"#entry-{people[0].pk}")).to_contain_text("Rejected. Spam")
    assert here(page) == "ben@example.com"
    keys(page, "r")
    expect(page.locator("#why input")).to_have_value("Spam")
    keys(page, "Enter")
    expect(page.locator(f"#entry-{people[1].pk}")).to_contain_text("Rejected. Spam")
    keys(page, "u")
    expect(page.locator(f"#entry-{people[1].pk} header")).to_be_visible()
    assert [cast.now(one).status for one in people] == ["rejected", "waiting", "waiting"]
    keys(page, "j", "l", "Enter")
    expect(page.locator(f"#entry-{people[2].pk}")).to_contain_text("Let go.")
    assert cast.now(people[2]).held_at is None
    keys(page, "c")
    page.keyboard.type("Wait for their answer")
    page.locator(f"#entry-{people[1].pk}").get_by_role("button", name="Keep it").click()
    expect(page.locator(f"#entry-{people[1].pk} .comments")).to_contain_text("Wait for their answer")
    keys(page, "Enter")
    page.wait_for_url(f"**/entry/{people[1].pk}/change/")


def test_the_second_of_two_moderators_is_told_on_the_page(moderator: Come, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    dev = moderator()
    page = dev.open("/admin/review/")
    deciding.reject([cleo.pk], "spam", by="quality")
    keys(page, "a", "1")
    expect(page.locator(f"#entry-{cleo.pk}")).to_contain_text("the rules rejected them")
    assert cast.now(cleo).status == "rejected"


def test_a_phone_decides_by_touch(moderator: Come, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    dev = moderator(viewport={"width": 390, "height": 844}, has_touch=True)
    page = dev.open("/admin/review/")
    page.locator(f"#entry-{cleo.pk}").get_by_role("button", name="Reject").tap()
    page.get_by_role("button", name="1 Not whom this is for").tap()
    expect(page.locator(f"#entry-{cleo.pk}")).to_contain_text("Rejected. Not whom this is for")
    page.get_by_role("button", name="Undo").tap()
    expect(page.locator(f"#entry-{cleo.pk} header")).to_be_visible()
    assert cast.now(cleo).status == "waiting"


def test_it_is_looked_at(moderator: Come, launch: Launch, shoot: Shoot) -> None:
    ben = cast.ben(launch)
    people = [
        cast.waits(launch, name, persona="agency", use_case="We plan content for small teams and need it on Monday")
        for name in ("ada", "cleo")
    ]
    deciding.hold([people[1].pk], "The same company asked twice", by="staff:1")
    reviewing.comment(people[1].pk, "Asked them by phone: they call back tomorrow.", by="quality")
    burst(launch)
    joins(launch, "eve@mailinator.com", name="Eve", referral_code=ben.referral_code)
    relay.drain()
    dev = moderator()
    page = dev.open("/admin/review/")
    shoot(dev, "queue")
    keys(page, "?")
    shoot(dev, "keys")
    keys(page, "Escape", "r")
    shoot(dev, "why")
    keys(page, "2")
    expect(page.get_by_text("Rejected.").first).to_be_visible()
    keys(page, "x", "x")
    shoot(dev, "decided")
    dev.open("/admin/review/?tab=new&source=nobody")
    shoot(dev, "nobody")
    near = Entry.objects.get(canonical="john1@outlook.com")
    dev.open(f"/admin/review/?near={near.pk}&alike=network")
    shoot(dev, "alike")
    page = dev.open(f"/admin/review/places/?near={near.pk}")
    shoot(dev, "places-form")
    page.get_by_label("Reason").fill("spam wave")
    dev.press("Block it")
    shoot(dev, "place")
    dev.press("Reject 12 people")
    relay.drain()
    page.reload()
    shoot(dev, "job")
    dev.open("/admin/review/places/")
    shoot(dev, "places")
