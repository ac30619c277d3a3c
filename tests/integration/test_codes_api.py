"""Making codes and changing them, through the API and the command line."""

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from invites import codes
from invites.models import Code
from tests import cast
from tests.conftest import Api
from waitlist.models import Launch

GENERATE = "/api/invites/generate"
pytestmark = pytest.mark.django_db


@pytest.fixture
def writer(api: Api, launch: Launch, key: Callable[..., str]) -> Api:
    return api.with_key(key("codes:write", "codes:read"))


def test_it_makes_codes_that_nobody_can_read_in_the_table(writer: Api) -> None:
    said = writer.post(GENERATE, {"batch_size": 20, "campaign": "PARTY", "format": "campaign"})
    assert said.status_code == 201
    texts = said.json()["codes"]
    assert len(set(texts)) == 20
    assert all(text.startswith("PARTY-") for text in texts)
    kept = {(bytes(code.digest), code.last4) for code in Code.objects.all()}
    assert kept == {(codes.digest(codes.fold(text)), text[-4:]) for text in texts}


def test_the_same_request_again_gives_the_same_codes(writer: Api) -> None:
    asked = {"batch_size": 3, "batch_id": "b1"}
    first, second = writer.post(GENERATE, asked), writer.post(GENERATE, asked)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["codes"] == second.json()["codes"]
    assert Code.objects.count() == 3


def test_another_request_under_the_same_name_is_a_conflict(writer: Api) -> None:
    writer.post(GENERATE, {"batch_size": 3, "batch_id": "b1"})
    said = writer.post(GENERATE, {"batch_size": 4, "batch_id": "b1"})
    assert (said.status_code, said.json()["code"]) == (409, "batch_differs")


def test_a_retried_call_reads_the_same_codes_and_keeps_none(writer: Api) -> None:
    first, second = (writer.post(GENERATE, {"batch_size": 2}, HTTP_IDEMPOTENCY_KEY="k") for _n in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert Code.objects.count() == 2


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1001}, "batch_size"),
        ({"batch_size": "many"}, "batch_size"),
        ({"batch_size": 1, "max_uses": 0}, "max_uses"),
        ({"batch_size": 1, "expires_in_days": 366}, "expires_in_days"),
        ({"batch_size": 1, "kind": "waitlist"}, "kind"),
        ({"batch_size": 1, "format": "mine"}, "format"),
        ({"batch_size": 1, "format": "campaign"}, "campaign"),
        ({"batch_size": 1, "campaign": "a b"}, "campaign"),
        ({"batch_size": 1, "bind_email": "ada"}, "email"),
        ({"batch_size": 1, "bind_domain": "acme"}, "bind_domain"),
        ({"batch_size": 1, "starts_at": "soon"}, "starts_at"),
    ],
)
def test_a_request_that_does_not_fit_names_the_field(said: dict[str, Any], field: str, writer: Api) -> None:
    answer = writer.post(GENERATE, said)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not Code.objects.exists()


def test_a_short_code_lives_short_or_is_bound(writer: Api) -> None:
    assert writer.post(GENERATE, {"batch_size": 1, "format": "plain-8"}).json()["code"] == "guessable"
    assert writer.post(GENERATE, {"batch_size": 1, "format": "plain-8", "expires_in_days": 7}).status_code == 201
    bound = {"batch_size": 1, "format": "plain-8", "bind_email": "ada@example.com"}
    assert writer.post(GENERATE, bound).status_code == 201


@pytest.mark.parametrize("scopes", [(), ("codes:read",), ("waitlist:write", "codes:redeem")])
def test_without_the_scope_nobody_makes_codes(
    scopes: tuple[str, ...], api: Api, launch: Launch, key: Callable[..., str]
) -> None:
    if scopes:
        api.with_key(key(*scopes))
    assert api.post(GENERATE, {"batch_size": 1}).status_code == (403 if scopes else 401)


def test_status_says_what_a_code_is_in_any_shape(writer: Api) -> None:
    text = writer.post(GENERATE, {"batch_size": 1, "tier": "pro"}).json()["codes"][0]
    said = writer.post("/api/invites/status", {"code": text.lower()}).json()
    assert (said["valid"], said["status"], said["uses"], said["max_uses"], said["tier"]) == (
        True,
        "active",
        0,
        1,
        "pro",
    )
    assert writer.get(f"/api/invites/{text}/status").json() == said


def test_an_unknown_code_has_a_status_of_the_same_shape(writer: Api) -> None:
    said = writer.get("/api/invites/VES-NONE/status").json()
    assert (said["valid"], said["status"]) == (False, "unknown")


@pytest.mark.parametrize(
    ("path", "word", "after"),
    [("revoke", "revoked", "revoked"), ("pause", "paused", "paused"), ("extend", "extended", "active")],
)
def test_a_campaign_is_changed_at_once(path: str, word: str, after: str, writer: Api) -> None:
    texts = writer.post(GENERATE, {"batch_size": 3, "campaign": "PARTY"}).json()["codes"]
    asked = {"campaign": "PARTY", "reason": "leaked", "days": 3}
    assert writer.post(f"/api/invites/{path}", asked).json() == {"status": "success", word: 3}
    assert writer.get(f"/api/invites/{texts[0]}/status").json()["status"] == after


def test_a_paused_code_is_resumed_and_a_revoked_one_is_not(writer: Api) -> None:
    text = writer.post(GENERATE, {"batch_size": 1}).json()["codes"][0]
    one = {"code": text, "reason": "test"}
    writer.post("/api/invites/pause", one)
    assert writer.post("/api/invites/resume", one).json()["resumed"] == 1
    writer.post("/api/invites/revoke", one)
    assert writer.post("/api/invites/resume", one).json()["resumed"] == 0


def test_what_does_not_exist_cannot_be_revoked(writer: Api) -> None:
    assert writer.post("/api/invites/revoke", {"campaign": "NONE", "reason": "x"}).status_code == 404
    assert writer.post("/api/invites/revoke", {"reason": "x"}).status_code == 400


def test_the_command_writes_ten_thousand_codes_to_a_private_file(launch: Launch, tmp_path: Path) -> None:
    path, out = tmp_path / "out.csv", StringIO()
    asked = ["--count", "10000", "--campaign", "PRODUCTHUNT", "--max-uses", "1", "--tier", "pro", "--expires-in", "60d"]
    call_command("generate_codes", *asked, "--csv", str(path), stdout=out)
    rows = list(csv.DictReader(path.open()))
    assert len({row["code"] for row in rows}) == 10_000
    assert rows[0]["link"].endswith(f"/signup?code={rows[0]['code']}")
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(Code.objects.values_list("tier", "campaign")) == {("pro", "PRODUCTHUNT")}


@pytest.mark.parametrize(
    "asked", [["--count", "0"], ["--max-uses", "0"], ["--campaign", "a b"], ["--bind-email", "ada"]]
)
def test_the_command_refuses_nonsense(asked: list[str], launch: Launch) -> None:
    with pytest.raises(CommandError):
        call_command("generate_codes", *asked)


def test_validate_token_pre_fills_the_form_of_an_invited_person(api: Api, launch: Launch) -> None:
    from invites.tokens import invite_token

    _ada, offer = cast.invited(launch, "ada")
    token = invite_token(offer)
    assert api.post("/api/waitlist/validate-token", {"token": token}).json() == {
        "valid": True,
        "email": "ada@example.com",
    }
    Code.objects.filter(pk=offer.code_id).update(expires_at=timezone.now())
    assert api.post("/api/waitlist/validate-token", {"token": token}).json() == {"valid": False, "email": None}
