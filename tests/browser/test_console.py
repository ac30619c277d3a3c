"""The console as a new moderator meets it, at both widths and in both schemes."""

from collections.abc import Callable

import pytest

from tests import cast
from tests.browser.conftest import Visitor
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_list_of_people_is_read_on_a_phone_and_at_a_desk(
    moderator: Callable[..., Visitor], shoot: Callable[[Visitor, str], None], launch: Launch
) -> None:
    cast.ada(launch)
    dev = moderator()
    dev.open("/admin/waitlist/entry/")
    assert "ada@example.com" in dev.read()
    shoot(dev, "people")
