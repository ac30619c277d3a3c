"""Many sign up at the same moment: through the real views, each on a connection of its own."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from invites import gate, guard, queries, tokens
from invites.models import Attempt, Code, Redemption
from tests import cast
from tests.conftest import Act
from tests.signups import (
    APP,
    LOOK_IN_INBOX,
    SOCIAL_FORM,
    address,
    comes_back_from_provider,
    shared_code,
    signs_up,
    signs_up_by_json,
    single_sign_on,
    token_of_provider,
)
from waitlist.actions.tuning import open_first_launch
from waitlist.models import Entry, Launch
from waitlist.queries import forget_kept
from waitlist.tokens import person_token

JSON = "application/json"
Race = Callable[[int, Act], Sequence[Any]]
CROWD = 12
PEOPLE = [f"guest{number}" for number in range(CROWD)]


@pytest.fixture
def opened(transactional_db: None, settings: Settings) -> Launch:
    """A launch, quick passwords, and no limits."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SIGN_UP_SECONDS = 0
    settings.RATELIMIT_ENABLE = False
    forget_kept()
    return open_first_launch()


def visitor() -> Client:
    return Client(raise_request_exception=False)


def uses(launch: Launch, text: str) -> int:
    found = queries.code_typed(launch, text)
    assert found
    return found.uses


def test_one_code_of_one_use_makes_one_user(opened: Launch, race: Race) -> None:
    code = shared_code(opened)
    answers = race(CROWD, lambda number: signs_up(visitor(), PEOPLE[number], code))
    assert sorted(answer.status_code for answer in answers) == [200] * (CROWD - 1) + [302]
    refused = [answer for answer in answers if answer.status_code == 200]
    assert all("This code cannot be accepted" in answer.content.decode() for answer in refused)
    made = User.objects.get()
    assert uses(opened, code) == 1 and Redemption.objects.get().entry.user == made
    assert EmailAddress.objects.count() == Entry.objects.count() == 1
    assert Code.objects.filter(owner__isnull=False).count() == opened.member_codes


def test_every_refused_one_leaves_its_trace(opened: Launch, race: Race) -> None:
    code = shared_code(opened)
    answers = race(CROWD, lambda number: signs_up_by_json(visitor(), PEOPLE[number], code))
    assert sorted(answer.status_code for answer in answers) == [401] + [422] * (CROWD - 1)
    assert len({answer.content for answer in answers if answer.status_code == 422}) == 1
    assert list(Attempt.objects.values_list("reason", flat=True)) == ["code_exhausted"] * (CROWD - 1)


def test_a_code_of_five_uses_makes_five(opened: Launch, race: Race) -> None:
    code = shared_code(opened, uses=5)
    race(CROWD, lambda number: signs_up(visitor(), PEOPLE[number], code))
    assert User.objects.count() == Entry.objects.filter(user__isnull=False).count() == uses(opened, code) == 5


def test_the_control_without_a_transaction_leaves_users_behind(
    opened: Launch, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (guard, gate):
        monkeypatch.setattr(module, "transaction", SimpleNamespace(atomic=nullcontext))
    code = shared_code(opened)
    race(CROWD, lambda number: signs_up(visitor(), PEOPLE[number], code))
    assert uses(opened, code) == 1 and User.objects.count() > 1
    assert EmailAddress.objects.count() < User.objects.count()


@pytest.fixture
def no_addresses(transactional_db: None) -> Iterator[None]:
    """The database refuses every e-mail address of a user, which allauth writes last."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
            CREATE TRIGGER full_disk BEFORE INSERT ON account_emailaddress EXECUTE FUNCTION full_disk();
        """)
        yield
        cursor.execute("DROP FUNCTION full_disk() CASCADE")


def test_a_later_failure_leaves_nothing_in_the_tables(opened: Launch, no_addresses: None) -> None:
    code = shared_code(opened)
    assert signs_up(visitor(), "ada", code).status_code == 500
    assert User.objects.count() == Entry.objects.count() == uses(opened, code) == 0


def test_the_control_without_the_guards_transaction_leaves_half_a_user(
    opened: Launch, no_addresses: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "transaction", SimpleNamespace(atomic=nullcontext))
    code = shared_code(opened)
    assert signs_up(visitor(), "ada", code).status_code == 500
    assert User.objects.count() == uses(opened, code) == 1 and not EmailAddress.objects.exists()


def test_one_person_many_times_is_one_user_and_one_use(opened: Launch, race: Race) -> None:
    code = shared_code(opened, uses=CROWD)
    answers = race(CROWD, lambda _number: signs_up(visitor(), "ada", code))
    assert [answer["Location"] for answer in answers] == [LOOK_IN_INBOX] * CROWD
    assert User.objects.count() == uses(opened, code) == 1


def test_a_double_click_on_a_code_of_one_use_frightens_nobody(opened: Launch, race: Race) -> None:
    """Both clicks found the code good; the second waits for the first and sees the same next page."""
    code, waiting = shared_code(opened), visitor()
    answers = race(2, lambda _number: signs_up(waiting, "ada", code))
    assert User.objects.count() == uses(opened, code) == 1
    assert LOOK_IN_INBOX in {answer.get("Location") for answer in answers}


def test_one_person_with_many_codes_spends_one(opened: Launch, race: Race) -> None:
    codes = [shared_code(opened) for _person in PEOPLE]
    race(CROWD, lambda number: signs_up(visitor(), "ada", codes[number]))
    assert User.objects.count() == Redemption.objects.count() == 1
    assert sum(uses(opened, code) for code in codes) == 1


def test_one_mailbox_spelt_in_many_ways_is_one_user(opened: Launch, race: Race) -> None:
    code, letters = shared_code(opened, uses=CROWD), "charlottebronte"
    spelt = [f"{letters[: place + 1]}.{letters[place + 1 :]}@gmail.com" for place in range(CROWD)]
    race(CROWD, lambda number: signs_up(visitor(), "", code, email=spelt[number]))
    assert User.objects.count() == uses(opened, code) == Entry.objects.count() == 1


def test_an_invite_opened_everywhere_is_taken_once(opened: Launch, race: Race) -> None:
    entry, invite = cast.invited(opened, "ada")
    link = {"invite": tokens.invite_token(invite)}

    def takes(_number: int) -> Any:
        client = visitor()
        client.get("/sign-in", link)
        return signs_up(client, "ada")

    answers = race(CROWD, takes)
    assert not [answer for answer in answers if answer.status_code >= 500]
    assert cast.now(entry).user == User.objects.get() and uses(opened, queries.text_of(invite.code)) == 1


def test_a_single_sign_on_and_a_form_do_not_both_win(opened: Launch, race: Race) -> None:
    code = shared_code(opened)
    with single_sign_on():
        visitors = [visitor() for _person in PEOPLE]
        for number, client in enumerate(visitors[::2]):
            comes_back_from_provider(client, PEOPLE[2 * number])

        def arrives(number: int) -> Any:
            if number % 2:
                return signs_up(visitors[number], PEOPLE[number], code)
            return visitors[number].post(SOCIAL_FORM, {"email": address(PEOPLE[number]), "invite_code": code})

        answers = race(CROWD, arrives)
        assert not [answer for answer in answers if answer.status_code >= 500]
        assert User.objects.count() == uses(opened, code) == 1
        lost = [number for number in range(0, CROWD, 2) if answers[number].status_code == 200]
        assert {visitors[number].get(SOCIAL_FORM).status_code for number in lost} <= {200}  # they may type another code


def test_one_person_by_many_apps_and_single_sign_ons_is_one_user(opened: Launch, race: Race) -> None:
    code = shared_code(opened, uses=CROWD)
    body = json.dumps({"email": address("ada"), "invite_code": code})
    with single_sign_on():
        begun = [
            visitor().post(f"{APP}/provider/token", token_of_provider(name, verified=True), content_type=JSON)
            for name in PEOPLE
        ]
        sessions = [answer.json()["meta"]["session_token"] for answer in begun]

        def arrives(number: int) -> Any:
            headers = {"X-Session-Token": sessions[number]}
            return visitor().post(f"{APP}/provider/signup", body, content_type=JSON, headers=headers)

        answers = race(CROWD, arrives)
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert User.objects.count() == uses(opened, code) == 1


def test_a_log_in_for_a_member_is_made_once(opened: Launch, race: Race) -> None:
    ben = cast.ben(opened)

    def asks(_number: int) -> Any:
        client = visitor()
        client.get("/me", {"token": person_token(ben)})
        return signs_up(client, "ben")

    answers = race(CROWD, asks)
    assert not [answer for answer in answers if answer.status_code >= 500]
    assert cast.now(ben).user == User.objects.get()
