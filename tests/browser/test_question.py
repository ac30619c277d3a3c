"""The page of the one short question in a real browser: without scripts, at phone width, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from quality import question
from quality.models import Answer
from tests import cast
from tests.browser.conftest import DESK, PHONE, Visit
from waitlist import tokens
from waitlist.actions import tuning
from waitlist.models import Launch


def test_one_press_answers_without_scripts(visit: Visit, launch: Launch) -> None:
    tuning.tune(launch, {"question": "How much would you miss it?"}, by="staff:1")
    link = tokens.url("/question", token=question.token_of(cast.ben(launch)))
    ben = visit(java_script_enabled=False)
    page = ben.open(link)
    assert page.url == f"{ben.site}/question"  # no token in the address
    page.get_by_label("In your own words").fill("Every morning.")
    ben.press("5, very much")
    page.get_by_text("Thank you.").wait_for()
    assert Answer.objects.values_list("score", "comment").get() == (5, "Every morning.")


@pytest.mark.parametrize("viewport", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_and_press_it(visit: Visit, launch: Launch, viewport: dict[str, int], scheme: str) -> None:
    tuning.tune(launch, {"question": "How much would you miss it?"}, by="staff:1")
    ben = visit(viewport=viewport, color_scheme=scheme)
    page = ben.open(tokens.url("/question", token=question.token_of(cast.ben(launch))))
    ben.press("4")
    page.get_by_text("Thank you.").wait_for()
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
