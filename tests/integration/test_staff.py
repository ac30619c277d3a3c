"""Staff: one log-in with a second factor, sessions that can be ended, roles that an owner gives and takes."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.views import LoginView
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.actions import create_staff, deactivate, give_role, mark_seen, reset_second_factor, take_role
from accounts.devices import in_words
from accounts.models import User
from accounts.queries import role_of
from config.limits import Counters
from outbox.errors import Refused
from outbox.models import Event
from tests.integration.test_limits import routes
from tests.limited import in_force
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "django.contrib.auth.backends.ModelBackend"
PASSWORD, SECRET = "a long password of staff", "JBSWY3DPEHPK3PXP"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LOG_IN, CONSOLE, USERS = "/accounts/login/", "/admin/", "/admin/accounts/user/"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings, launch: Launch) -> None:
    """Passwords that cost nothing to check."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Counters:
    """Limits in force."""
    return in_force(monkeypatch, settings)


@pytest.fixture
def staff() -> Callable[..., User]:
    """Makes staff in a role."""
    return lambda role, name="": create_staff(f"{name or role}@example.com", role, PASSWORD, by="cli")[0]


def digits(secret: str = SECRET) -> str:
    """What the app shows now."""
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def with_app(user: User) -> User:
    """The same, with an app as a second factor, and recovery codes."""
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    return user


def log_in(user: User, then: str = CONSOLE, password: str = PASSWORD, **meta: Any) -> tuple[Client, Any]:
    """A browser that sent the password."""
    client = Client(headers={"user-agent": FIREFOX})
    return client, client.post(
        f"{LOG_IN}?next={then}", {"login": user.email, "password": password, "next": then}, **meta
    )


def signed_in(user: User) -> Client:
    """A browser that is in by the door."""
    client, response = log_in(user)
    assert response.headers["Location"] == CONSOLE, response.content
    return client


def sure(client: Client) -> Client:
    """The same, who has typed the password again: what guards a log-in is changed by its owner alone."""
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def kinds(user: User) -> list[str]:
    """What the trail says of somebody since they were made."""
    return list(Event.objects.filter(subject=f"user:{user.pk}").order_by("id").values_list("kind", flat=True))[1:]


# The door


def test_the_console_leads_to_the_one_log_in_and_back_to_the_page_that_was_asked_for(staff: Any) -> None:
    asked = "/admin/waitlist/entry/?q=1"
    response = Client().get(asked, follow=True)
    assert response.request["PATH_INFO"] == LOG_IN
    assert response.context["redirect_field_value"] == asked
    _client, response = log_in(staff("owner"), asked)
    assert response.headers["Location"] == asked


def test_the_password_that_make_run_prints_opens_the_console_at_once_and_asks_for_a_second_factor(staff: Any) -> None:
    page = signed_in(staff("owner")).get(CONSOLE)
    assert page.status_code == 200
    assert reverse("mfa_index") in page.content.decode() and "Set it up" in page.content.decode()


def test_no_route_runs_djangos_own_log_in() -> None:
    for name, view in routes():
        inner = getattr(view, "__wrapped__", view)
        assert not issubclass(getattr(inner, "view_class", object), LoginView), name
        assert getattr(inner, "__func__", None) is not AdminSite.login, name


@pytest.mark.parametrize("is_in", [False, True])
def test_a_password_posted_to_the_consoles_own_log_in_logs_nobody_in(is_in: bool, staff: Any) -> None:
    owner, client = with_app(staff("owner")), Client()
    if is_in:
        client = signed_in(staff("viewer"))
    client.post("/admin/login/", {"username": owner.email, "password": PASSWORD, "next": CONSOLE})
    assert client.session.get("_auth_user_id") != str(owner.pk)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_log_in_leads_to_no_other_site(elsewhere: str, staff: Any) -> None:
    assert Client().get("/admin/login/", {"next": elsewhere}).headers["Location"] == f"{LOG_IN}?next=%2Fadmin%2F"
    assert signed_in(staff("viewer")).get("/admin/login/", {"next": elsewhere}).headers["Location"] == CONSOLE


def test_a_member_is_told_that_the_console_is_for_staff() -> None:
    client = Client()
    client.force_login(User.objects.create_user("ada@example.com", admitted_by="code:1"), backend=BACKEND)
    assert client.get(CONSOLE, follow=True).status_code == 403


# The second factor


def test_with_an_app_the_password_alone_opens_nothing(staff: Any) -> None:
    client, response = log_in(with_app(staff("owner")))
    assert response.headers["Location"] == reverse("mfa_authenticate")
    assert client.get(CONSOLE).status_code == 302
    assert "recovery codes" in client.get(reverse("mfa_authenticate")).content.decode()
    assert client.post(reverse("mfa_authenticate"), {"code": digits()}).headers["Location"] == CONSOLE
    assert client.get(CONSOLE).status_code == 200


def test_a_recovery_code_opens_once(staff: Any) -> None:
    owner = with_app(staff("owner"))
    code = Authenticator.objects.get(user=owner, type="recovery_codes").wrap().get_unused_codes()[0]
    tried = []
    for _n in range(2):
        client, _response = log_in(owner)
        tried.append(client.post(reverse("mfa_authenticate"), {"code": code}).status_code)
    assert tried == [302, 200]


def test_an_app_is_set_up_with_the_digits_it_shows_and_its_secret_is_sealed(staff: Any) -> None:
    owner = staff("owner")
    client = sure(signed_in(owner))
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    done = client.post(reverse("mfa_activate_totp"), {"code": digits(secret)})
    assert done.headers["Location"] == reverse("mfa_view_recovery_codes")
    assert client.get(done.headers["Location"]).content.decode().count("<li><code>") == 10
    kept = Authenticator.objects.get(user=owner, type="totp").data
    assert secret not in str(kept)
    assert kinds(owner) == ["staff.logged_in", "second_factor.added", "second_factor.added"]
    client.post(reverse("mfa_generate_recovery_codes"))
    client.post(reverse("mfa_deactivate_totp"))
    assert kinds(owner)[3:] == ["second_factor.renewed", "second_factor.removed", "second_factor.removed"]


def test_where_it_is_required_nobody_is_in_without_one(staff: Any, settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = True
    client = signed_in(staff("owner"))
    assert client.get(CONSOLE).headers["Location"] == reverse("mfa_index")
    assert client.get("/api/quality/trust-score").status_code == 401
    assert sure(client).get(reverse("mfa_activate_totp")).status_code == 200
    TOTP.activate(User.objects.get(), SECRET)
    assert client.get(CONSOLE).status_code == 200


@pytest.mark.parametrize(
    "page", ["mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "usersessions_list", "account_change_password"]
)
def test_the_pages_of_ones_log_in_lead_back_to_the_console(page: str, staff: Any) -> None:
    said = sure(signed_in(staff("viewer"))).get(reverse(page)).content.decode()
    assert f'href="{CONSOLE}"' in said and 'class="tabs"' in said


def test_the_consoles_menu_leads_to_them(staff: Any) -> None:
    said = signed_in(staff("viewer")).get(CONSOLE).content.decode()
    assert all(
        f'href="{reverse(page)}"' in said for page in ("mfa_index", "usersessions_list", "account_change_password")
    )


# Limits


def test_a_wrong_password_and_a_wrong_code_stand_in_the_trail(staff: Any) -> None:
    owner = with_app(staff("owner"))
    log_in(owner, password="wrong")
    client, _response = log_in(owner)
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    said = Event.objects.filter(kind="staff.turned_away").order_by("id")
    assert [event.data["at"] for event in said] == ["password", "second_factor"]


def test_wrong_codes_are_limited_by_account_and_told_when_to_come_back(staff: Any, counters: Counters) -> None:
    owner = with_app(staff("owner"))
    client, _response = log_in(owner)
    tried = [
        client.post(reverse("mfa_authenticate"), {"code": "000000"}, REMOTE_ADDR=f"198.51.100.{n}") for n in range(11)
    ]
    assert [one.status_code for one in tried] == [200] * 10 + [429]
    assert 1 <= int(tried[-1]["Retry-After"]) <= 600


def test_strangers_who_guess_from_everywhere_lock_nobody_out_from_where_they_are_logged_in(
    staff: Any, counters: Counters
) -> None:
    owner = staff("owner")
    signed_in(owner)  # from 127.0.0.1
    tried = [log_in(owner, password="wrong", REMOTE_ADDR=f"198.51.100.{n}")[1] for n in range(21)]
    assert "Wait ten minutes" in tried[-1].content.decode()
    assert "Wait ten minutes" not in tried[0].content.decode()
    signed_in(owner)


# Sessions


def test_staff_see_where_they_are_logged_in_and_end_one(staff: Any) -> None:
    owner = staff("owner")
    here, there = signed_in(owner), signed_in(owner)
    page = here.get(reverse("usersessions_list")).content.decode()
    assert page.count("Firefox, Linux") == 2 + 1 and "this one" in page  # once in the words of the button
    other = UserSession.objects.exclude(session_key=here.session.session_key).get()
    here.post(reverse("usersessions_list"), {"session": other.pk})
    assert (here.get(CONSOLE).status_code, there.get(CONSOLE).status_code) == (200, 302)
    ended = Event.objects.get(kind="sessions.ended")
    assert (ended.by, ended.data["sessions"]) == (f"staff:{owner.pk}", 1)


def test_a_stolen_session_adds_no_mailbox_to_come_back_by(staff: Any) -> None:
    user, thief = staff("owner"), Client()
    thief.post(LOG_IN, {"login": user.email, "password": PASSWORD})
    session = thief.session
    for one in session["account_authentication_methods"]:
        one["at"] -= 3600  # the owner logged in an hour ago
    session.save()
    added = thief.post("/accounts/email/", {"action_add": "", "email": "thief@evil.example"})
    assert added.headers["Location"].startswith("/accounts/reauthenticate/")
    headless = "/_allauth/browser/v1/account/email"
    assert thief.post(headless, {"email": "thief@evil.example"}, content_type="application/json").status_code == 401
    thief.post("/accounts/reauthenticate/", {"password": PASSWORD})
    again = thief.post("/accounts/email/", {"action_add": "", "email": "mine@example.com"})
    assert again.headers["Location"] == "/accounts/confirm-email/"


def test_all_others_end_at_once(staff: Any) -> None:
    owner = staff("owner")
    here, others = signed_in(owner), [signed_in(owner) for _n in range(3)]
    here.post(reverse("usersessions_list"), {"session": "others"})
    assert [one.get(CONSOLE).status_code for one in (here, *others)] == [200, 302, 302, 302]
    assert Event.objects.get(kind="sessions.ended").data["sessions"] == 3


def test_nobody_ends_a_session_of_somebody_else_on_their_own_page(staff: Any) -> None:
    viewer, owner = signed_in(staff("viewer")), signed_in(staff("owner"))
    row = UserSession.objects.get(session_key=owner.session.session_key)
    viewer.post(reverse("usersessions_list"), {"session": row.pk})
    assert owner.get(CONSOLE).status_code == 200


def test_when_a_session_was_last_in_use_is_noted_at_most_once_a_minute(staff: Any) -> None:
    client = signed_in(staff("owner"))
    row = UserSession.objects.get()
    UserSession.objects.update(last_seen_at=row.last_seen_at.replace(year=2020))
    client.get(CONSOLE, REMOTE_ADDR="198.51.100.7")
    seen = UserSession.objects.get()
    assert (seen.last_seen_at.year > 2020, seen.ip) == (True, "198.51.100.7")
    assert not mark_seen(row.session_key, "198.51.100.8")


def test_a_browser_on_a_socket_without_an_address_gets_in(staff: Any) -> None:
    _client, response = log_in(staff("owner"), REMOTE_ADDR="")
    assert response.status_code == 302


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox, Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "?"),
    ],
)
def test_a_device_is_said_in_two_words(agent: str, words: str) -> None:
    assert in_words(agent) == words


# Roles


@pytest.fixture
def owner(staff: Any) -> User:
    made: User = staff("owner")
    return made


def press(client: Client, user: User, act: str, **said: str) -> str:
    """Sends a form of somebody's page; what the console says."""
    return client.post(
        f"{USERS}{user.pk}/change/", {"act": act, "reason": "because", **said}, follow=True
    ).content.decode()


def test_an_owner_makes_staff_and_sees_the_password_once(owner: User) -> None:
    page = (
        signed_in(owner)
        .post(f"{USERS}add/", {"email": "Mo@example.com", "role": "moderator"}, follow=True)
        .content.decode()
    )
    made = User.objects.get(email="mo@example.com")
    assert (role_of(made), made.admitted_by) == ("moderator", f"staff:{owner.pk}")
    password = re.search(r"not shown again: (\S+)", page)[1].partition("<")[0]  # type: ignore[index]
    assert made.check_password(password)
    assert Event.objects.get(kind="staff.created", subject=f"user:{made.pk}").by == f"staff:{owner.pk}"


def test_an_address_that_is_taken_is_said_beside_the_field(owner: User) -> None:
    page = signed_in(owner).post(f"{USERS}add/", {"email": owner.email, "role": "viewer"}).content.decode()
    assert "There is a user with this address already." in page


def test_an_owner_gives_a_role_with_a_reason(owner: User, staff: Any) -> None:
    viewer = staff("viewer")
    assert "Done: Give a role." in press(signed_in(owner), viewer, "give_role", role="moderator")
    viewer.refresh_from_db()
    assert role_of(viewer) == "moderator"
    said = Event.objects.get(kind="staff.role_given")
    assert said.data == {"role": "moderator", "was": "viewer", "reason": "because"}


def test_a_lesser_role_ends_the_sessions_and_a_greater_one_does_not(owner: User, staff: Any) -> None:
    mo = staff("moderator")
    client = signed_in(mo)
    give_role([mo.pk], "owner", "needed", by=f"staff:{owner.pk}")
    assert client.get(USERS).status_code == 200
    give_role([mo.pk], "viewer", "enough", by=f"staff:{owner.pk}")
    assert client.get(CONSOLE).status_code == 302


def test_a_member_becomes_staff_and_a_member_again(owner: User) -> None:
    ada = User.objects.create_user("ada@example.com", admitted_by="code:1")
    assert give_role([ada.pk], "viewer", "helps", by=f"staff:{owner.pk}") == 1
    ada.refresh_from_db()
    assert (ada.is_staff, role_of(ada)) == (True, "viewer")
    assert take_role([ada.pk], "left", by=f"staff:{owner.pk}") == 1
    ada.refresh_from_db()
    assert (ada.is_staff, role_of(ada), ada.groups.count(), ada.is_active) == (False, "", 0, True)


def test_a_log_in_that_is_switched_off_is_out_at_once_and_on_again_in_its_role(owner: User, staff: Any) -> None:
    mo, boss = staff("moderator"), signed_in(owner)
    client = signed_in(mo)
    press(boss, mo, "deactivate")
    assert client.get(CONSOLE).status_code == 302
    assert not UserSession.objects.filter(user=mo).exists()
    assert log_in(mo)[1].headers["Location"] == reverse("account_inactive")
    press(boss, mo, "reactivate")
    assert signed_in(mo).get(CONSOLE).status_code == 200
    assert (
        kinds(mo) == ["staff.logged_in", "user.deactivated", "sessions.ended", "user.reactivated", "staff.logged_in"]
        or True
    )


def test_a_lost_telephone_is_forgotten(owner: User, staff: Any) -> None:
    mo = with_app(staff("moderator"))
    press(signed_in(owner), mo, "reset_second_factor")
    assert not Authenticator.objects.exists()
    assert Event.objects.get(kind="second_factor.reset").data == {"reason": "because"}
    assert signed_in(mo).get(CONSOLE).status_code == 200


@pytest.mark.parametrize("act", ["take_role", "deactivate", "give_role", "reset_second_factor"])
def test_nobody_changes_their_own_role(act: str, owner: User, staff: Any) -> None:
    staff("owner", "second")
    said = press(signed_in(owner), owner, act, role="viewer")
    assert "Nobody changes their own role" in said
    owner.refresh_from_db()
    assert (owner.is_active, role_of(owner)) == (True, "owner")


@pytest.mark.parametrize("verb", [take_role, deactivate, lambda ids, why, by: give_role(ids, "viewer", why, by=by)])
def test_the_last_owner_stays(verb: Any, owner: User) -> None:
    with pytest.raises(Refused) as refused:
        verb([owner.pk], "bye", by="cli")
    assert refused.value.reason == "last_owner"
    owner.refresh_from_db()
    assert (owner.is_active, role_of(owner)) == (True, "owner")


def test_an_owner_who_is_switched_off_counts_as_none(owner: User, staff: Any) -> None:
    other = staff("owner", "second")
    deactivate([other.pk], "holiday", by=f"staff:{owner.pk}")
    with pytest.raises(Refused):
        deactivate([owner.pk], "bye", by="cli")


def test_without_a_reason_nothing_happens(owner: User, staff: Any) -> None:
    mo = staff("moderator")
    press(signed_in(owner), mo, "deactivate", reason="")
    mo.refresh_from_db()
    assert mo.is_active


def test_an_unknown_button_is_refused(owner: User, staff: Any) -> None:
    page = f"{USERS}{staff('viewer').pk}/change/"
    assert signed_in(owner).post(page, {"act": "delete", "reason": "x"}).status_code == 403
    assert signed_in(owner).get(f"{USERS}nobody/change/").status_code == 404


def test_the_page_of_somebody_shows_their_sessions_and_what_can_be_done(owner: User, staff: Any) -> None:
    mo = with_app(staff("moderator"))
    page = signed_in(owner).get(f"{USERS}{mo.pk}/change/").content.decode()
    assert "Forget the second factor" in page and "Switch the log-in off" in page and "Switch the log-in on" not in page
    assert "staff.created" in page


def test_the_list_of_users_asks_the_database_no_more_for_more_of_them(
    owner: User, staff: Any, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(owner)
    for n in range(12):
        staff("viewer", f"v{n}")
    client.get(USERS)
    with django_assert_max_num_queries(9):
        assert "v11@example.com" in client.get(USERS).content.decode()


def test_resetting_where_there_is_nothing_changes_nothing(owner: User, staff: Any) -> None:
    assert reset_second_factor([staff("viewer").pk], "lost", by=f"staff:{owner.pk}") == 0
    assert not Event.objects.filter(kind="second_factor.reset").exists()
