"""Making a log-in: with an invite, with a code, after proof of the mailbox, and not at all."""

import json
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from invites import queries, tokens
from invites.actions import changing, inviting, redeeming
from invites.models import Attempt, Code, Invite, Redemption
from outbox.callers import NOWHERE
from outbox.models import Delivery, Event
from tests import cast
from tests.conftest import Mailbox
from tests.signups import (
    APP,
    BROWSER,
    FORM,
    LOOK_IN_INBOX,
    PASSWORD,
    SOCIAL_FORM,
    address,
    comes_back_from_provider,
    said_by,
    shared_code,
    signs_up,
    signs_up_by_json,
    single_sign_on,
    token_of_provider,
    user_named,
)
from waitlist.actions import confirming, deciding, joining, tuning
from waitlist.channels import read
from waitlist.models import Entry, Launch
from waitlist.queries import rules_of
from waitlist.tokens import person_token, status_url

JSON = "application/json"
NOT_ACCEPTED = "This code cannot be accepted"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SIGN_UP_SECONDS = 0


@pytest.fixture
def provider() -> Iterator[None]:
    """A single sign-on is installed."""
    with single_sign_on():
        yield


def opens(client: Client, invite: Invite) -> Any:
    """Opens the link of the invite mail and follows it to the form."""
    return client.get("/sign-in", {"invite": tokens.invite_token(invite)}, follow=True)


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def tune(launch: Launch, **changes: Any) -> None:
    tuning.tune(launch, changes, by="staff:1")


def code_row(launch: Launch, text: str) -> Code:
    found = queries.code_typed(launch, text)
    assert found
    return found


def error_of(answer: Any) -> str:
    """What the form says is wrong, as it can be read on the page."""
    said = " ".join(error for errors in answer.context["form"].errors.values() for error in errors)
    assert said and said in unescape(answer.content.decode())
    return said


class TestWithAnInvite:
    """The link of the mail proves the mailbox."""

    def test_it_brings_the_invited_person_in_at_once(self, launch: Launch, client: Client) -> None:
        entry, invite = cast.invited(launch, "ada")
        opens(client, invite)
        assert signs_up(client, "ada")["Location"] == "/me"
        entry, user = cast.now(entry), user_named("ada")
        assert user and (entry.status, entry.user, user.admitted_by) == ("registered", user, f"code:{invite.code_id}")
        assert Redemption.objects.get(entry=entry).door == "sign-up"
        assert len(queries.codes_of(entry)) == launch.member_codes
        assert is_signed_in(client)

    def test_it_needs_no_second_confirmation(self, launch: Launch, client: Client, mailbox: Mailbox) -> None:
        opens(client, cast.invited(launch, "ada")[1])
        signs_up(client, "ada")
        assert EmailAddress.objects.get(email=address("ada")).verified
        assert [mail.subject for mail in mailbox.all("ada") if "onfirm your" in mail.subject] == []

    def test_its_token_leaves_the_address_bar(self, launch: Launch, client: Client) -> None:
        form = opens(client, cast.invited(launch, "ada")[1])
        assert form.redirect_chain == [(FORM, 302)]
        assert 'value="ada@example.com"' in form.content.decode() and "readonly" in form.content.decode()

    def test_it_is_for_the_invited_address_only(self, launch: Launch, client: Client) -> None:
        opens(client, cast.invited(launch, "ada")[1])
        answer = signs_up(client, "eve")
        assert error_of(answer) == "This invitation is for another address. Use the one it was sent to."
        assert not User.objects.exists()
        assert Attempt.objects.get().reason == "bound_elsewhere"

    def test_the_same_mailbox_written_otherwise_will_do(self, launch: Launch, client: Client) -> None:
        opens(client, cast.invited(launch, "ada")[1])
        signs_up(client, "ada", email="Ada@Example.com")
        assert user_named("ada")

    def test_a_phones_invite_lets_its_person_in_once_their_address_is_confirmed(
        self, launch: Launch, client: Client, mailbox: Mailbox
    ) -> None:
        entry, invite = invited_by_phone(launch)
        opens(client, invite)
        assert signs_up(client, "hal")["Location"] == LOOK_IN_INBOX
        assert cast.now(entry).user == user_named("hal") and not is_signed_in(client)
        confirms(client, mailbox, "hal")
        assert is_signed_in(client)

    def test_it_works_once(self, launch: Launch, client: Client) -> None:
        invite = cast.invited(launch, "ada")[1]
        opens(client, invite)
        signs_up(client, "ada")
        again = opens(Client(), invite)
        assert again.status_code == 410 and "You are in already" in again.content.decode()

    def test_an_app_sends_it_in_a_header(self, launch: Launch, client: Client) -> None:
        invite = cast.invited(launch, "ada")[1]
        answer = signs_up_by_json(client, "ada", headers={"X-Invite-Token": tokens.invite_token(invite)})
        assert answer.status_code == 200 and answer.json()["meta"]["is_authenticated"]

    def test_an_app_is_told_that_it_is_for_another_address(self, launch: Launch, client: Client) -> None:
        invite = cast.invited(launch, "ada")[1]
        answer = signs_up_by_json(client, "eve", headers={"X-Invite-Token": tokens.invite_token(invite)})
        assert answer.status_code == 422 and "for another address" in answer.json()["errors"][0]["message"]

    def test_a_user_who_is_invited_comes_in_with_the_log_in_they_have(self, launch: Launch, client: Client) -> None:
        user = somebody(client, "ada")
        entry, invite = cast.invited(launch, "ada")
        page = opens(client, invite)
        assert "Take my place" in page.content.decode()
        client.post("/sign-in", {"invite": tokens.invite_token(invite)})
        assert (cast.now(entry).status, cast.now(entry).user) == ("registered", user)

    def test_a_user_who_became_a_member_elsewhere_gets_their_log_in_linked(
        self, launch: Launch, client: Client
    ) -> None:
        entry, invite = cast.invited(launch, "ada")
        code = queries.text_of(invite.code)
        redeeming.redeem(launch, redeeming.Ask(cast.contact("ada"), code=code, host_user_id="h1"), by="key:1")
        user = somebody(client, "ada")
        client.post("/sign-in", {"invite": tokens.invite_token(invite)})
        assert cast.now(entry).user == user

    def test_another_users_session_does_not_take_it(self, launch: Launch, client: Client) -> None:
        somebody(client, "eve")
        entry, invite = cast.invited(launch, "ada")
        assert opens(client, invite).status_code == 403
        client.post("/sign-in", {"invite": tokens.invite_token(invite)})
        assert cast.now(entry).status == "invited"


class TestInvitesThatAreOver:
    """A token of ours hears the truth, everything else one sentence."""

    @pytest.mark.parametrize(
        ("change", "status", "said"),
        [
            ("expires_at = now()", 410, "Your invitation has run out"),
            ("status = 'revoked'", 410, "This invitation was taken back"),
            ("status = 'paused'", 410, "Not at the moment"),
            ("starts_at = now() + interval '1 day'", 410, "Not at the moment"),
        ],
    )
    def test_it_says_why(self, launch: Launch, client: Client, change: str, status: int, said: str) -> None:
        invite = cast.invited(launch, "ada")[1]
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE invites_code SET {change} WHERE id = {invite.code_id}")
        page = opens(client, invite)
        assert page.status_code == status and said in page.content.decode()

    def test_a_lapsed_one_says_that_they_are_back_in_line(self, launch: Launch, client: Client) -> None:
        entry, invite = cast.invited(launch, "ada")
        Code.objects.update(expires_at=entry.created_at)
        inviting.lapse()
        assert "You are back in line" in opens(client, invite).content.decode()

    def test_a_declined_one_says_so(self, launch: Launch, client: Client) -> None:
        entry, invite = cast.invited(launch, "ada")
        inviting.decline(entry, by=f"person:{entry.pk}")
        assert "You gave your place away" in opens(client, invite).content.decode()

    def test_a_forged_one_and_a_blocked_persons_read_the_same(self, launch: Launch, client: Client) -> None:
        entry, invite = cast.invited(launch, "ada")
        deciding.block([entry.pk], "abuse", by="staff:1")
        blocked, forged = opens(client, invite), client.get("/sign-in", {"invite": "WzEsMV0:nonsense"})
        assert plain(blocked) == plain(forged) and forged.status_code == 404

    def test_a_persons_private_token_is_no_invite(self, launch: Launch, client: Client) -> None:
        entry = cast.invited(launch, "ada")[0]
        token = person_token(entry)
        assert client.get("/sign-in", {"invite": token}).status_code == 404
        assert signs_up_by_json(client, "ada", headers={"X-Invite-Token": token}).status_code == 422

    def test_the_form_says_why_when_it_ran_out_meanwhile(self, launch: Launch, client: Client) -> None:
        invite = cast.invited(launch, "ada")[1]
        opens(client, invite)
        changing.revoke(queries.chosen(launch, code=queries.text_of(invite.code)), "a test", by="staff:1")
        assert error_of(signs_up(client, "ada")) == "This invitation was taken back."


class TestWithACode:
    """A typed code may be anybody's, so the mailbox is asked."""

    def test_a_stranger_comes_in_and_confirms_the_address(
        self, launch: Launch, client: Client, mailbox: Mailbox
    ) -> None:
        code = cast.code_of(cast.ben(launch))
        assert signs_up(client, "ada", code)["Location"] == LOOK_IN_INBOX
        assert not is_signed_in(client)
        confirms(client, mailbox, "ada")
        assert is_signed_in(client)
        entry = Entry.objects.get(canonical=address("ada"))
        assert entry.user == user_named("ada") and entry.referred_by == Entry.objects.get(canonical=address("ben"))

    def test_the_link_fills_it_in(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch)
        form = client.get("/signup", {"code": code}, follow=True)
        assert form.redirect_chain == [(FORM, 302)] and f'value="{code}"' in form.content.decode()

    def test_the_bare_form_asks_for_it(self, launch: Launch, client: Client) -> None:
        client.get("/signup", {"code": shared_code(launch)})
        form = client.get("/signup", follow=True)
        assert re.search(r'name="invite_code"(?! value)[^>]* required', form.content.decode())

    def test_it_is_forgiving(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch)
        signs_up(client, "ada", f"  {code.lower().replace('-', ' ')} ")
        assert user_named("ada")

    def test_nobody_comes_in_without_one(self, launch: Launch, client: Client) -> None:
        assert error_of(signs_up(client, "eve")) == "Type your invitation code. Without one, join the waitlist."
        assert signs_up_by_json(client, "eve").status_code == 400
        assert not User.objects.exists() and not Entry.objects.exists()

    @pytest.mark.parametrize("change", ["status = 'revoked'", "expires_at = now()", "uses = 1", "status = 'paused'"])
    def test_a_dead_one_is_refused_like_one_that_never_was(self, launch: Launch, client: Client, change: str) -> None:
        code = shared_code(launch)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE invites_code SET {change}")
        dead, unknown = signs_up(client, "ada", code), signs_up(client, "ada", "VES-ABCD-EFGH-JKLM")
        assert plain(dead).replace(code, "") == plain(unknown).replace("VES-ABCD-EFGH-JKLM", "")
        assert error_of(dead).startswith(NOT_ACCEPTED)
        assert sorted(Attempt.objects.values_list("reason", flat=True))[-1] == "code_unknown"

    def test_one_bound_to_another_address_is_refused_alike(self, launch: Launch, client: Client) -> None:
        bound = shared_code(launch, bind=read("email", address("ada")))
        answers = [signs_up_by_json(client, "eve", code) for code in (bound, "VES-ABCD-EFGH-JKLM")]
        assert [answer.status_code for answer in answers] == [422, 422]
        assert answers[0].content == answers[1].content
        assert not User.objects.exists()

    def test_what_was_typed_stays_in_the_form(self, launch: Launch, client: Client) -> None:
        page = signs_up(client, "ada", "VES-WRONG").content.decode()
        assert 'value="ada@example.com"' in page and 'value="Ada"' in page and PASSWORD not in page

    @pytest.mark.parametrize("state", ["reject", "block"])
    def test_nobody_who_was_turned_away_comes_in(self, launch: Launch, client: Client, state: str) -> None:
        getattr(deciding, state)([cast.ada(launch).pk], "a reason", by="staff:1")
        assert error_of(signs_up(client, "ada", shared_code(launch))).startswith(NOT_ACCEPTED)
        assert not User.objects.exists()

    def test_it_does_not_work_in_a_launch_that_only_takes_from_the_line(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch)
        tune(launch, mode="waitlist")
        assert error_of(signs_up(client, "ada", code)).startswith(NOT_ACCEPTED)

    def test_a_second_spelling_of_one_mailbox_is_the_same_person(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch, uses=2)
        signs_up(client, "", code, email="a.d.a@gmail.com")
        assert signs_up(Client(), "", code, email="ada@gmail.com")["Location"] == LOOK_IN_INBOX
        assert User.objects.count() == 1 and code_row(launch, code).uses == 1

    def test_a_double_click_makes_one_user_and_spends_one_use(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch, uses=2)
        assert [signs_up(Client(), "ada", code)["Location"] for _click in range(2)] == [LOOK_IN_INBOX] * 2
        assert User.objects.count() == 1 and code_row(launch, code).uses == 1


class TestOnTheListAlready:
    """A stranger with a code must not spend somebody else's place."""

    def test_nobody_is_made_and_the_mailbox_is_asked(self, launch: Launch, client: Client, mailbox: Mailbox) -> None:
        ada, code = cast.ada(launch), shared_code(launch)
        assert signs_up(client, "ada", code)["Location"] == LOOK_IN_INBOX
        assert not User.objects.exists() and cast.now(ada).status == "waiting"
        assert (code_row(launch, code).uses, code_row(launch, code).reserved) == (0, 1)
        assert "/redeem?token=" in mailbox.newest("ada").text

    def test_the_mailed_link_lets_them_in_and_offers_a_log_in(
        self, launch: Launch, client: Client, mailbox: Mailbox
    ) -> None:
        ada = cast.ada(launch)
        signs_up(Client(), "ada", shared_code(launch))
        completes(client, mailbox, "ada")
        assert cast.now(ada).status == "registered"
        assert 'href="/signup"' in client.get("/me").content.decode()
        assert signs_up(client, "ada")["Location"] == "/me"
        assert cast.now(ada).user == user_named("ada") and is_signed_in(client)
        assert Event.objects.get(kind="entry.linked").subject == f"entry:{ada.pk}"

    def test_a_log_in_is_linked_to_the_member_without_another_code(
        self, launch: Launch, client: Client, mailbox: Mailbox
    ) -> None:
        ben = cast.ben(launch)
        client.get("/me", {"token": person_token(ben)})
        form = client.get("/signup", follow=True)
        assert 'value="ben@example.com"' in form.content.decode()
        signs_up(client, "ben")
        user = user_named("ben")
        assert user and cast.now(ben).user == user and user.admitted_by == ben.invited_by

    def test_a_member_without_a_log_in_gets_one_only_by_their_mailbox(
        self, launch: Launch, client: Client, mailbox: Mailbox
    ) -> None:
        ben, code = cast.ben(launch), shared_code(launch)
        assert signs_up(client, "ben", code)["Location"] == LOOK_IN_INBOX
        assert not User.objects.exists() and code_row(launch, code).uses == 0
        assert "/me?token=" in mailbox.newest("ben").text
        assert cast.now(ben).user is None

    def test_the_private_link_of_one_person_proves_nothing_of_another(self, launch: Launch, client: Client) -> None:
        cast.ada(launch)
        client.get("/me", {"token": person_token(cast.ben(launch))})
        assert error_of(signs_up(client, "ada")).startswith("Type your invitation code")
        assert signs_up(client, "ada", shared_code(launch))["Location"] == LOOK_IN_INBOX
        assert not User.objects.exists()

    def test_with_their_own_link_open_a_friends_code_works_at_once(self, launch: Launch, client: Client) -> None:
        ada = cast.ada(launch)
        client.get("/me", {"token": person_token(ada)})
        assert signs_up(client, "ada", shared_code(launch))["Location"] == "/me"
        assert cast.now(ada).user == user_named("ada") and is_signed_in(client)


class TestNothingIsLearnt:
    """Whoever stands behind an address, the answer is the same, byte for byte."""

    @pytest.fixture
    def people(self, launch: Launch) -> list[str]:
        """Somebody unheard of, with a log-in, in line, not confirmed yet, and in without a log-in."""
        somebody(Client(), "user1")
        cast.waits(launch, "waits")
        cast.joins(launch, "joind")
        cast.registers(launch, "membr")
        return ["nobdy", "user1", "waits", "joind", "membr"]

    def test_by_the_form(self, launch: Launch, people: list[str]) -> None:
        code = shared_code(launch, uses=9)
        seen = {name: seen_by_form(name, code) for name in people}
        assert set(seen.values()) == {seen["nobdy"]}

    def test_by_the_form_with_a_wrong_code(self, launch: Launch, people: list[str]) -> None:
        assert len({seen_by_form(name, "VES-ABCD-EFGH-JKLM") for name in people}) == 1

    def test_by_the_form_without_a_code(self, launch: Launch, people: list[str]) -> None:
        assert len({seen_by_form(name, "") for name in people}) == 1

    @pytest.mark.parametrize("where", [APP, BROWSER])
    @pytest.mark.parametrize("good", [True, False])
    def test_by_json(self, launch: Launch, people: list[str], where: str, good: bool) -> None:
        code = shared_code(launch, uses=9) if good else "VES-ABCD-EFGH-JKLM"
        assert len({seen_by_json(name, code, where) for name in people}) == 1

    def test_in_an_open_launch(self, launch: Launch, people: list[str]) -> None:
        tune(launch, mode="open")
        assert len({seen_by_form(name, "") for name in people}) == 1

    def test_after_a_single_sign_on(self, launch: Launch, people: list[str], provider: None) -> None:
        code = shared_code(launch, uses=9)
        assert len({seen_after_single_sign_on(name, code) for name in people}) == 1

    def test_by_asking_for_a_code_to_sign_in(self, launch: Launch, people: list[str]) -> None:
        path, users = "/accounts/login/code/", User.objects.count()
        seen = {name: plain(Client().post(path, {"email": address(name)}, follow=True), name) for name in people}
        assert len(set(seen.values())) == 1 and User.objects.count() == users

    def test_by_the_time_it_takes(self, launch: Launch, people: list[str], settings: Settings) -> None:
        settings.SIGN_UP_SECONDS, code = 0.4, shared_code(launch, uses=9)
        took = [seconds_of(partial(signs_up, Client(), name, code)) for name in people]
        assert min(took) >= 0.4

    def test_each_of_them_gets_one_mail(self, launch: Launch, people: list[str], mailbox: Mailbox) -> None:
        code = shared_code(launch, uses=9)
        before = {name: len(mailbox.all(name)) for name in people}
        for name in people:
            signs_up(Client(), name, code)
        welcome = {"nobdy": 1}  # they are in, and get their codes too
        assert {name: len(mailbox.all(name)) - before[name] - welcome.get(name, 0) for name in people} == dict.fromkeys(
            people, 1
        )


class TestSingleSignOn:
    """Who comes by another service is asked for the code like everybody."""

    def test_it_cannot_walk_past(self, launch: Launch, client: Client, provider: None) -> None:
        assert comes_back_from_provider(client, "eve", verified=True)["Location"] == SOCIAL_FORM
        client.post(SOCIAL_FORM, {"email": address("eve")})
        assert client.post(f"{BROWSER}/provider/token", token_of_provider("eve"), content_type=JSON).status_code == 401
        assert not User.objects.exists() and not SocialAccount.objects.exists()

    def test_not_even_where_signing_up_is_automatic(
        self, launch: Launch, client: Client, provider: None, settings: Settings
    ) -> None:
        settings.SOCIALACCOUNT_AUTO_SIGNUP = True
        comes_back_from_provider(client, "eve", verified=True)
        assert not User.objects.exists()

    def test_the_form_takes_the_code(self, launch: Launch, client: Client, provider: None) -> None:
        comes_back_from_provider(client, "ada", verified=True)
        code = shared_code(launch)
        assert client.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": code})["Location"] == "/me"
        entry = Entry.objects.get(canonical=address("ada"))
        assert SocialAccount.objects.get().user == entry.user and code_row(launch, code).uses == 1

    def test_a_refused_code_can_be_typed_anew(self, launch: Launch, client: Client, provider: None) -> None:
        comes_back_from_provider(client, "ada", verified=True)
        refused = client.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": "VES-WRONG"})
        assert error_of(refused).startswith(NOT_ACCEPTED)
        client.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": shared_code(launch)})
        assert user_named("ada")

    def test_the_invite_outlives_the_way_there_and_back(self, launch: Launch, client: Client, provider: None) -> None:
        entry, invite = cast.invited(launch, "ada")
        opens(client, invite)
        comes_back_from_provider(client, "ada")
        assert client.post(SOCIAL_FORM, {"email": address("ada")})["Location"] == "/me"
        assert cast.now(entry).user == user_named("ada")

    def test_what_a_provider_says_does_not_spend_a_place_in_line(
        self, launch: Launch, client: Client, provider: None
    ) -> None:
        ada = cast.ada(launch)
        comes_back_from_provider(client, "ada", verified=True)
        answer = client.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": shared_code(launch)})
        assert answer["Location"] == LOOK_IN_INBOX
        assert cast.now(ada).status == "waiting" and not User.objects.exists()

    def test_an_app_hands_over_the_code_after_the_token(self, launch: Launch, client: Client, provider: None) -> None:
        begun = client.post(f"{APP}/provider/token", token_of_provider("ada", verified=True), content_type=JSON)
        headers = {"X-Session-Token": begun.json()["meta"]["session_token"]}
        body = {"email": address("ada"), "invite_code": "VES-WRONG"}
        refused = client.post(f"{APP}/provider/signup", json.dumps(body), content_type=JSON, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "invite_not_accepted")
        body["invite_code"] = shared_code(launch)
        made = client.post(f"{APP}/provider/signup", json.dumps(body), content_type=JSON, headers=headers)
        assert made.status_code == 200 and user_named("ada")


class TestSomebodyElsesAddress:
    """Who signs a stranger up does not share the account when the stranger comes."""

    def test_an_address_that_a_provider_merely_names_keeps_nobody_out(
        self, launch: Launch, client: Client, provider: None
    ) -> None:
        eve, (entry, invite) = Client(), cast.invited(launch, "ada")
        comes_back_from_provider(eve, "ada", verified=True)
        eve.post(SOCIAL_FORM, {"email": address("eve"), "invite_code": shared_code(launch)})
        assert list(EmailAddress.objects.values_list("email", flat=True)) == [address("eve")]
        opens(client, invite)
        assert signs_up(client, "ada")["Location"] == "/me" and cast.now(entry).user == user_named("ada")

    def test_a_sign_on_of_eves_is_forgotten_once_ada_chooses_a_password(
        self, launch: Launch, client: Client, provider: None, mailbox: Mailbox
    ) -> None:
        eve, code = Client(), shared_code(launch)
        comes_back_from_provider(eve, "eve")
        eve.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": code})
        chooses_password(client, mailbox, "ada")
        client.post("/accounts/login/", {"login": address("ada"), "password": PASSWORD})
        confirms(client, mailbox, "ada")
        assert is_signed_in(client)
        comes_back_from_provider(eve, "eve")
        assert not is_signed_in(eve)

    def test_a_confirmed_users_own_sign_on_stays(
        self, launch: Launch, client: Client, provider: None, mailbox: Mailbox
    ) -> None:
        comes_back_from_provider(client, "ada", verified=True)
        client.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": shared_code(launch)})
        chooses_password(Client(), mailbox, "ada")
        again = Client()
        comes_back_from_provider(again, "ada")
        assert is_signed_in(again)


class TestWhoIsInStaysIn:
    """The gate is for new people."""

    @pytest.fixture(autouse=True)
    def closed(self, launch: Launch, provider: None) -> None:
        """Ada has a log-in and a single sign-on; then the launch is closed."""
        client = Client()
        comes_back_from_provider(client, "ada", verified=True)
        client.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": shared_code(launch)})
        user = user_named("ada")
        assert user
        user.set_password(PASSWORD)
        user.save()
        tune(launch, enabled=False)

    def test_with_a_password(self, client: Client) -> None:
        client.post("/accounts/login/", {"login": address("ada"), "password": PASSWORD})
        assert is_signed_in(client)

    def test_with_a_code_from_the_mailbox(self, client: Client, mailbox: Mailbox) -> None:
        client.post("/accounts/login/code/", {"email": address("ada")})
        code = mailed_code(mailbox, "ada")
        client.post("/accounts/login/code/confirm/", {"code": code})
        assert is_signed_in(client)

    def test_with_a_single_sign_on(self, client: Client) -> None:
        comes_back_from_provider(client, "ada")
        assert is_signed_in(client)

    def test_by_json(self, client: Client) -> None:
        body = json.dumps({"email": address("ada"), "password": PASSWORD})
        assert client.post(f"{APP}/login", body, content_type=JSON).status_code == 200

    def test_while_nobody_new_comes_in(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch, uses=9)
        assert "Closed for now" in signs_up(client, "eve", code).content.decode()
        refused = signs_up_by_json(client, "eve", code)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "launch_closed")
        assert comes_back_from_provider(client, "eve").status_code == 200
        assert User.objects.count() == 1


class TestAnOpenLaunch:
    """Everybody may register."""

    @pytest.fixture(autouse=True)
    def opened(self, launch: Launch) -> None:
        tune(launch, mode="open")

    def test_anybody_comes_in(self, launch: Launch, client: Client, mailbox: Mailbox) -> None:
        signs_up(client, "ada")
        entry, user = Entry.objects.get(canonical=address("ada")), user_named("ada")
        assert user and (user.admitted_by, entry.invited_by, entry.user, entry.status) == (
            "open",
            "open",
            user,
            "registered",
        )

    def test_a_code_counts_all_the_same(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch, tier="pro")
        signs_up(client, "ada", code)
        assert Entry.objects.get(canonical=address("ada")).tier == "pro" and code_row(launch, code).uses == 1

    def test_who_is_in_line_comes_in_by_their_mailbox(self, launch: Launch, client: Client, mailbox: Mailbox) -> None:
        ada = cast.ada(launch)
        signs_up(Client(), "ada")
        assert cast.now(ada).status == "waiting" and not User.objects.exists()
        client.get(next(link for link in mailbox.newest("ada").links if "/me?" in link))
        assert signs_up(client, "ada")["Location"] == "/me"
        assert cast.now(ada).user == user_named("ada")

    def test_nobody_who_was_blocked_comes_in(self, launch: Launch, client: Client) -> None:
        deciding.block([cast.ada(launch).pk], "abuse", by="staff:1")
        assert error_of(signs_up(client, "ada")).startswith(NOT_ACCEPTED)


class TestSomebodyWasFaster:
    """The code was good when the form was read, and gone when it was spent."""

    @pytest.fixture
    def code(self, launch: Launch) -> str:
        """While a user is being saved, somebody else takes the last use."""
        with connection.cursor() as cursor:
            cursor.execute("""
                CREATE FUNCTION be_faster() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN UPDATE invites_code SET uses = max_uses; RETURN NULL; END $$;
                CREATE TRIGGER be_faster AFTER INSERT ON accounts_user EXECUTE FUNCTION be_faster();
            """)
        return shared_code(launch)

    def nobody_is_faster(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION be_faster() CASCADE")

    def test_the_form_comes_back_with_what_was_typed(self, launch: Launch, client: Client, code: str) -> None:
        before = rows()
        answer = signs_up(client, "ada", code)
        assert error_of(answer).startswith(NOT_ACCEPTED) and 'value="ada@example.com"' in answer.content.decode()
        assert rows() == before and Attempt.objects.get().reason == "code_exhausted"
        self.nobody_is_faster()
        assert signs_up(client, "ada", code)["Location"] == LOOK_IN_INBOX

    @pytest.mark.parametrize("where", [APP, BROWSER])
    def test_json_says_it_as_it_says_every_refusal(self, client: Client, code: str, where: str) -> None:
        before = rows()
        late, early = (
            signs_up_by_json(client, "ada", code, where=where),
            signs_up_by_json(client, "ada", "x", where=where),
        )
        assert (late.status_code, late.content) == (422, early.content)
        assert rows() == before

    def test_a_single_sign_on_need_not_begin_anew(self, client: Client, provider: None, code: str) -> None:
        comes_back_from_provider(client, "ada", verified=True)
        said = {"email": address("ada"), "invite_code": code}
        assert error_of(client.post(SOCIAL_FORM, said)).startswith(NOT_ACCEPTED)
        self.nobody_is_faster()
        assert client.post(SOCIAL_FORM, said)["Location"] == "/me"

    def test_nor_does_an_apps(self, client: Client, provider: None, code: str) -> None:
        begun = client.post(f"{APP}/provider/token", token_of_provider("ada", verified=True), content_type=JSON)
        headers = {"X-Session-Token": begun.json()["meta"]["session_token"]}
        said, path = json.dumps({"email": address("ada"), "invite_code": code}), f"{APP}/provider/signup"
        assert client.post(path, said, content_type=JSON, headers=headers).status_code == 422
        self.nobody_is_faster()
        assert client.post(path, said, content_type=JSON, headers=headers).status_code == 200


class TestAlwaysOvertaken:
    """The database says each time that somebody made this user in the same instant."""

    @pytest.fixture(autouse=True)
    def overtaken(self, launch: Launch) -> None:
        with connection.cursor() as cursor:
            cursor.execute("""
                CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE unique_violation USING CONSTRAINT = 'accounts_user_email_key'; END $$;
                CREATE TRIGGER overtake BEFORE INSERT ON accounts_user EXECUTE FUNCTION overtake();
            """)

    def test_the_form_gives_up_without_a_trace(self, launch: Launch, client: Client) -> None:
        code = shared_code(launch)
        assert signs_up(client, "ada", code)["Location"] == FORM
        assert NOT_ACCEPTED in client.get(FORM).content.decode() and code_row(launch, code).uses == 0

    def test_so_does_an_app_after_a_single_sign_on(self, launch: Launch, client: Client, provider: None) -> None:
        begun = client.post(f"{APP}/provider/token", token_of_provider("ada", verified=True), content_type=JSON)
        headers = {"X-Session-Token": begun.json()["meta"]["session_token"]}
        said, path = json.dumps({"email": address("ada"), "invite_code": shared_code(launch)}), f"{APP}/provider/signup"
        assert client.post(path, said, content_type=JSON, headers=headers).status_code == 422


class TestAllOrNothing:
    """Whatever fails, nothing is left behind."""

    @pytest.fixture
    def no_addresses(self, db: None) -> Callable[[], None]:
        """The database refuses every e-mail address of a user, which allauth writes last."""
        with connection.cursor() as cursor:
            cursor.execute("""
                CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
                CREATE TRIGGER full_disk BEFORE INSERT ON account_emailaddress EXECUTE FUNCTION full_disk();
            """)

        def mend() -> None:
            with connection.cursor() as cursor:
                cursor.execute("DROP FUNCTION full_disk() CASCADE")

        return mend

    def test_a_later_failure_leaves_nothing(
        self, launch: Launch, provider: None, no_addresses: Callable[[], None]
    ) -> None:
        code, client = shared_code(launch), Client(raise_request_exception=False)
        before = rows()
        comes_back_from_provider(client, "ada")
        broken = [signs_up(client, "ada", code), signs_up_by_json(client, "ada", code)]
        broken.append(client.post(SOCIAL_FORM, {"email": address("ada"), "invite_code": code}))
        assert [answer.status_code for answer in broken] == [500, 500, 500]
        assert rows() == before and code_row(launch, code).uses == 0
        no_addresses()
        assert signs_up(client, "ada", code)["Location"] == LOOK_IN_INBOX

    def test_a_user_whom_nobody_admitted_is_refused_by_the_database(self, launch: Launch) -> None:
        with pytest.raises(IntegrityError, match="user_was_admitted"), transaction.atomic():
            User(email=address("eve"), password="!").save()

    def test_without_our_adapter_the_database_still_refuses(
        self, launch: Launch, client: Client, settings: Settings
    ) -> None:
        settings.ACCOUNT_ADAPTER = "allauth.account.adapter.DefaultAccountAdapter"
        answers = [
            signs_up(client, "eve", shared_code(launch, uses=9)),
            signs_up_by_json(client, "eve", shared_code(launch)),
        ]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert not User.objects.exists()

    def test_a_view_that_is_not_behind_the_gate_makes_nobody(
        self, launch: Launch, client: Client, settings: Settings
    ) -> None:
        settings.ROOT_URLCONF = "tests.bare_urls"
        assert signs_up(client, "eve", shared_code(launch)).status_code == 403
        assert not User.objects.exists()

    def test_every_refused_code_leaves_its_trace(self, launch: Launch, client: Client) -> None:
        signs_up(client, "eve", "VES-ABCD-EFGH-JKLM", HTTP_USER_AGENT="curl")
        signs_up_by_json(client, "eve", "VES-ABCD-EFGH-JKLM")
        found = Attempt.objects.values_list("door", "reason", "network")
        assert list(found) == [("sign-up", "code_unknown", "127.0.0.1")] * 2


class TestOpeningChangesNothing:
    """A link scanner follows every link."""

    def test_no_link_and_no_page_writes_a_row(self, launch: Launch, client: Client) -> None:
        _entry, invite = cast.invited(launch, "ada")
        member, code = cast.ben(launch), shared_code(launch)
        links = [tokens.signup_url(invite), tokens.share_url(code), "/signup", "/sign-in", FORM, "/accounts/login/"]
        links += ["/sign-in?invite=nonsense", status_url(member), FORM, LOOK_IN_INBOX, SOCIAL_FORM]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            for link in links:
                assert client.get(link, follow=True).status_code in (200, 404)
                assert client.head(link, follow=True).status_code in (200, 404)
            transaction.set_rollback(True)


class TestBadInput:
    """400 with the field named, and never a 5xx."""

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "nonsense"),
            ("email", "a" * 250 + "@example.com"),
            ("email", "ada@exa\x00mple.com"),
            ("name", "A" * 201),
            ("name", "Ada\x00"),
            ("name", "Ada \ud800"),
            ("password", "short"),
            ("password", "\ud800" * 12),
            ("password", "correct horse\x00"),
            ("email", ["ada@example.com"]),
            ("invite_code", {"a": 1}),
            ("invite_code", "C" * 101),
        ],
    )
    def test_by_json(self, launch: Launch, client: Client, field: str, value: Any) -> None:
        body = {"email": address("ada"), "password": PASSWORD, "invite_code": shared_code(launch), field: value}
        answer = client.post(f"{APP}/signup", json.dumps(body), content_type=JSON)
        assert answer.status_code in (400, 422), answer.content
        assert not User.objects.exists() and not Entry.objects.exists()

    @pytest.mark.parametrize("body", ["", "[]", "{", "[" * 100_000, '"x"', "\ud800".encode("utf-8", "surrogatepass")])
    def test_that_is_no_json_object(self, launch: Launch, client: Client, body: Any) -> None:
        for path in (f"{APP}/signup", f"{BROWSER}/signup", f"{APP}/login", "/_allauth/app/v1/tokens/refresh"):
            assert client.post(path, body, content_type=JSON).status_code == 400

    def test_by_the_form(self, launch: Launch, client: Client) -> None:
        for said in (
            {"email": "nonsense"},
            {"email": "a" * 250 + "@example.com"},
            {"name": "x\x00"},
            {"password1": "1"},
        ):
            assert client.post(FORM, said_by("ada", shared_code(launch)) | said).status_code == 200
        assert not User.objects.exists()


class TestMails:
    """allauth's mails go through the outbox, sealed."""

    def test_they_stand_sealed_in_the_same_transaction(self, launch: Launch, client: Client) -> None:
        signs_up(client, "ada", shared_code(launch))
        owed = Delivery.objects.get(name="account")
        user = user_named("ada")
        assert user and owed.subject == f"user:{user.pk}" and b"@" not in bytes(owed.sealed or b"")

    def test_their_links_never_come_from_the_request(
        self, launch: Launch, client: Client, mailbox: Mailbox, settings: Settings
    ) -> None:
        settings.ALLOWED_HOSTS = ["*"]
        somebody(client, "ada")
        for path in ("/accounts/password/reset/", "/accounts/login/code/"):
            for name in ("ada", "nobody"):
                Client().post(path, {"email": address(name)}, headers={"host": "evil.example"})
        mails = mailbox.all("ada") + mailbox.all("nobody")
        assert mails and not [mail.text for mail in mails if "evil" in mail.text + str(mail.headers)]
        link = next(link for mail in mails for link in mail.links if "/password/reset/key/" in link)
        assert link.startswith("http://testserver/") and client.get(link, follow=True).status_code == 200


class TestWithoutRedis:
    """A lost cache locks nobody out."""

    @pytest.fixture(autouse=True)
    def lost(self, settings: Settings) -> None:
        options = {"SOCKET_CONNECT_TIMEOUT": 0.3, "SOCKET_TIMEOUT": 0.5, "IGNORE_EXCEPTIONS": True}
        backend = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0", "OPTIONS": options}
        settings.CACHES = {"default": backend}

    def test_people_sign_up_and_sign_in(self, launch: Launch, client: Client, mailbox: Mailbox) -> None:
        signs_up(client, "ada", shared_code(launch))
        confirms(client, mailbox, "ada")
        assert is_signed_in(client)
        again = Client()
        again.post("/accounts/login/", {"login": address("ada"), "password": PASSWORD})
        assert is_signed_in(again)

    def test_by_a_mailed_code_too(self, launch: Launch, client: Client, mailbox: Mailbox) -> None:
        somebody(Client(), "ada")
        client.post("/accounts/login/code/", {"email": address("ada")})
        client.post("/accounts/login/code/confirm/", {"code": mailed_code(mailbox, "ada")})
        assert is_signed_in(client)


def invited_by_phone(launch: Launch) -> tuple[Entry, Invite]:
    """Hal waits by phone and is invited."""
    rules = rules_of(None)
    assert rules
    application = joining.Application(read("phone", "+44 20 7946 0958"), name="Hal")
    joined = joining.join(rules, application, by="public", origin=NOWHERE)
    confirming.confirm(joined.entry_id, by="public")
    inviting.invite(launch, [joined.entry_id], by="staff:1")
    invite = Invite.objects.select_related("code", "entry__launch").get(entry=joined.entry_id)
    return invite.entry, invite


def somebody(client: Client, name: str) -> User:
    """A user who did not come by this launch, signed in."""
    user = User.objects.create_user(address(name), PASSWORD, admitted_by="staff:test")
    EmailAddress.objects.create(user=user, email=address(name), verified=True, primary=True)
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return user


def mailed_code(mailbox: Mailbox, name: str) -> str:
    """The code of the newest mail that asks to type one."""
    texts = "\n".join(mail.text for mail in mailbox.all(name))
    found = re.search(r"(?:asks for it|sign in): (\w{4}-\w{4})\s", texts)
    assert found, texts
    return found[1]


def chooses_password(client: Client, mailbox: Mailbox, name: str) -> None:
    """Asks for the mail, follows its link, and chooses."""
    client.post("/accounts/password/reset/", {"email": address(name)})
    link = next(link for mail in mailbox.all(name) for link in mail.links if "/password/reset/key/" in link)
    form = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": PASSWORD, "password2": PASSWORD})


def confirms(client: Client, mailbox: Mailbox, name: str) -> None:
    """Types the code of the mail."""
    client.post(LOOK_IN_INBOX, {"code": mailed_code(mailbox, name)})


def completes(client: Client, mailbox: Mailbox, name: str) -> None:
    """Follows the mailed link and presses the button."""
    link = next(link for link in mailbox.newest(name).links if "/redeem?token=" in link)
    assert client.get(link).status_code == 200
    client.post("/redeem", {"token": parse_qs(urlsplit(link).query)["token"][0]})


def plain(answer: Any, name: str = "nobody") -> str:
    """What can be seen of an answer, without who asked and without the form's own secrets."""
    body = re.sub(r'name="(csrfmiddlewaretoken|next)" value="[^"]+"', "", answer.content.decode())
    body = body.replace(name, "NAME").replace(name.title(), "Name")
    return f"{answer.status_code} {answer.get('Location', '')} {body}"


def seen_by_form(name: str, code: str) -> str:
    client = Client()
    first = signs_up(client, name, code)
    cookies = sorted(client.cookies)
    return f"{plain(first, name)} {cookies} {plain(client.get(LOOK_IN_INBOX), name)}"


def seen_by_json(name: str, code: str, where: str) -> str:
    answer = signs_up_by_json(Client(), name, code, where=where)
    body = answer.json()
    body.get("meta", {}).pop("session_token", None)
    return f"{answer.status_code} {json.dumps(body)}".replace(name, "NAME")


def seen_after_single_sign_on(name: str, code: str) -> str:
    client = Client()
    comes_back_from_provider(client, name)
    first = client.post(SOCIAL_FORM, {"email": address(name), "invite_code": code})
    return f"{plain(first, name)} {sorted(client.cookies)} {plain(client.get(LOOK_IN_INBOX), name)}"


def seconds_of(act: Callable[[], Any]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def rows() -> dict[str, int]:
    """How many rows there are of everything a sign-up writes."""
    models: list[Any] = [User, EmailAddress, SocialAccount, Entry, Code, Redemption, Event, Delivery]
    return {model.__name__: model.objects.count() for model in models}
