"""The console's first page, read in half a minute: on a fresh install, and with everything going on at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from outbox.models import Delivery, Job
from quality.models import Alert, Reading
from tests import cast
from tests.browser.conftest import Visitor
from tests.integration.test_dashboard import count_all, generate_some, messy
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
Shoot = Callable[[Visitor, str], None]


def test_a_fresh_install_says_what_to_do_first(moderator: Callable[..., Visitor], shoot: Shoot) -> None:
    dev = moderator()
    dev.open("/admin/")
    assert "Three steps to begin" in dev.read()
    shoot(dev, "fresh")


def test_a_busy_launch_is_read_at_a_glance(moderator: Callable[..., Visitor], shoot: Shoot, launch: Launch) -> None:
    messy(launch, 11, people=400)
    generate_some(launch)
    cast.registers(launch, "ben")
    Alert.objects.create(launch=launch, code="gate_closed", detail="")
    Job.objects.create(name="x", ids=[], reason="", by="staff:1", total=0, status="failed")
    Delivery.objects.create(handler="mail", name="x", subject="entry:1", status="given_up")
    for n in range(90):
        at = timezone.now() - timedelta(hours=8 * n + 1)
        value = None if 30 < n < 36 else 0.6 + 0.2 * ((n * 7) % 11) / 11
        Reading.objects.create(launch=launch, metric="trust_score", value=value, sample=200, newest_at=at, at=at)
    count_all(launch)
    dev = moderator()
    dev.open("/admin/")
    assert "1 alert is open" in dev.read()
    shoot(dev, "busy")


def test_the_quota_is_set_and_undone_with_the_keyboard(moderator: Callable[..., Visitor], launch: Launch) -> None:
    dev = moderator()
    page = dev.open("/admin/")
    page.get_by_label("Quota a day").fill("250")
    page.keyboard.press("Enter")
    page.get_by_text("Up to 250 people are let in a day now.").wait_for()
    dev.press("Undo: 100 again")
    page.get_by_text("Up to 100 people are let in a day now.").wait_for()
    launch.refresh_from_db()
    assert launch.daily_quota == 100
