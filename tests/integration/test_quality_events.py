"""What the product reports: once by its id, late and in any order, and one bad event stops no other."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from outbox.models import Event
from quality.models import Activity
from tests import cast
from tests.conftest import Api
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch

EVENTS = "/api/quality/events"
pytestmark = pytest.mark.django_db


@pytest.fixture
def product(api: Api, launch: Launch, key: Callable[..., str]) -> Api:
    return api.with_key(key("events:write"))


def event(number: int, name: str = "ben", kind: str = "engaged", **said: Any) -> dict[str, Any]:
    at = timezone.now().isoformat()
    return {"id": f"e{number}", "email": f"{name}@example.com", "kind": kind, "at": at} | said


def tell(product: Api, *events: Any) -> dict[str, Any]:
    said = product.post(EVENTS, {"events": events})
    assert said.status_code == 202, said.content
    answer: dict[str, Any] = said.json()
    return answer


def test_it_keeps_what_a_member_did(product: Api, launch: Launch) -> None:
    ben = cast.ben(launch)
    said = tell(product, event(1, feature="export"), event(2, kind="support_ticket"))
    assert said == {"accepted": 2, "duplicates": 0, "rejected": []}
    kept = Activity.objects.order_by("event_id").values_list("event_id", "entry", "kind", "feature")
    assert list(kept) == [("e1", ben.pk, "engaged", "export"), ("e2", ben.pk, "support_ticket", "")]


def test_the_same_id_twice_in_a_call_or_in_two_counts_once_and_the_first_stands(product: Api, launch: Launch) -> None:
    cast.ben(launch)
    assert tell(product, event(1), event(1, kind="churned"))["duplicates"] == 1
    assert tell(product, event(1, kind="reported"), event(2)) == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert set(Activity.objects.values_list("event_id", "kind")) == {("e1", "engaged"), ("e2", "engaged")}


def test_late_and_out_of_order_is_welcome(product: Api, launch: Launch) -> None:
    cast.ben(launch)
    long_ago = [(timezone.now() - timedelta(days)).isoformat() for days in (1, 400, 3)]
    assert tell(product, *(event(n, at=at) for n, at in enumerate(long_ago)))["accepted"] == 3


def test_a_poisoned_event_never_blocks_the_rest(product: Api, launch: Launch) -> None:
    cast.ben(launch)
    cast.ada(launch)
    tomorrow = (timezone.now() + timedelta(1)).isoformat()
    poisoned = [7, event(1, kind="danced"), event(2, at="soon"), event(3, at=tomorrow), event(4, name="nobody")]
    said = tell(product, event(0), *poisoned, event(5, name="ada"), event(6, email="ben"), event(9))
    assert said["accepted"] == 2
    assert {(one["id"], one["code"]) for one in said["rejected"]} == {
        (None, "not_an_object"),
        ("e1", "unknown_kind"),
        ("e2", "bad_time"),
        ("e3", "in_the_future"),
        ("e4", "unknown_person"),
        ("e5", "not_a_member"),
        ("e6", "unknown_person"),
    }


def test_a_member_is_known_by_the_hosts_id_by_ours_and_by_any_form_of_their_address(
    product: Api, launch: Launch
) -> None:
    ben = cast.ben(launch)
    Entry.objects.filter(pk=ben.pk).update(host_user_id="u7")
    names = [{"user_id": "u7"}, {"user_id": str(ben.member_id)}, {"email": " BEN@Example.COM"}]
    assert tell(product, *(event(n, email=None) | name for n, name in enumerate(names)))["accepted"] == 3
    assert set(Activity.objects.values_list("entry", flat=True)) == {ben.pk}


def test_where_two_share_a_hosts_id_it_is_the_member_then_the_newest(product: Api, launch: Launch) -> None:
    people = [cast.ben(launch), cast.registers(launch, "cleo"), cast.ada(launch)]
    Entry.objects.update(host_user_id="u7")
    assert tell(product, event(1, user_id="u7"))["accepted"] == 1
    assert Activity.objects.get().entry == people[1]


def test_a_suspended_member_still_did_what_they_did(product: Api, launch: Launch) -> None:
    ben = cast.ben(launch)
    deciding.suspend([ben.pk], "odd", by="staff:1")
    assert tell(product, event(1, kind="reported"))["accepted"] == 1


def test_somebody_of_another_launch_is_unknown_here(product: Api, launch: Launch) -> None:
    other = tuning.make_launch("other", "Other", by="staff:1")
    cast.ben(other)
    assert tell(product, event(1))["rejected"] == [{"id": "e1", "code": "unknown_person"}]
    assert product.post(EVENTS, {"launch": "other", "events": [event(1)]}).json()["accepted"] == 1


@pytest.mark.parametrize(
    "body", [{}, {"events": None}, {"events": "x"}, {"events": {}}, {"events": [{}] * 501}, {"launch": "no"}]
)
def test_a_body_that_is_no_list_of_events_is_a_400(body: dict[str, Any], product: Api) -> None:
    answer = product.post(EVENTS, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_five_hundred_events_are_kept_by_one_statement(
    product: Api, launch: Launch, django_assert_max_num_queries: Any
) -> None:
    cast.ben(launch)
    short = {"user_id": str(Entry.objects.get().member_id), "kind": "engaged", "at": "2026-11-01T00:00:00Z"}
    with django_assert_max_num_queries(12):
        assert tell(product, *({"id": str(n)} | short for n in range(500)))["accepted"] == 500


def test_the_trail_says_who_reported_how_much_and_nothing_of_whom(product: Api, launch: Launch) -> None:
    cast.ben(launch)
    tell(product, event(1), event(1), event(2, name="nobody"))
    tell(product, event(1))  # nothing new, nothing to say
    said = Event.objects.get(kind="activities.told")
    assert (said.subject, said.data) == (f"launch:{launch.pk}", {"accepted": 1, "duplicates": 1, "rejected": 1})
    assert said.by.startswith("key:")


@pytest.mark.parametrize(("scopes", "status"), [((), 401), (("gate:read",), 403)])
def test_only_a_key_with_the_scope_reports(
    scopes: tuple[str, ...], status: int, api: Api, launch: Launch, key: Callable[..., str]
) -> None:
    if scopes:
        api.with_key(key(*scopes))
    assert api.post(EVENTS, {"events": []}).status_code == status


def test_a_retried_call_reads_the_same_answer(product: Api, launch: Launch) -> None:
    cast.ben(launch)
    body = {"events": [event(1)]}
    first, second = (product.post(EVENTS, body, HTTP_IDEMPOTENCY_KEY="k") for _n in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.json()["accepted"] == 1
