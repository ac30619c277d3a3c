"""Keeping a use of a code while a sign-up elsewhere is under way: hold, commit, release."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from config.invariants import broken
from invites import queries, tokens
from invites.actions import changing, keeping, reserving
from invites.cooling import BURST, CROWD
from invites.models import Attempt, Code, Redemption, Reservation
from outbox.models import Delivery, Event
from quality.models import Assessment
from tests import cast
from tests.conftest import Api
from tests.integration.test_redeem import REASONS, REDEEM, made, refused_code
from tests.limited import EVES_NETWORK, in_force, refused
from waitlist.actions import deciding
from waitlist.models import Entry, Launch
from waitlist.tokens import person_token

pytestmark = pytest.mark.django_db
HOLD = "/api/invites/hold"
ADA, BEN, EVE = (f"{name}@example.com" for name in ("ada", "ben", "eve"))


@pytest.fixture
def product(key: Callable[..., str]) -> Api:
    """A product that redeems for its own users."""
    return Api().with_key(key("codes:redeem"))


def holds(api: Api, code: str, email: str = ADA) -> str:
    """The id of the hold."""
    said = api.post(HOLD, {"code": code, "email": email})
    assert said.status_code == 201, said.content
    return str(said.json()["hold_id"])


def commits(product: Api, hold_id: str, **said: Any) -> Any:
    return product.post(f"/api/invites/holds/{hold_id}/commit", said)


def releases(product: Api, hold_id: str) -> Any:
    return product.post(f"/api/invites/holds/{hold_id}/release")


def redeems(email: str, code: str) -> int:
    return int(Api().post(REDEEM, {"code": code, "email": email}).status_code)


def lapses() -> None:
    """Quarter of an hour goes by."""
    Reservation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def counts() -> tuple[int, int]:
    """Uses and reserved uses of the code."""
    code = Code.objects.get(kind="bulk")
    return code.uses, code.reserved


# Hold


def test_a_hold_keeps_one_use_for_a_quarter_of_an_hour(api: Api, launch: Launch) -> None:
    said = api.post(HOLD, {"code": made(launch), "email": ADA})
    assert said.status_code == 201
    assert set(said.json()) == {"hold_id", "expires_at", "ticket"}
    assert said.json()["ticket"] is None
    kept = Reservation.objects.get(hold_id=said.json()["hold_id"])
    assert abs(kept.expires_at - timezone.now() - timedelta(minutes=15)) < timedelta(seconds=10)
    assert counts() == (0, 1)
    assert Event.objects.get(kind="use.kept").data["reservation"] == kept.pk
    assert broken() == []


def test_asked_again_it_is_the_same_hold(api: Api, launch: Launch) -> None:
    code = made(launch, max_uses=5)
    first, again = (api.post(HOLD, {"code": code, "email": address}) for address in (ADA, ADA.upper()))
    assert first.content == again.content
    assert holds(api, code, EVE) != first.json()["hold_id"]
    assert counts() == (0, 2)


def test_a_phone_can_be_held_for_too(api: Api, launch: Launch, product: Api) -> None:
    said = api.post(HOLD, {"code": made(launch), "phone": "+49 30 901820"})
    assert commits(product, said.json()["hold_id"]).status_code == 200
    assert Entry.objects.get(contact_kind="phone").status == "registered"


def test_a_retried_call_reads_the_same(api: Api, launch: Launch) -> None:
    body = {"code": made(launch), "email": ADA}
    first, again = (api.post(HOLD, body, HTTP_IDEMPOTENCY_KEY="k") for _n in range(2))
    assert (first.content, again.headers["Idempotent-Replayed"]) == (again.content, "true")


def test_what_is_held_is_nobody_elses_until_it_ran_out(api: Api, launch: Launch) -> None:
    code = made(launch)
    holds(api, code)
    assert redeems(EVE, code) == 422
    assert api.post(HOLD, {"code": code, "email": EVE}).status_code == 422
    lapses()
    assert redeems(EVE, code) == 200
    assert broken() == []


@pytest.mark.parametrize("uses", [1, 5])
def test_after_one_that_ran_out_there_is_another(uses: int, api: Api, launch: Launch, product: Api) -> None:
    code = made(launch, max_uses=uses)
    first = holds(api, code)
    lapses()
    assert holds(api, code) != first
    assert "reservation_lapsed" in commits(product, first).json()["detail"]
    assert counts() == (0, 1)
    assert broken() == []


def test_whose_hold_it_is_may_redeem_themselves(api: Api, launch: Launch, product: Api) -> None:
    code = made(launch)
    hold_id = holds(api, code)
    assert redeems(ADA, code) == 200
    assert counts() == (1, 0)
    assert commits(product, hold_id).json()["already_redeemed"]
    assert broken() == []


@pytest.mark.parametrize("body", [{}, {"code": "x", "token": "y"}, {"token": 7}, {"code": "", "token": ""}])
def test_it_takes_a_code_or_a_token(body: dict[str, Any], api: Api, launch: Launch) -> None:
    assert api.post(HOLD, {"email": ADA, **body}).status_code == 400


# A stranger learns nothing


@pytest.mark.parametrize("why", REASONS)
def test_every_bad_code_gets_one_answer_and_leaves_its_reason(why: str, api: Api, launch: Launch) -> None:
    unknown = api.post(REDEEM, {"code": "VES-XXXX-XXXX-YYYY", "email": EVE})
    said = api.post(HOLD, {"code": refused_code(launch, why), "email": EVE})
    assert (said.status_code, said.content) == (422, unknown.content)
    assert Attempt.objects.latest("pk").reason == REASONS[why]


def test_a_key_reads_the_reason(product: Api, launch: Launch) -> None:
    said = product.post(HOLD, {"code": refused_code(launch, "expired"), "email": EVE})
    assert "code_expired" in said.json()["detail"]


def test_a_closed_launch_holds_nothing(api: Api, launch: Launch) -> None:
    code = made(launch)
    Launch.objects.update(enabled=False)
    assert api.post(HOLD, {"code": code, "email": ADA}).status_code == 403


def test_nobody_is_put_on_the_list_and_nobody_is_written_to(api: Api, launch: Launch) -> None:
    cast.ada(launch)
    before = Delivery.objects.count()
    for address in (ADA, EVE):
        holds(api, made(launch, id=address), address)
    assert (Entry.objects.count(), Delivery.objects.count()) == (1, before)
    assert cast.now(Entry.objects.get()).status == "waiting"


@pytest.mark.parametrize("uses", [1, 9])
def test_the_answers_are_the_same_for_who_is_on_the_list_and_who_is_not(uses: int, launch: Launch) -> None:
    cast.ada(launch)
    told = {}
    for address in (ADA, EVE):
        code = made(launch, id=address, max_uses=uses)
        first = Api().post(HOLD, {"code": code, "email": address})
        redeemed = redeems(address, code)
        again = Api().post(HOLD, {"code": code, "email": address})
        same = first.json().get("hold_id") == again.json().get("hold_id")
        told[address] = (first.status_code, redeemed, again.status_code, same, redeems(address, code))
    assert told[ADA] == told[EVE]
    assert broken() == []


def test_who_is_in_is_held_for_like_anybody(api: Api, launch: Launch, product: Api) -> None:
    cast.ben(launch)
    hold_id = holds(api, made(launch), BEN)
    for _n in range(2):
        assert commits(product, hold_id).json()["already_redeemed"]
    assert counts() == (0, 0)
    assert broken() == []


@pytest.mark.parametrize("verb", [deciding.block, deciding.reject, deciding.hold])
def test_who_was_turned_away_reads_what_a_bad_code_reads(verb: Callable[..., int], api: Api, launch: Launch) -> None:
    verb([cast.ada(launch).pk], "spam", by="staff:1")
    bad = api.post(HOLD, {"code": "VES-XXXX-XXXX-YYYY", "email": ADA})
    said = api.post(HOLD, {"code": made(launch), "email": ADA})
    assert (said.status_code, said.content) == (422, bad.content)
    assert counts() == (0, 0)


# The token of an invite


def test_the_token_of_an_invite_holds_its_code(api: Api, launch: Launch, product: Api) -> None:
    ada, offer = cast.invited(launch, "ada")
    said = api.post(HOLD, {"token": tokens.invite_token(offer), "email": ADA})
    assert commits(product, said.json()["hold_id"]).json()["already_redeemed"] is False
    assert cast.now(ada).status == "registered"
    offer.refresh_from_db()
    assert offer.status == "redeemed"


def test_who_holds_a_token_is_told_the_truth(api: Api, launch: Launch) -> None:
    _ada, offer = cast.invited(launch, "ada")
    token = tokens.invite_token(offer)
    assert "another address" in api.post(HOLD, {"token": token, "email": EVE}).json()["detail"]
    Code.objects.filter(pk=offer.code_id).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert "run out" in api.post(HOLD, {"token": token, "email": ADA}).json()["detail"]


def test_a_forged_token_reads_what_a_bad_code_reads(api: Api, launch: Launch) -> None:
    bad = api.post(HOLD, {"code": "VES-XXXX-XXXX-YYYY", "email": ADA})
    said = api.post(HOLD, {"token": person_token(cast.ada(launch)), "email": ADA})
    assert (said.status_code, said.content) == (422, bad.content)


# Commit


def test_a_commit_answers_as_a_redemption_does(api: Api, launch: Launch, product: Api) -> None:
    hold_id = holds(api, made(launch, tier="pro"), "Ada@Example.com")
    said = commits(product, hold_id, user_id="u-7")
    assert said.status_code == 200
    body = said.json()
    assert (body["status"], body["user_id"], body["tier"], body["ticket"]) == ("success", "u-7", "pro", None)
    assert (body["already_redeemed"], body["email"], len(body["codes"])) == (False, "Ada@Example.com", 3)
    ada = Entry.objects.get(canonical=ADA)
    assert (ada.status, ada.host_user_id) == ("registered", "u-7")
    assert Redemption.objects.get().by.startswith("key:")
    assert counts() == (1, 0)
    assert broken() == []


def test_committed_again_it_answers_that_they_are_in(api: Api, launch: Launch, product: Api) -> None:
    hold_id = holds(api, made(launch))
    first, again = commits(product, hold_id).json(), commits(product, hold_id).json()
    assert again == first | {"already_redeemed": True}
    assert counts() == (1, 0)


def test_a_retried_commit_reads_the_same_codes(api: Api, launch: Launch, product: Api) -> None:
    url = f"/api/invites/holds/{holds(api, made(launch), 'Ada@Example.com')}/commit"
    first, again = (product.post(url, {}, HTTP_IDEMPOTENCY_KEY="k") for _n in range(2))
    assert (first.status_code, first.content) == (200, again.content)


def test_a_product_commits_for_who_waits(api: Api, launch: Launch, product: Api) -> None:
    ada = cast.ada(launch)
    assert commits(product, holds(api, made(launch))).status_code == 200
    assert cast.now(ada).status == "registered"


def test_a_use_that_was_made_over_to_who_waits_can_still_be_committed(api: Api, launch: Launch, product: Api) -> None:
    ada, code = cast.ada(launch), made(launch)
    hold_id = holds(api, code)
    assert redeems(ADA, code) == 200  # a stranger: Ada's mailbox is asked, with the use that was held
    assert counts() == (0, 1)
    assert commits(product, hold_id).status_code == 200
    assert cast.now(ada).status == "registered"
    assert broken() == []


def test_what_ran_out_cannot_be_committed(api: Api, launch: Launch, product: Api) -> None:
    hold_id = holds(api, made(launch))
    lapses()
    said = commits(product, hold_id)
    assert (said.status_code, said.json()["code"]) == (422, "invite_not_accepted")
    assert "reservation_lapsed" in said.json()["detail"]
    assert not Entry.objects.exists()


def test_a_code_that_was_revoked_meanwhile_lets_nobody_in(api: Api, launch: Launch, product: Api) -> None:
    code = made(launch)
    hold_id = holds(api, code)
    changing.revoke(queries.chosen(launch, code=code), "leaked", by="staff:1")
    assert "code_revoked" in commits(product, hold_id).json()["detail"]


def test_whom_the_rules_suspect_is_refused_and_waits_for_a_look(api: Api, launch: Launch, product: Api) -> None:
    address = "eve@mailinator.com"
    hold_id = holds(api, made(launch, max_uses=5), address)
    assert "in_review" in commits(product, hold_id).json()["detail"]
    eve = Entry.objects.get(canonical=address)
    assert (eve.status, eve.held_by) == ("pending", "quality")
    assert counts() == (0, 1)  # the one that waits for the moderator's look
    assert "in_review" in commits(product, hold_id).json()["detail"]
    assert broken() == []


def test_the_last_use_is_kept_for_who_waits_for_a_look(api: Api, launch: Launch, product: Api) -> None:
    hold_id = holds(api, made(launch), "eve@mailinator.com")
    assert "in_review" in commits(product, hold_id).json()["detail"]
    kept = Reservation.objects.get(status="open")
    assert kept.expires_at > timezone.now() + timedelta(days=13)
    assert counts() == (0, 1)


def test_who_is_denied_keeps_no_use(api: Api, launch: Launch, product: Api) -> None:
    Launch.objects.update(deny_score=60)
    hold_id = holds(api, made(launch), "eve@mailinator.com")
    assert "denied" in commits(product, hold_id).json()["detail"]
    assert not Entry.objects.exists()
    assert Assessment.objects.get().verdict == "deny"
    assert counts() == (0, 0)


# Release


def test_a_release_gives_the_use_back_once(api: Api, launch: Launch, product: Api) -> None:
    code = made(launch)
    hold_id = holds(api, code)
    first, again = releases(product, hold_id), releases(product, hold_id)
    assert (first.status_code, first.json()["status"], first.json()["email"]) == (200, "success", ADA)
    assert again.content == first.content
    assert counts() == (0, 0)
    assert "reservation_lapsed" in commits(product, hold_id).json()["detail"]
    assert redeems(EVE, code) == 200
    assert Event.objects.filter(kind="use.given_back").count() == 1
    assert broken() == []


def test_what_was_spent_is_not_given_back(api: Api, launch: Launch, product: Api) -> None:
    hold_id = holds(api, made(launch))
    commits(product, hold_id)
    assert releases(product, hold_id).status_code == 409
    assert counts() == (1, 0)


@pytest.mark.parametrize("verb", ["commit", "release"])
def test_only_a_key_with_the_scope_ends_a_hold(verb: str, api: Api, launch: Launch, key: Callable[..., str]) -> None:
    url = f"/api/invites/holds/{uuid4()}/{verb}"
    assert api.post(url).status_code == 401
    assert Api().with_key(key("codes:read")).post(url).status_code == 403
    assert Api().with_key(key("codes:redeem")).post(url).status_code == 404
    assert Api().with_key(key("codes:redeem")).post(f"/api/invites/holds/1/{verb}").status_code == 404


def test_the_address_is_forgotten_a_day_later(api: Api, launch: Launch) -> None:
    holds(api, made(launch))
    lapses()
    reserving.sweep_reservations(by="system")
    assert reserving.forget_contacts() == 0
    Reservation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert (reserving.forget_contacts(), reserving.forget_contacts()) == (1, 0)
    assert keeping.contact_of(Reservation.objects.get()).as_typed == ""


# Limits and guesses


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    in_force(monkeypatch, settings)


def guess(api: Api, code: str = "NOTACODE2345", **said: Any) -> int:
    body = {"code": code, "email": EVE} | said
    return int(api.post(HOLD, body, REMOTE_ADDR=EVES_NETWORK).status_code)


@pytest.mark.usefixtures("limits")
def test_wrong_codes_bring_a_wait_that_holds_at_both_doors(api: Api, launch: Launch) -> None:
    code = made(launch)
    assert {guess(api) for _n in range(10)} == {422}
    assert guess(api, code) == 429
    assert api.post(REDEEM, {"code": code, "email": EVE}, REMOTE_ADDR=EVES_NETWORK).status_code == 429


@pytest.mark.usefixtures("limits")
def test_a_burst_asks_strangers_for_work(api: Api, launch: Launch) -> None:
    refused(launch, BURST, network="198.51.100.1")
    said = api.post(HOLD, {"code": made(launch), "email": EVE}, REMOTE_ADDR=EVES_NETWORK)
    assert (said.status_code, said.json()["code"]) == (403, "challenge_required")


@pytest.mark.usefixtures("limits")
def test_who_holds_an_invite_waits_for_nobody(api: Api, launch: Launch) -> None:
    _ada, offer = cast.invited(launch, "ada")
    refused(launch, CROWD)
    said = {"token": tokens.invite_token(offer), "email": ADA}
    assert api.post(HOLD, said, REMOTE_ADDR=EVES_NETWORK).status_code == 201
    assert api.post(HOLD, said | {"token": "x"}, REMOTE_ADDR=EVES_NETWORK).status_code == 429


@pytest.mark.usefixtures("limits")
def test_a_network_holds_few_uses_of_one_code(api: Api, launch: Launch) -> None:
    code = made(launch, max_uses=100)
    said = [guess(api, code, email=f"p{n}@example.com") for n in range(61)]
    assert said == [201] * 60 + [429]
    assert counts() == (0, 60)
