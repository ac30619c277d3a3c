"""Who did something, as staff read it: by name on every page, never "staff:5"."""

import pytest
from django.test import Client

from accounts.actions import create_api_key
from accounts.actors import named
from accounts.models import User
from outbox.actions import start_job
from quality.actions import barring
from quality.bars import target_of
from tests import cast
from tests.integration.test_console import console
from waitlist.actions import deciding
from waitlist.models import Launch

__all__ = ["console"]
pytestmark = pytest.mark.django_db


def test_each_kind_of_actor_has_a_name(launch: Launch) -> None:
    dev, (key, _secret) = cast.dev(), create_api_key("shop", ["waitlist:write"], by="cli")
    found = named([f"staff:{dev.pk}", f"key:{key.pk}", "quality", "beat", "person:12", "staff:999", ""])
    assert found[f"staff:{dev.pk}"] == "dev@example.com"
    assert found[f"key:{key.pk}"] == "API key shop"
    assert (found["quality"], found["beat"], found["person:12"]) == ("the rules", "the schedule", "the person")
    assert (found["staff:999"], found[""]) == ("staff:999", "")


def test_pages_name_a_colleague(console: Client, launch: Launch) -> None:
    User.objects.filter(email="dev@example.com").update(name="Dev Moore")
    by = f"staff:{User.objects.get(email='dev@example.com').pk}"
    ada = cast.ada(launch)
    deciding.hold([ada.pk], "odd", by=by)
    job = start_job("waitlist.hold_entry", [ada.pk], "spam", by=by)
    bar = barring.make_bar(target_of("spam.example"), "spam", days=1, by=by)
    for page in (
        "/admin/review/",
        f"/admin/review/places/{bar.pk}/",
        f"/admin/waitlist/entry/{ada.pk}/change/",
        f"/admin/outbox/job/{job.pk}/change/",
    ):
        said = console.get(page).content.decode()
        assert "Dev Moore" in said and by not in said, page
