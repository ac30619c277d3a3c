"""What follows wrong codes: a wait for where they come from, work for strangers while they come from everywhere, and
neither for a code's owner."""

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import altcha
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from config.limits import Counters
from invites import queries, tokens
from invites.cooling import BURST, CROWD, RUN
from invites.models import Attempt
from outbox.callers import DEVICE_COOKIE, new_device
from quality import challenge
from quality.models import Refusal
from tests import cast
from tests.conftest import Api
from tests.limited import EVES_NETWORK, in_force, redeems, refused, without_redis
from tests.signups import BROWSER, FORM, PASSWORD, address, said_by, shared_code, signs_up_by_json, user_named
from waitlist.models import Entry, Launch
from waitlist.tokens import person_token, status_url

pytestmark = pytest.mark.django_db
BEN = "ben@example.com"


@pytest.fixture(autouse=True)
def counters(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Counters:
    """Limits in force, and challenges that are cheap to solve."""
    monkeypatch.setattr(challenge, "COST", 1)
    return in_force(monkeypatch, settings)


@pytest.fixture
def lost_redis(settings: Settings, counters: Counters) -> None:
    """A Redis that nobody answers for, and that everybody knows of."""
    without_redis(settings)


def browser() -> Api:
    """A browser that looked at a page of ours before."""
    api = Api()
    api.cookies[DEVICE_COOKIE] = new_device()
    return api


def statuses(api: Api, count: int = RUN, **said: Any) -> set[int]:
    """What so many wrong codes are answered, each for another contact."""
    return {redeems(api, email=f"x{n}@example.com", **said).status_code for n in range(count)}


# The wait


def test_a_run_of_wrong_codes_brings_a_wait(launch: Launch) -> None:
    eve = browser()
    assert statuses(eve) == {422}
    said = redeems(eve)
    assert (said.status_code, said.json()["code"]) == (429, "rate_limited")
    assert 590 <= int(said["Retry-After"]) <= 600
    row = Refusal.objects.get()
    assert (row.rule, row.result, row.network) == ("redeem:wrong-codes:network+device", "cooled", EVES_NETWORK)


def test_another_browser_beside_her_goes_on(launch: Launch) -> None:
    eve = browser()
    statuses(eve)
    assert redeems(eve).status_code == 429
    assert redeems(browser()).status_code == 422


def test_a_program_waits_for_the_contact_it_names(api: Api, launch: Launch) -> None:
    assert {redeems(api).status_code for _n in range(RUN)} == {422}
    assert redeems(api).status_code == 429
    assert redeems(api, email=BEN).status_code == 422


def test_a_crowds_wrong_codes_bring_a_wait_for_the_network(api: Api, launch: Launch) -> None:
    refused(launch, CROWD - 1)
    assert redeems(api, email=BEN).status_code == 422
    assert redeems(browser(), email=BEN).status_code == 429
    assert redeems(api, email=BEN, REMOTE_ADDR="198.51.100.7").status_code == 422


def test_the_next_wait_is_longer(launch: Launch) -> None:
    refused(launch, RUN, device="1", at=timezone.now() - timedelta(minutes=15), network="192.0.2.1")
    eve = browser()
    number = eve.cookies[DEVICE_COOKIE].value.rpartition(":")[0]
    refused(launch, RUN, device=number, at=timezone.now() - timedelta(minutes=15))
    assert statuses(eve) == {422}
    assert 1190 <= int(redeems(eve)["Retry-After"]) <= 1200


def test_a_good_code_opens_nothing_while_one_waits(api: Api, launch: Launch) -> None:
    code = shared_code(launch)
    refused(launch, CROWD)
    assert redeems(api, code).status_code == 429
    assert not Entry.objects.exists()


def test_it_is_written_on_the_page_of_the_form(client: Client, launch: Launch) -> None:
    refused(launch, CROWD)
    said = client.post(FORM, said_by("eve", "WRONG"), REMOTE_ADDR=EVES_NETWORK)
    assert (said.status_code, int(said["Retry-After"]) > 500) == (429, True)
    assert "Try again in" in said.content.decode()


def test_wrong_codes_in_the_form_bring_the_same_wait(client: Client, launch: Launch) -> None:
    client.get(FORM)
    said = [client.post(FORM, said_by(f"x{n}", "WRONG")).status_code for n in range(RUN + 1)]
    assert said == [200] * RUN + [429]


def test_a_flushed_cache_forgets_no_wait(launch: Launch) -> None:
    eve = browser()
    statuses(eve)
    cache.clear()
    assert redeems(eve).status_code == 429


@pytest.mark.usefixtures("lost_redis")
def test_nor_does_a_lost_redis(launch: Launch) -> None:
    eve = browser()
    assert statuses(eve) == {422}
    assert redeems(eve).status_code == 429
    assert redeems(browser()).status_code == 422


# Never for a code's owner


@pytest.fixture(params=["wait", "work"])
def trouble(request: pytest.FixtureRequest, launch: Launch) -> None:
    """Eve tried so many codes that her network waits, or so many tried from everywhere that strangers work."""
    if request.param == "wait":
        refused(launch, CROWD)
    else:
        burst(launch)


def burst(launch: Launch) -> None:
    """Wrong codes come from everywhere."""
    for n in range(BURST // 10):
        refused(launch, 10, network=f"198.51.100.{n}")


@pytest.mark.usefixtures("trouble")
def test_a_stranger_is_stopped_or_asked(api: Api, launch: Launch) -> None:
    assert redeems(api, shared_code(launch)).status_code in (403, 429)


@pytest.mark.usefixtures("trouble")
def test_who_types_the_code_that_was_made_for_them_passes(api: Api, launch: Launch) -> None:
    _ada, offer = cast.invited(launch, "ada")
    code = queries.text_of(offer.code)
    assert redeems(api, code, BEN).status_code in (403, 429)
    assert redeems(api, code.lower(), "ada@example.com").status_code == 200


@pytest.mark.usefixtures("trouble")
def test_who_shows_their_private_link_passes_with_any_code(api: Api, launch: Launch) -> None:
    ada = cast.ada(launch)
    api.with_token(person_token(ada))
    assert redeems(api, shared_code(launch), BEN).status_code in (403, 429)
    assert redeems(api, shared_code(launch), "ada@example.com").status_code == 200


@pytest.mark.usefixtures("trouble")
def test_a_key_passes(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    assert redeems(api.with_key(key("codes:redeem")), shared_code(launch)).status_code == 200


@pytest.mark.usefixtures("trouble")
def test_the_mailed_link_passes_the_form(client: Client, launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    client.get(tokens.signup_url(offer), REMOTE_ADDR=EVES_NETWORK)
    assert "data-challenge" not in client.get(FORM, REMOTE_ADDR=EVES_NETWORK).content.decode()
    client.post(FORM, said_by("ada"), REMOTE_ADDR=EVES_NETWORK)
    assert cast.now(ada).status == "registered"


@pytest.mark.usefixtures("trouble")
def test_an_app_that_sends_the_mailed_token_passes(client: Client, launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    headers = {"X-Invite-Token": tokens.invite_token(offer)}
    signs_up_by_json(client, "ada", headers=headers, REMOTE_ADDR=EVES_NETWORK)
    assert cast.now(ada).status == "registered"


@pytest.mark.usefixtures("trouble")
def test_the_private_link_in_a_browser_passes_the_form(client: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    client.get(status_url(ada), REMOTE_ADDR=EVES_NETWORK)
    client.post(FORM, said_by("ada", shared_code(launch)), REMOTE_ADDR=EVES_NETWORK)
    assert cast.now(ada).status == "registered"


@pytest.mark.usefixtures("trouble")
def test_a_button_behind_the_mailed_link_works(client: Client, launch: Launch) -> None:
    _ada, offer = cast.invited(launch, "ada")
    said = client.post("/sign-in", {"invite": tokens.invite_token(offer)}, REMOTE_ADDR=EVES_NETWORK)
    assert said.status_code == 302  # on to the log-in


@pytest.mark.usefixtures("trouble")
def test_what_is_eves_own_opens_nothing_beside_it(api: Api, launch: Launch) -> None:
    eve, offer = cast.invited(launch, "eve")
    own, guess = queries.text_of(offer.code), shared_code(launch)
    beside_her_code = redeems(api, guess, invite_code=own)
    beside_her_contact = redeems(api.with_token(person_token(eve)), guess, BEN, login="eve@example.com")
    assert {beside_her_code.status_code, beside_her_contact.status_code} <= {403, 429}


def test_a_code_in_a_list_is_a_code(client: Client, launch: Launch) -> None:
    """The forms read what is no text as text; a guess in that dress is a guess, whatever link comes with it."""
    _eve, offer = cast.invited(launch, "eve")
    refused(launch, CROWD)
    headers = {"X-Invite-Token": tokens.invite_token(offer)}
    guess: Any = [shared_code(launch)]
    said = signs_up_by_json(client, "mallory", guess, headers=headers, REMOTE_ADDR=EVES_NETWORK)
    assert (said.status_code, user_named("mallory")) == (429, None)


def test_a_code_in_the_cookie_is_a_code(client: Client, launch: Launch) -> None:
    """A link leaves its code in a cookie, which is tried where none is typed; a token that nobody reads does not cover it."""
    _eve, offer = cast.invited(launch, "eve")
    refused(launch, CROWD)
    client.get(f"/signup?code={shared_code(launch)}")
    body = {"email": address("mallory"), "password": PASSWORD, "invite": tokens.invite_token(offer)}
    said = client.post(f"{BROWSER}/signup", body, content_type="application/json", REMOTE_ADDR=EVES_NETWORK)
    assert (said.status_code, user_named("mallory")) == (429, None)


def test_space_around_a_contact_makes_it_no_other(api: Api, launch: Launch) -> None:
    said = [redeems(api, email=f"{' ' * 500}{BEN}").status_code for _n in range(RUN + 1)]
    assert said == [422] * RUN + [429]


def test_a_private_link_is_no_licence_to_guess(api: Api, launch: Launch) -> None:
    api.with_token(person_token(cast.ada(launch)))
    said = [redeems(api, email="ada@example.com").status_code for _n in range(RUN + 1)]
    assert said == [422] * RUN + [429]


def test_who_guessed_still_types_the_code_that_was_made_for_them(api: Api, launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    api.with_token(person_token(ada))
    for _n in range(RUN):
        redeems(api, email="ada@example.com")
    assert redeems(api, queries.text_of(offer.code), "ada@example.com").status_code == 200


@pytest.mark.parametrize("token", ["x", "", "e" * 4000, "x:y:z"])
def test_a_forged_token_is_no_link(client: Client, launch: Launch, token: str) -> None:
    refused(launch, CROWD)
    said = signs_up_by_json(client, "eve", headers={"X-Invite-Token": token}, REMOTE_ADDR=EVES_NETWORK)
    assert said.status_code == 429


# The proof of work


def solution(asked: dict[str, Any]) -> dict[str, Any]:
    """What a client finds."""
    read = altcha.Challenge.from_dict(asked)
    found = altcha.solve_challenge(read)
    assert found
    return altcha.Payload(read, found).to_dict()


def sent(solved: dict[str, Any], **layout: Any) -> str:
    """The solution as a client sends it."""
    return base64.b64encode(json.dumps(solved, **layout).encode()).decode()


def test_a_burst_asks_strangers_for_work_and_lets_them_in(api: Api, launch: Launch) -> None:
    code = shared_code(launch)
    burst(launch)
    said = redeems(api, code)
    assert (said.status_code, said["Content-Type"]) == (403, "application/problem+json")
    assert said.json()["code"] == "challenge_required"
    assert redeems(api, code, altcha=sent(solution(said.json()["challenge"]))).status_code == 200
    row = Refusal.objects.get()
    assert (row.rule, row.result, row.count) == ("redeem:wrong-codes:everywhere", "challenged", BURST)


def test_one_wrong_code_less_asks_nobody(api: Api, launch: Launch) -> None:
    burst(launch)
    Attempt.objects.filter(pk=Attempt.objects.latest("pk").pk).delete()
    assert redeems(api).status_code == 422


def test_wrong_codes_of_this_morning_ask_nobody(api: Api, launch: Launch) -> None:
    burst(launch)
    Attempt.objects.update(at=timezone.now() - timedelta(minutes=11))
    assert redeems(api).status_code == 422


@pytest.mark.parametrize("redis", ["there", "lost"])
def test_a_solution_is_good_once_however_it_is_written(
    redis: str, api: Api, launch: Launch, settings: Settings
) -> None:
    burst(launch)
    if redis == "lost":
        without_redis(settings)
    solved = solution(redeems(api).json()["challenge"])
    assert redeems(api, altcha=sent(solved)).status_code == 422  # the work was taken; the code is wrong
    again = [sent(solved), sent(solved, indent=1), sent(solved) + "\n", sent({**solved, "more": 1})]
    assert {redeems(api, altcha=one).status_code for one in again} == {403}


def test_a_call_that_is_tried_again_needs_no_new_work(api: Api, launch: Launch) -> None:
    code = shared_code(launch)
    burst(launch)
    body = {"code": code, "email": BEN, "altcha": sent(solution(redeems(api).json()["challenge"]))}
    said = [api.post("/api/invites/redeem", body, HTTP_IDEMPOTENCY_KEY="one") for _n in range(2)]
    assert [one.status_code for one in said] == [200, 200]
    assert said[0].content == said[1].content and said[1]["Idempotent-Replayed"] == "true"
    assert api.post("/api/invites/redeem", body, HTTP_IDEMPOTENCY_KEY="two").status_code == 403
    assert api.post("/api/invites/redeem", body | {"code": "X"}, HTTP_IDEMPOTENCY_KEY="one").status_code == 403


def test_a_solution_of_another_challenge_is_none(api: Api, launch: Launch) -> None:
    burst(launch)
    solved = solution(redeems(api).json()["challenge"])
    easier = altcha.create_challenge("SHA-256", 1, key_prefix="", hmac_secret="eve's").to_dict()
    wrong_number = {**solved, "solution": {**solved["solution"], "counter": 2**31}}
    bad: list[Any] = [
        sent(solution(easier)),
        sent(wrong_number),
        "x",
        "",
        7,
        None,
        {"a": 1},
        "e30=",
        "W10=",
        "A" * 9999,
    ]
    assert {redeems(api, altcha=one).status_code for one in bad} == {403}
    assert redeems(api, altcha=sent(solved)).status_code == 422


def test_a_challenge_is_good_for_half_an_hour(monkeypatch: pytest.MonkeyPatch, api: Api, launch: Launch) -> None:
    burst(launch)
    monkeypatch.setattr(challenge, "LIFE", -1)
    assert redeems(api, altcha=sent(solution(redeems(api).json()["challenge"]))).status_code == 403


def test_the_form_shows_the_work_and_keeps_what_was_typed(client: Client, launch: Launch) -> None:
    code = shared_code(launch)
    burst(launch)
    said = client.post(FORM, said_by("eve", code))
    page = said.content.decode()
    assert (said.status_code, user_named("eve")) == (200, None)
    assert "data-challenge" in page and address("eve") in page and code in page
    assert "has to do a little work first" in page and "<noscript>" in page
    client.post(FORM, said_by("eve", code, altcha=sent(solution(json.loads(said.context["form"].challenge())))))
    assert user_named("eve")


def test_the_form_shows_the_work_before_anything_is_typed(client: Client, launch: Launch) -> None:
    assert "data-challenge" not in client.get(FORM).content.decode()
    cache.clear()
    burst(launch)
    page = client.get(FORM).content.decode()
    assert "data-challenge" in page and "challenge.js" in page


def test_the_form_judges_no_code_before_the_work(client: Client, launch: Launch) -> None:
    burst(launch)
    before = Attempt.objects.count()
    pages = [client.post(FORM, said_by("eve", code)).context["form"].errors for code in ("WRONG", shared_code(launch))]
    assert pages[0] == pages[1]
    assert Attempt.objects.count() == before


def test_an_app_reads_the_challenge_from_the_problem(client: Client, launch: Launch) -> None:
    code = shared_code(launch)
    burst(launch)
    said = signs_up_by_json(client, "eve", code)
    assert (said.status_code, said.json()["code"]) == (403, "challenge_required")
    body = {"email": address("eve"), "password": "correct horse battery staple", "invite_code": code}
    body["altcha"] = sent(solution(said.json()["challenge"]))
    client.post("/_allauth/app/v1/auth/signup", json.dumps(body), content_type="application/json")
    assert user_named("eve")


def test_the_whole_is_looked_at_every_few_seconds_only(api: Api, launch: Launch) -> None:
    def looks() -> int:
        with CaptureQueriesContext(connection) as seen:
            redeems(api)
        return sum("COUNT" in query["sql"] and "invites_attempt" in query["sql"] for query in seen)

    assert [looks(), looks(), looks()] == [1, 0, 0]


def test_joining_and_signing_in_are_never_asked(api: Api, client: Client, launch: Launch) -> None:
    burst(launch)
    assert api.post("/api/waitlist/join", {"email": BEN}).status_code == 200
    assert "data-challenge" not in client.get("/accounts/login/").content.decode()


def test_a_real_challenge_costs_the_server_little() -> None:
    began = time.perf_counter()
    for _n in range(100):
        challenge.made()
    assert time.perf_counter() - began < 1
