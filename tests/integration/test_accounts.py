"""Users name who admitted them; keys and staff are made by commands that say what they did by exit code, stdout and stderr."""

import io
import subprocess
import sys
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.urls import reverse

from accounts.actions import create_api_key, create_staff, revoke_api_key
from accounts.models import ApiKey, User
from accounts.queries import key_behind, scopes_of
from accounts.scopes import SCOPES
from outbox.errors import Refused
from outbox.models import Event

pytestmark = pytest.mark.django_db
PASSWORD = "a long password of dev"


def test_nobody_is_made_without_naming_who_admitted_them() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("eve@example.com", admitted_by="")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="eve@example.com")
    assert not User.objects.exists()


def test_one_mailbox_is_one_user() -> None:
    User.objects.create_user(" Ada@Example.com ", admitted_by="code:1")
    assert User.objects.get(email="ADA@example.COM").email == "ada@example.com"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="ADA@EXAMPLE.COM", admitted_by="code:2")


def test_a_superuser_is_admitted_by_the_command() -> None:
    call_command("createsuperuser", email="dev@example.com", interactive=False, verbosity=0)
    assert User.objects.get().admitted_by == "staff:createsuperuser"


def test_a_key_is_printed_alone_and_works() -> None:
    out = io.StringIO()
    call_command("create_api_key", name="shop", scope=["codes:read", "codes:write"], stdout=out)
    row = key_behind(out.getvalue().strip())
    assert row is not None
    assert (row.name, row.scopes) == ("shop", ["codes:read", "codes:write"])
    assert Event.objects.get(kind="key.created").subject == f"key:{row.pk}"


def test_no_event_holds_a_key() -> None:
    _row, secret = create_api_key("shop", ["admin"], by="cli")
    assert all(secret not in str(event.data) for event in Event.objects.all())


@pytest.mark.parametrize(
    ("name", "scopes", "reason"),
    [("shop", ["codes:eat"], "scope_unknown"), ("shop", [], "scope_missing"), (" ", ["admin"], "name_invalid")],
)
def test_a_key_nobody_could_use_is_refused(name: str, scopes: list[str], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        create_api_key(name, scopes, by="cli")
    assert refused.value.reason == reason
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_once_and_for_good() -> None:
    row, secret = create_api_key("shop", ["admin"], by="cli")
    assert [revoke_api_key(row, by="staff:1"), revoke_api_key(row, by="staff:1")] == [True, False]
    assert key_behind(secret) is None
    assert Event.objects.filter(kind="key.revoked").count() == 1


def test_the_staff_command_makes_a_password_and_prints_it_once(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    out = io.StringIO()
    call_command("create_staff", email="Dev@example.com", role="owner", stdout=out, stderr=io.StringIO())
    assert client.login(email="dev@example.com", password=out.getvalue().strip())
    user = User.objects.get()
    assert (user.is_superuser, user.is_staff, user.admitted_by) == (True, True, "staff:cli")
    assert EmailAddress.objects.get(user=user).verified


def test_a_moderator_is_no_owner() -> None:
    user, made = create_staff("dev@example.com", "moderator", PASSWORD, by="cli")
    assert made is None
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert scopes_of(user) < frozenset(SCOPES)
    assert not any(scope.endswith(":write") for scope in scopes_of(user))


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("dev", PASSWORD, "email_invalid"),
        ("dev@example.com", "12345", "password_weak"),
        ("ada@example.com", PASSWORD, "email_taken"),
    ],
)
def test_staff_who_could_not_log_in_safely_are_refused(email: str, password: str, reason: str) -> None:
    User.objects.create_user("ada@example.com", admitted_by="code:1")
    with pytest.raises(Refused) as refused:
        create_staff(email, "owner", password, by="cli")
    assert refused.value.reason == reason
    assert User.objects.count() == 1


def test_a_refused_command_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    User.objects.create_user("ada@example.com", admitted_by="code:1")
    with pytest.raises(CommandError, match="already") as refused:
        call_command("create_staff", email="ada@example.com", role="owner")
    assert refused.value.returncode == 1


def test_an_unknown_scope_is_wrong_usage() -> None:
    with pytest.raises(CommandError, match="codes:redeem"):
        call_command("create_api_key", "--name=shop", "--scope=codes:eat")


ON_THE_DATABASE_OF_THE_TESTS = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
settings.DATABASES["default"] |= {where!r}
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


def manage(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command as an operator does."""
    where = {name: connections["default"].settings_dict[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    command = [sys.executable, "-c", ON_THE_DATABASE_OF_THE_TESTS.format(where=where), *words]
    return subprocess.run(
        command, input=said, capture_output=True, text=True, timeout=60, check=False, cwd=settings.BASE_DIR
    )


@pytest.mark.django_db(transaction=True)
def test_commands_speak_by_exit_code() -> None:
    made = manage("create_staff", "--email", "dev@example.com", "--role", "owner", said=f"{PASSWORD}\n")
    again = manage("create_staff", "--email", "dev@example.com", "--role", "owner", said=f"{PASSWORD}\n")
    wrong = manage("create_api_key", "--name", "shop", "--scope", "codes:eat")
    key = manage("create_api_key", "--name", "shop", "--scope", "codes:read", "--scope", "gate:check")
    assert (made.returncode, again.returncode, wrong.returncode, key.returncode) == (0, 1, 2, 0), key.stderr
    assert (made.stdout, again.stdout, wrong.stdout) == ("", "", "")
    assert "already" in again.stderr
    assert "codes:redeem" in wrong.stderr
    assert key_behind(key.stdout.removesuffix("\n")) is not None
    assert User.objects.get().check_password(PASSWORD)


# The console


@pytest.fixture
def owner(client: Client) -> Client:
    """Dev, who owns the install, in the console."""
    user, _made = create_staff("dev@example.com", "owner", PASSWORD, by="cli")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_key_made_in_the_console_is_shown_once(owner: Client) -> None:
    address = reverse("admin:accounts_apikey_add")
    page = owner.post(address, {"name": "shop", "scopes": ["codes:read"]}, follow=True).content.decode()
    row = ApiKey.objects.get()
    assert row.prefix + "." in page
    again = owner.get(reverse("admin:accounts_apikey_changelist")).content.decode()
    assert row.prefix + "." not in again


def test_a_key_is_revoked_in_the_console(owner: Client) -> None:
    row, _secret = create_api_key("shop", ["admin"], by="cli")
    chosen: dict[str, Any] = {"action": "revoke", "_selected_action": [row.pk], "apply": "1", "reason": "gone"}
    owner.post(reverse("admin:accounts_apikey_changelist"), chosen)
    row.refresh_from_db()
    assert row.revoked


def test_no_form_of_the_console_alters_a_user(owner: Client) -> None:
    user = User.objects.get()
    response = owner.post(reverse("admin:accounts_user_change", args=[user.pk]), {"email": "eve@example.com"})
    assert response.status_code == 403
    assert owner.get(reverse("admin:accounts_user_changelist")).status_code == 200
