"""Staff at a screen: a second factor is set up and asked for, sessions are seen and ended, an owner looks after the others."""

from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, expect

from accounts.actions import create_staff
from accounts.models import User
from outbox.models import Event
from tests.browser.conftest import DESK, Visit, Visitor
from tests.integration.test_staff import PASSWORD, digits

pytestmark = pytest.mark.django_db(transaction=True)
Shoot = Callable[[Visitor, str], None]


@pytest.fixture
def mo(site: str) -> User:
    """Mo moderates."""
    return create_staff("mo@example.com", "moderator", PASSWORD, by="cli")[0]


def sends_password(visitor: Visitor, email: str) -> None:
    """Opens the console, is led to the log-in, and fills it in."""
    visitor.open("/admin/waitlist/entry/")
    visitor.page.get_by_label("Email").fill(email)
    visitor.page.get_by_label("Password", exact=True).fill(PASSWORD)
    visitor.press("Sign in")


def sets_up_app(visitor: Visitor, shoot: Shoot) -> str:
    """Follows the console's own hint to the page of the second factor; the app's secret."""
    visitor.page.get_by_role("link", name="Set it up").click()
    shoot(visitor, "second-factor")
    visitor.page.get_by_role("link", name="Set up an app").click()
    visitor.page.get_by_label("Password").fill(PASSWORD)
    shoot(visitor, "password-again")
    visitor.press("Confirm")
    secret = visitor.page.locator("code.secret").inner_text()
    shoot(visitor, "set-up-app")
    visitor.page.get_by_label("Code").fill(digits(secret))
    visitor.press("Switch it on")
    expect(visitor.page.locator(".codes li")).to_have_count(10)
    shoot(visitor, "recovery-codes")
    return secret


def test_mo_logs_in_with_an_app_and_ends_the_session_at_home(visit: Visit, mo: User, shoot: Shoot) -> None:
    home = visit(viewport=DESK)
    sends_password(home, mo.email)
    secret = sets_up_app(home, shoot)

    desk = visit(viewport=DESK)
    desk.open("/admin/")
    shoot(desk, "log-in")
    sends_password(desk, mo.email)
    shoot(desk, "one-more-step")
    desk.page.get_by_label("Code").fill("000000")
    desk.press("Sign in")
    assert "This code is not right" in desk.read()
    shoot(desk, "wrong-code")
    desk.page.get_by_label("Code").fill(digits(secret))
    desk.press("Sign in")
    expect(desk.page).to_have_url(f"{desk.site}/admin/waitlist/entry/")

    desk.open("/accounts/sessions/")
    shoot(desk, "sessions")
    desk.page.get_by_role("button", name="End Chrome, Android from").click()
    assert "opens nothing any more" in desk.read()
    shoot(desk, "sessions-ended")
    home.open("/admin/")
    expect(home.page.get_by_label("Password", exact=True)).to_be_visible()
    assert Event.objects.get(kind="sessions.ended").by == f"staff:{mo.pk}"


def key_of(visitor: Visitor) -> CDPSession:
    """Plugs a key into the browser that answers whenever it is asked."""
    device = visitor.page.context.new_cdp_session(visitor.page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"automaticPresenceSimulation": True}})
    return device


def test_mo_logs_in_with_a_key(visit: Visit, mo: User, shoot: Shoot) -> None:
    desk = visit(viewport=DESK)
    key_of(desk)
    sends_password(desk, mo.email)
    desk.open("/accounts/2fa/webauthn/add/")
    desk.page.get_by_label("Password").fill(PASSWORD)
    desk.press("Confirm")
    shoot(desk, "add-key")
    desk.press("Add")
    expect(desk.page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    desk.open("/accounts/2fa/webauthn/")
    shoot(desk, "keys")
    desk.open("/accounts/logout/")
    desk.page.get_by_role("main").get_by_role("button").first.click()
    sends_password(desk, mo.email)
    desk.press("Use a passkey or key")
    expect(desk.page).to_have_url(f"{desk.site}/admin/waitlist/entry/")


def test_an_owner_looks_after_staff(moderator: Callable[..., Visitor], mo: User, shoot: Shoot, visit: Visit) -> None:
    phone = visit()
    sends_password(phone, mo.email)
    dev = moderator()
    dev.open("/admin/accounts/user/")
    shoot(dev, "users")
    dev.page.get_by_role("link", name=mo.email).click()
    shoot(dev, "user")
    dev.page.get_by_text("End all sessions", exact=True).first.click()
    dev.page.locator("details[open]").get_by_label("Reason").fill("lost the telephone")
    shoot(dev, "user-act")
    dev.press("End all sessions")
    assert "Done: End all sessions." in dev.read()
    phone.open("/admin/")
    expect(phone.page.get_by_label("Password", exact=True)).to_be_visible()

    dev.open("/admin/accounts/user/add/")
    shoot(dev, "add-user")
    dev.page.get_by_label("E-mail address").fill("vi@example.com")
    dev.page.get_by_label("Role").select_option("viewer")
    dev.press("Save")
    assert "It is not shown again" in dev.read()
    shoot(dev, "user-made")


def test_a_viewer_sees_people_and_no_address(visit: Visit, mo: User, shoot: Shoot) -> None:
    create_staff("vi@example.com", "viewer", PASSWORD, by="cli")
    vi = visit(viewport=DESK)
    sends_password(vi, "vi@example.com")
    shoot(vi, "viewer")
    assert "To the console" not in vi.read()
