"""The whole way in a real browser: join, confirm, invited, in, and a friend came too."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache

from invites.cooling import BURST
from outbox import relay
from tests import cast, limited
from tests.browser.conftest import DESK, PHONE, Visit, Visitor
from tests.conftest import Mailbox
from tests.signups import PASSWORD, shared_code
from waitlist import tokens
from waitlist.models import Entry, Launch


def joins(visitor: Visitor, mailbox: Mailbox, name: str, address: str = "/") -> None:
    """Fills the first page in, opens the mailed link and confirms."""
    page = visitor.open(address)
    page.get_by_label("Your e-mail").fill(f"{name}@example.com")
    page.get_by_label("What shall we call you?").fill(name.title())
    page.get_by_label("Keep this address").check()
    visitor.press("Join the line")
    page.wait_for_url("**/joined")
    visitor.open(next(link for link in mailbox.newest(f"{name}@example.com").links if "/me?" in link))
    visitor.press("Confirm my place")
    page.get_by_text("Your place is confirmed.").wait_for()


def test_ada_joins_confirms_and_sees_where_she_stands(visit: Visit, mailbox: Mailbox) -> None:
    ada = visit()
    joins(ada, mailbox, "ada")
    assert ada.page.url == f"{ada.site}/me"  # no token in the address
    assert "Your place in line" in ada.read()
    assert ada.page.locator(".number").inner_text() == "1"


def test_the_six_digits_are_enough(visit: Visit, mailbox: Mailbox) -> None:
    ada = visit()
    page = ada.open("/")
    page.get_by_label("Your e-mail").fill("ada@example.com")
    page.get_by_label("Keep this address").check()
    ada.press("Join the line")
    digits = re.search(r"\b\d{6}\b", mailbox.newest("ada@example.com").text)
    assert digits
    page.get_by_label("Six digits").fill(digits[0])
    ada.press("Confirm my place")
    page.get_by_text("Your place is confirmed.").wait_for()


def test_an_invited_person_signs_up_and_gets_codes(visit: Visit, mailbox: Mailbox, launch: Launch) -> None:
    cast.invited(launch, "ada")
    ada = visit()
    page = ada.open(next(link for link in mailbox.newest("ada@example.com").links if "/sign-in" in link))
    page.get_by_label("Password", exact=True).fill("correct horse battery staple")
    ada.press("Create my account")
    page.wait_for_url("**/me")
    assert "You are in" in ada.read()
    assert page.locator(".ticket").count() == launch.member_codes


def test_a_friend_comes_by_my_link_and_i_move_up(visit: Visit, mailbox: Mailbox, launch: Launch) -> None:
    cast.waits(launch, "cleo")
    cast.waits(launch, "finn")
    ada, eve = visit(), visit(viewport=DESK)
    joins(ada, mailbox, "ada")
    assert ada.page.locator(".number").inner_text() == "3"
    joins(eve, mailbox, "eve", ada.page.get_by_label("Your personal link").input_value())
    ada.open("/me")
    assert ada.page.locator(".number").inner_text() == "2"  # Eve, who was brought, starts ahead of her
    assert re.search(r"Eve\s+is in line", ada.read())
    assert "A friend you brought confirmed." in ada.read()


def test_three_friends_who_came_in_bring_a_reward(visit: Visit, launch: Launch) -> None:
    ben = cast.ben(launch)
    for name in ("finn", "gwen", "hugo"):
        cast.registers(launch, name, referral_code=ben.referral_code)
    relay.drain()
    page = visit().open(tokens.status_url(ben))
    assert "3 more codes" in page.locator("body").inner_text()
    assert page.locator(".ticket").count() == launch.member_codes + 3


def test_the_keyboard_alone_is_enough(visit: Visit, launch: Launch) -> None:
    page = visit().open("/")
    keys = page.keyboard
    reach(page, "contact")
    keys.type("ada@example.com")
    reach(page, "use_case")
    keys.type("To plan my week")
    reach(page, "consent")
    keys.press("Space")
    keys.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    keys.press("Enter")
    page.wait_for_url("**/joined")
    assert Entry.objects.get().use_case == "To plan my week"


def reach(page: object, name: str) -> None:
    """Tabs forward to the field."""
    for _press in range(12):
        page.keyboard.press("Tab")  # type: ignore[attr-defined]
        if page.evaluate("document.activeElement.name") == name:  # type: ignore[attr-defined]
            return
    raise AssertionError(f"{name} cannot be reached")


def test_everything_works_without_javascript(visit: Visit, mailbox: Mailbox) -> None:
    ada = visit(java_script_enabled=False)
    joins(ada, mailbox, "ada")
    page = ada.page
    page.get_by_text("Leave the line").click()
    ada.press("Yes, take me off the list")
    page.get_by_text("You are off the list.").wait_for()


def test_while_codes_are_guessed_the_browser_does_the_work(visit: Visit, launch: Launch) -> None:
    limited.refused(launch, BURST, network="198.51.100.9")
    cache.clear()
    fay = visit()
    page = fay.open(f"/signup?code={shared_code(launch)}")
    page.locator("[name=email]").fill("fay@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    fay.press("Create my account")  # too early, perhaps: it goes by itself once the work is done
    page.wait_for_url("**/accounts/confirm-email/")
    assert Entry.objects.get(canonical="fay@example.com").status == "registered"


def test_the_link_is_copied_with_one_press(visit: Visit, launch: Launch) -> None:
    ada = cast.ada(launch)
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.open(tokens.status_url(ada))
    visitor.press("Copy link")
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == tokens.referral_link(ada)


def test_times_are_told_in_the_readers_zone(visit: Visit, launch: Launch) -> None:
    entry, invite = cast.invited(launch, "ada")
    page = visit(timezone_id="Asia/Tokyo").open(tokens.status_url(entry))
    shown = page.locator("time").first
    assert "GMT+9" in shown.inner_text()
    assert invite.code.expires_at.strftime("%H:%M") in str(shown.get_attribute("title"))


def test_a_slip_is_pointed_at_and_forgiven(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open("/")
    page.get_by_label("Your e-mail").fill("ada@@example")
    page.get_by_label("Keep this address").check()
    visitor.press("Join the line")
    page.get_by_text("check it for a typing slip").wait_for()
    assert page.evaluate("document.activeElement.name") == "contact"
    assert page.get_by_label("Keep this address").is_checked()


def test_the_language_is_changed_with_one_press(visit: Visit, launch: Launch) -> None:
    visitor = visit()
    for address in ("/joined", tokens.status_url(cast.ada(launch)), "/unsubscribe/AAAAAAAAAAAAAAAAAAAAAA"):
        visitor.open(address)
        for words, language in (("Русский", "ru"), ("English", "en")):
            visitor.press(words)
            visitor.page.locator(f"html[lang={language}]").wait_for(state="attached")


def tour(launch: Launch) -> list[str]:
    """A page of every kind, by its address."""
    ben, cleo = cast.ben(launch), cast.waits(launch, "cleo")
    people = [cast.joins(launch, "finn"), cleo, cast.invited(launch, "ada")[0], ben]
    cast.waits(launch, "hugo", referral_code=ben.referral_code)
    strangers = ["/", "/joined", "/me", "/sign-in", "/redeem?token=x", "/unsubscribe/AAAAAAAAAAAAAAAAAAAAAA"]
    return strangers + [tokens.status_url(one) for one in people]


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ru", "dark")])
def test_every_page_is_open_to_everybody(language: str, scheme: str, visit: Visit, launch: Launch) -> None:
    visitor, axe = visit(color_scheme=scheme, locale=language), Axe()
    for address in tour(launch):
        violations = axe.run(visitor.open(address)).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == [], address


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_page_is_wider_than_the_screen(language: str, visit: Visit, launch: Launch) -> None:
    visitor = visit(locale=language)
    for address in tour(launch):
        page = visitor.open(address)
        for width in (320, PHONE["width"], DESK["width"]):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address


WEIGHT = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""


def test_no_page_weighs_more_than_fifty_kilobytes(visit: Visit, launch: Launch) -> None:
    visitor = visit()
    for address in tour(launch):
        assert 10_000 < visitor.open(address).evaluate(WEIGHT) < 50_000, address
