"""A moderator finds a person by what they have in hand, reads why they are where they are, and sends the invite again."""

from collections.abc import Callable

import pytest

from invites.models import Code
from invites.queries import text_of
from outbox.models import Delivery
from tests import cast
from tests.browser.conftest import Visitor
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_person_is_found_explained_and_helped(
    moderator: Callable[..., Visitor], shoot: Callable[[Visitor, str], None], launch: Launch
) -> None:
    ben = cast.ben(launch)
    ada, offer = cast.invited(launch, "ada", referral_code=ben.referral_code, use_case="To plan content for a team")
    Entry.objects.filter(pk=ada.pk).update(name="Ada Lovelace")
    cast.cleo(launch)
    Delivery.objects.filter(name="invited").update(status="done", message_id="<x@y>")
    dev = moderator()
    page = dev.open("/admin/")
    page.keyboard.press("/")
    page.keyboard.type(text_of(offer.code).lower().replace("-", " "))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/entry/{ada.pk}/change/")
    said = dev.read()
    assert "They were invited on" in said and "have not used the code" in said
    shoot(dev, "person")

    page.get_by_text("It did not arrive", exact=True).first.click()
    page.locator("#act-resend input[name=resend-reason]").fill("asked on the phone")
    shoot(dev, "person-resend")
    page.locator("#act-resend button").click()
    page.get_by_text("is on its way again").wait_for()
    assert Code.objects.filter(kind="waitlist", status="active", uses=0).count() == 1
    assert "asked on the phone" in dev.read()

    page.get_by_text("The code does not work", exact=True).click()
    page.get_by_label("The code, as they have it").fill(text_of(offer.code))
    dev.press("Say why")
    page.get_by_text("It was revoked by").wait_for()
    shoot(dev, "person-code")

    page.keyboard.press("Control+k")
    page.keyboard.type("@example.com")
    page.keyboard.press("Enter")
    page.get_by_text("the domain of their address").first.wait_for()
    shoot(dev, "find")
    dev.open("/admin/find/")
    shoot(dev, "find-empty")
    dev.open(f"/admin/waitlist/entry/{ada.pk}/erase/")
    shoot(dev, "erase")
