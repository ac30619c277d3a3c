"""The launch's page as an owner meets it: settings, the preview, tightening and the three steps, at both widths and in both schemes."""

from collections.abc import Callable

import pytest

from tests import cast
from tests.browser.conftest import Visitor
from waitlist.actions import tuning
from waitlist.models import Launch, Turn

pytestmark = pytest.mark.django_db(transaction=True)
Bring = Callable[..., Visitor]
Shoot = Callable[[Visitor, str], None]


def test_an_owner_sees_what_new_points_do_before_saving_and_puts_them_back(
    moderator: Bring, shoot: Shoot, launch: Launch
) -> None:
    cast.ada(launch)
    for n in range(4):
        cast.waits(launch, f"p{n}", persona="agency")
    dev = moderator()
    page = dev.open("/admin/waitlist/launch/")
    shoot(dev, "launch-empty")
    page.get_by_label("points persona agency", exact=True).fill("0")
    page.locator("[name=rescores]").check()
    page.locator("[name=reason]").first.fill("Agencies came in hundreds")
    dev.press("See what it would do")
    assert "5 people change place." in dev.read() and page.url.endswith("/preview/")
    shoot(dev, "launch-preview")
    dev.press("Save it")
    page.get_by_text("points persona agency: the default → 0").first.wait_for()
    shoot(dev, "launch-changed")
    dev.press("Put it back")
    page.get_by_text("points persona agency: 0 → the default").first.wait_for()


def test_an_owner_is_told_what_is_wrong(moderator: Bring, shoot: Shoot, launch: Launch) -> None:
    dev = moderator()
    page = dev.open(f"/admin/waitlist/launch/{launch.pk}/change/")
    page.locator("[name=review_score]").fill("500")
    dev.press("Save")
    assert "Somebody is held before they are turned away" in dev.read()
    shoot(dev, "launch-wrong")


def test_the_second_of_two_owners_is_told(moderator: Bring, shoot: Shoot, launch: Launch) -> None:
    dev = moderator()
    page = dev.open(f"/admin/waitlist/launch/{launch.pk}/change/")
    tuning.tune(launch, {"daily_quota": 7}, by="staff:1")
    page.locator("[name=tagline]").fill("Soon")
    dev.press("Save")
    assert "Daily quota: 100 → 7" in dev.read()
    assert (
        page.locator("[name=daily_quota]").input_value() == "7"
        and page.locator("[name=tagline]").input_value() == "Soon"
    )
    shoot(dev, "launch-meanwhile")
    dev.press("Save")
    assert Launch.objects.get().tagline == "Soon"


def test_an_owner_tightens_for_a_week_and_ends_it(moderator: Bring, shoot: Shoot, launch: Launch) -> None:
    cast.ada(launch)
    dev = moderator()
    page = dev.open(f"/admin/waitlist/launch/{launch.pk}/tighten/")
    shoot(dev, "launch-tighten")
    page.locator("[name=vouched_only]").check()
    page.locator("[name=reason]").fill("A wave from one network")
    dev.press("See what it would do")
    assert "approves them: 1 of 1 who wait" in dev.read()
    shoot(dev, "launch-tighten-preview")
    dev.press("Do it")
    assert Turn.objects.get().reason == "A wave from one network"
    shoot(dev, "launch-tightened")
    page.locator("[name=reason]").fill("It was a school")
    dev.press("End it now")
    assert Launch.objects.get().daily_quota == 100


def test_an_owner_goes_a_step_towards_open_registration(moderator: Bring, shoot: Shoot, launch: Launch) -> None:
    dev = moderator()
    page = dev.open(f"/admin/waitlist/launch/{launch.pk}/widen/")
    shoot(dev, "launch-widen")
    page.locator("[name=reason]").fill("It goes well")
    dev.press("See what it would do")
    dev.press("Do it")
    assert Launch.objects.get().daily_quota == 200
    shoot(dev, "launch-widened")
    dev.press("Take this step back")
    page.locator("[name=reason]").fill("Too fast")
    dev.press("Take it back")
    assert Launch.objects.get().daily_quota == 100
