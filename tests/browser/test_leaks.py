"""A moderator contains a leak at a screen: pastes the link, looks, presses one button, and takes it back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from invites import queries, tokens
from invites.models import Code, Containment
from tests import cast
from tests.browser.conftest import Visitor
from tests.integration.test_leaks import NOW, comes, make
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)
GUESTS = ["ines@one.org", "jan@two.org", "karl@three.org", "lea@four.org", "mia@five.org", "nils@six.org"]


@pytest.fixture
def leaked(launch: Launch) -> Code:
    """A campaign's code: six guests over four days, then fourteen people within minutes, three of them by one network."""
    code = make(launch, campaign="spring-fair")
    for n, name in enumerate(GUESTS):
        comes(code, name, NOW - timedelta(hours=90 - 14 * n), f"81.2.{n}.7")
    for n in range(14):
        comes(code, f"zed{n}@free{n}.net", NOW + timedelta(seconds=50 * n), f"91.7.{n if n > 2 else 0}.1")
    comes(Code.objects.filter(owner__canonical="zed4@free4.net")[0], "pal@pal.org", timezone.now(), "95.1.1.1")
    return code


def test_a_leak_is_contained_in_a_minute_and_taken_back(
    moderator: Callable[..., Visitor], shoot: Callable[[Visitor, str], None], leaked: Code
) -> None:
    dev = moderator()
    page = dev.open("/admin/leaks/")
    shoot(dev, "empty")
    page.get_by_label("What leaked?").fill(tokens.share_url(queries.text_of(leaked)))
    dev.press("See how far it went")
    page.get_by_role("heading", name="Contain it").wait_for()
    assert page.url == f"{dev.site}/admin/leaks/"
    assert page.get_by_role("checkbox", checked=True, name="@").count() == 15
    shoot(dev, "dry-run")
    page.get_by_label("zed13@free13.net").uncheck()
    page.get_by_label("Reason").fill("posted in a forum")
    dev.press("Contain the leak")
    page.get_by_text("Contained.").wait_for()
    assert Entry.objects.filter(held_at__isnull=False).count() == 14
    shoot(dev, "contained")
    dev.press("Show the new codes")
    page.get_by_text("Copy them now").wait_for()
    shoot(dev, "new-codes")
    page.get_by_role("link", name="Back to the containment").click()
    page.get_by_label("Reason").fill("a false alarm")
    dev.press("Undo the containment")
    page.get_by_text("Undone:", exact=False).first.wait_for()
    assert not Entry.objects.filter(held_at__isnull=False).exists()
    shoot(dev, "undone")
    dev.open("/admin/leaks/")
    shoot(dev, "past")
    assert Containment.objects.get().undone_at


def test_the_last_four_lead_to_a_choice(
    moderator: Callable[..., Visitor], shoot: Callable[[Visitor, str], None], launch: Launch
) -> None:
    first, second = make(launch), make(launch, campaign="autumn")
    Code.objects.filter(pk=second.pk).update(last4=first.last4)
    cast.ben(launch)
    dev = moderator()
    page = dev.open("/admin/leaks/")
    page.get_by_label("What leaked?").fill(first.last4)
    page.keyboard.press("Enter")
    page.get_by_text("Which one?").wait_for()
    shoot(dev, "choice")
    page.get_by_role("button", name="This one").first.click()
    page.get_by_text("Nobody has used it yet.").wait_for()
    shoot(dev, "unused")
