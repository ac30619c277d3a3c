"""A Chromium, the site it visits, and visitors who note whatever a page should not do."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests import cast
from tests.conftest import SERVERS
from waitlist.models import Launch

PERSONS = (
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36"  # a headless one says so
)
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

# Playwright keeps an event loop in this thread, which Django would take for asynchronous code of ours.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


BACKEND = "django.contrib.auth.backends.ModelBackend"


class Visitor:
    """Somebody at a screen. `complaints` are what the browser said in its console, `strangers` requests to other sites."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.set_default_timeout(15_000)
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: None if self.ours(request.url) else self.strangers.append(request.url))

    def ours(self, url: str) -> bool:
        return url.startswith((self.site, "data:"))

    def open(self, address: str) -> Page:
        """Goes there; an address without a host is on the site."""
        self.page.goto(address if address.startswith("http") else self.site + address)
        return self.page

    def press(self, words: str) -> None:
        """Presses the button with these words."""
        self.page.get_by_role("button", name=words, exact=True).click()

    def read(self) -> str:
        """The words on the page, once all of it is there."""
        self.page.wait_for_load_state()
        return self.page.locator("body").inner_text()


Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, for the tests of one file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=SERVERS.chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture
def site(live_server: LiveServer, launch: Launch, settings: Settings) -> str:
    """The address of the site; the links in mails lead to it."""
    settings.PUBLIC_BASE_URL = live_server.url
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    return str(live_server.url)


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Visit]:
    """Brings a visitor, with a screen as wide as a phone's unless told otherwise. Nobody may have met anything odd."""
    came: list[Visitor] = []

    def come(**screen: object) -> Visitor:
        context = chromium.new_context(**({"viewport": PHONE, "locale": "en-GB", "user_agent": PERSONS} | screen))  # type: ignore[arg-type]
        came.append(Visitor(context.new_page(), site))
        return came[-1]

    yield come
    for visitor in came:
        visitor.page.context.close()
    assert [visitor.complaints + visitor.strangers for visitor in came] == [[]] * len(came)


PASSWORD = "correct horse battery staple"  # of Dev, see tests/cast.py
SCREENS = {"desk": DESK, "phone": PHONE}


@pytest.fixture
def moderator(visit: Visit, site: str) -> Callable[..., Visitor]:
    """Brings Dev, logged in to the console, at a screen as wide as a desk's unless told otherwise."""

    def come(**screen: object) -> Visitor:
        visitor = visit(**({"viewport": DESK} | screen))
        client = Client()
        client.force_login(User.objects.filter(email="dev@example.com").first() or cast.dev(), backend=BACKEND)
        session = client.cookies["sessionid"].value
        visitor.page.context.add_cookies([{"name": "sessionid", "value": session, "url": site}])
        return visitor

    return come


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[[Visitor, str], None]:
    """Looks at the page at both widths and in both schemes: nothing may hang over the edge. SHOTS names a folder to keep them in."""
    folder = Path(os.environ.get("SHOTS") or tmp_path)

    def look(visitor: Visitor, name: str) -> None:
        for scheme in ("light", "dark"):
            visitor.page.emulate_media(color_scheme=scheme)
            # The console reads the scheme when a page is loaded; loading it again might send a form again.
            visitor.page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
            for width, size in SCREENS.items():
                visitor.page.set_viewport_size(size)  # type: ignore[arg-type]
                assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (name, width)
                visitor.page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
        visitor.page.set_viewport_size(DESK)  # type: ignore[arg-type]

    return look
