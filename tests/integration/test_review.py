"""The review queue: who stands there with what beside them, decisions with a reason, undo, comments, and bulk."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from outbox import relay
from outbox.models import Event, Job
from tests import cast
from tests.integration.test_assess import joins
from tests.integration.test_console import console
from waitlist.actions import confirming, deciding, reviewing
from waitlist.models import Comment, Entry, Launch
from waitlist.queries import last_decided, position_of

__all__ = ["console"]
pytestmark = pytest.mark.django_db
QUEUE = "/admin/review/"


def staff(role: str) -> Client:
    """A colleague with that role."""
    user = User.objects.create_user(f"{role}@example.org", admitted_by="staff:1", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def event_of(entry: Entry) -> int:
    """The last event that moved them."""
    return int(last_decided([entry.pk])[entry.pk].id)


def decides(who: Client, act: str, entry: Entry, reason: str = "my reason", **more: Any) -> Any:
    """Presses a button beside somebody, by script."""
    said = {"act": f"{act}:{entry.pk}", f"seen-{entry.pk}": event_of(entry), "reason": reason} | more
    return who.post(QUEUE, said, headers={"Accept": "application/json"}).json()


def page(who: Client, address: str = QUEUE) -> str:
    return who.get(address).content.decode()


def test_a_held_person_stands_there_with_the_reason_in_words(console: Client, launch: Launch) -> None:
    eve = joins(launch, "eve@mailinator.com", name="Eve", use_case="I sell things", persona="agency")
    said = page(console)
    for words in (
        "eve@mailinator.com",
        "throw-away mailboxes. (+60)",
        "I sell things",
        "agency",
        "organic",
        "the rules",
    ):
        assert words in said
    assert f'name="seen-{eve.pk}" value="{event_of(eve)}"' in said


def test_who_is_held_longest_stands_first_and_the_next_page_follows(console: Client, launch: Launch) -> None:
    people = [cast.waits(launch, f"p{n}") for n in range(30)]
    deciding.hold([one.pk for one in people], "look", by="staff:1")
    answer = console.get(QUEUE)
    shown = [card.entry.pk for card in answer.context["cards"]]
    after = console.get(answer.context["following"])
    assert shown + [card.entry.pk for card in after.context["cards"]] == [one.pk for one in people]
    assert after.context["following"] == ""


def test_the_tabs_are_held_new_and_where_staff_approve_those_who_wait_for_it(console: Client, launch: Launch) -> None:
    cast.joins(launch, "ben")
    cast.ada(launch)
    assert [tab[0] for tab in console.get(QUEUE).context["tabs"]] == ["held", "new"]
    assert "ben@example.com" in page(console, QUEUE + "?tab=new")
    Launch.objects.update(approval="manual")
    assert "ada@example.com" in page(console, QUEUE + "?tab=approval")


@pytest.mark.parametrize("asks", [{"approve_below": 10}, {"vouched_only": True}])
def test_a_tightened_launch_shows_whom_it_passes_over_for_approval(
    console: Client, launch: Launch, asks: dict[str, Any]
) -> None:
    ada, ben, cleo = (cast.waits(launch, name) for name in ("ada", "ben", "cleo"))
    Entry.objects.filter(pk=ben.pk).update(priority=10, vouched=True)
    deciding.approve([cleo.pk], "known", by="staff:1")
    Launch.objects.update(**asks)
    cards = console.get(QUEUE + "?tab=approval").context["cards"]
    assert [card.entry.pk for card in cards] == [ada.pk]
    said = console.get(f"/admin/waitlist/entry/{ada.pk}/change/").context["first"]
    assert "passed over until a moderator approves them" in said
    assert "passed over" not in console.get(f"/admin/waitlist/entry/{ben.pk}/change/").context["first"]


@pytest.mark.parametrize(
    ("narrow", "found"),
    [
        ("rule=disposable_domain", ["eve"]),
        ("source=partner", ["cleo"]),
        ("domain=example.com", ["cleo"]),
        ("rule=no_such", ["cleo", "eve"]),
        ("after=nonsense,x", ["cleo", "eve"]),
    ],
)
def test_it_is_narrowed(console: Client, launch: Launch, narrow: str, found: list[str]) -> None:
    cleo = cast.waits(launch, "cleo", source="partner")
    deciding.hold([cleo.pk], "odd", by="staff:1")
    joins(launch, "eve@mailinator.com", name="Eve")
    cards = console.get(f"{QUEUE}?{narrow}").context["cards"]
    assert [card.contact.partition("@")[0] for card in cards] == found


def test_how_many_others_share_something_leads_to_them(console: Client, launch: Launch) -> None:
    people = [joins(launch, f"kim{n}.x@gmail.com") for n in range(3)]
    deciding.hold([people[0].pk], "odd", by="staff:1")
    card = console.get(QUEUE).context["cards"][0]
    assert [(name, n) for name, _title, n in card.alike] == [("network", 2), ("device", 2)]
    others = console.get(f"{QUEUE}?near={people[0].pk}&alike=device").context["cards"]
    assert {one.entry.pk for one in others} == {one.pk for one in people}


def test_the_positions_of_a_page_are_the_exact_ones(console: Client, launch: Launch) -> None:
    Launch.objects.update(approval="manual")
    people = [cast.waits(launch, f"p{n}") for n in range(5)]
    cards = console.get(QUEUE + "?tab=approval").context["cards"]
    assert [card.position for card in cards] == [position_of(one) for one in people] == [1, 2, 3, 4, 5]


def test_a_page_costs_the_same_with_one_and_with_twenty_five(console: Client, launch: Launch) -> None:
    def counted() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page(console)
        return len(asked)

    cast.cleo(launch)
    few = counted()
    for n in range(24):
        one = joins(launch, f"eve{n}@mailinator.com")
        reviewing.comment(one.pk, "looks odd", by="staff:1")
    assert counted() == few <= 16


@pytest.mark.parametrize(
    ("act", "status", "held"),
    [
        ("approve", "approved", False),
        ("release", "waiting", False),
        ("reject", "rejected", True),
        ("block", "blocked", True),
    ],
)
def test_a_decision_has_a_reason_an_event_and_a_way_back(
    console: Client, launch: Launch, act: str, status: str, held: bool
) -> None:
    cleo = cast.cleo(launch)
    answer = decides(console, act, cleo)
    moved = cast.now(cleo)
    assert (moved.status, moved.held_at is not None) == (status, held)
    assert Event.objects.filter(subject=f"entry:{cleo.pk}", data__reason="my reason").exists()
    assert decides(console, answer["undo"]["act"], cleo, answer["undo"]["reason"])["moved"]
    assert cast.now(cleo).held_at is not None
    assert cast.now(cleo).status in ("waiting", "approved")


def test_a_hold_that_takes_over_a_rules_hold_offers_no_way_back_that_would_let_them_go(
    console: Client, launch: Launch
) -> None:
    eve = joins(launch, "eve@mailinator.com")
    answer = decides(console, "hold", eve)
    assert cast.now(eve).held_by.startswith("staff:")
    assert answer["moved"] and answer["undo"] is None


def test_without_a_reason_or_a_choice_nothing_happens(console: Client, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    assert "Say why" in decides(console, "block", cleo, "")["said"]
    assert "Choose" in console.post(QUEUE, {"act": "block", "reason": "spam"}, follow=True).content.decode()
    assert "Choose" in console.post(QUEUE, {"act": ""}, follow=True).content.decode()
    assert cast.now(cleo).status == "waiting"


def test_without_a_script_a_form_decides_and_offers_the_way_back(console: Client, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    said = {"act": "reject", "chosen": [cleo.pk], f"seen-{cleo.pk}": event_of(cleo), "reason": "spam", "tab": "held"}
    answer = console.post(QUEUE, said, follow=True)
    assert "Rejected." in answer.content.decode()
    undo = answer.context["undo"]
    fields = {f"seen-{pk}": event for pk, event in undo["seen"]}
    chosen = [pk for pk, _event in undo["seen"]]
    console.post(QUEUE, {"act": undo["act"].name, "chosen": chosen, "reason": undo["reason"], **fields})
    assert cast.now(cleo).status == "waiting"


def test_the_second_of_two_moderators_reads_what_the_first_decided(console: Client, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    seen = event_of(cleo)
    other = staff("moderator")
    assert decides(other, "reject", cleo, "spam")["moved"]
    late = console.post(
        QUEUE,
        {"act": f"approve:{cleo.pk}", f"seen-{cleo.pk}": seen, "reason": "fits"},
        headers={"Accept": "application/json"},
    ).json()
    assert late["moved"] == {}
    assert "moderator@example.org rejected them" in late["news"][str(cleo.pk)]
    assert "(spam)" in late["news"][str(cleo.pk)]
    assert cast.now(cleo).status == "rejected"


def test_who_never_confirmed_is_put_back_to_before_the_queue(launch: Launch) -> None:
    ben, ada = cast.joins(launch, "ben"), cast.ada(launch)
    place = ada.place
    deciding.reject([ben.pk, ada.pk], "spam", by="staff:1")
    assert deciding.appeal([ben.pk, ada.pk], "a mistake", by="staff:1") == 2
    assert (cast.now(ben).status, cast.now(ben).place) == ("pending", None)
    assert (cast.now(ada).status, cast.now(ada).place) == ("waiting", place)
    confirming.confirm(ben.pk, by="public")
    assert cast.now(ben).status == "waiting"


def test_a_comment_stands_beside_the_person_and_not_in_the_trail(console: Client, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    said = {"act": f"comment:{cleo.pk}", f"comment-{cleo.pk}": " Asked them by phone. "}
    assert "kept" in console.post(QUEUE, said, follow=True).content.decode()
    assert [one.text for one in cleo.comments.all()] == ["Asked them by phone."]
    assert "Asked them by phone." in page(console)
    assert Event.objects.get(kind="entry.commented").data == {}
    assert decides(console, "release", cleo)["moved"], "a comment is no decision: the page is not out of date"
    cleo.delete()
    assert not Comment.objects.exists()


def test_an_empty_or_endless_comment_is_not_kept(console: Client, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    for text in (" ", "x" * 2001):
        said = {"act": f"comment:{cleo.pk}", f"comment-{cleo.pk}": text}
        assert "Write the comment first" in console.post(QUEUE, said, follow=True).content.decode()
    assert not Comment.objects.exists()


def crowd(launch: Launch, many: int) -> list[int]:
    return [cast.joins(launch, f"p{n}").pk for n in range(many)]


def test_all_that_match_become_a_job_by_the_filter_alone(console: Client, launch: Launch) -> None:
    crowd(launch, 110)
    other = cast.joins(launch, "eve", source="partner")
    said = {"act": "reject", "across": "1", "reason": "spam", "tab": "new", "source": "organic"}
    where = console.post(QUEUE, said).headers["Location"]
    relay.drain()
    job = Job.objects.get()
    assert (where, job.changed) == (f"/admin/outbox/job/{job.pk}/change/", 110)
    assert cast.now(other).status == "pending"
    assert f'href="{job.back.replace("&", "&amp;")}"' in page(console, where)
    assert "source=organic" in job.back


def test_a_job_is_taken_back_for_those_it_changed_and_nobody_has_since(console: Client, launch: Launch) -> None:
    ids = crowd(launch, 110)
    deciding.block(ids[:2], "spam", by="staff:9")
    console.post(QUEUE, {"act": "reject", "across": "1", "reason": "spam", "tab": "new"})
    relay.drain()
    deciding.appeal(ids[2:3], "a friend", by="staff:9")
    deciding.block(ids[2:3], "no friend", by="staff:9")
    first = Job.objects.get()
    where = console.post(f"/admin/outbox/job/{first.pk}/change/", {"act": "undo", "reason": "wrong list"}).headers[
        "Location"
    ]
    relay.drain()
    assert where == f"/admin/outbox/job/{Job.objects.latest('pk').pk}/change/"
    assert Entry.objects.filter(status="pending").count() == 107
    assert Entry.objects.filter(status="blocked").count() == 3


def test_a_hold_that_took_over_a_rules_hold_is_not_taken_back_with_the_rest(console: Client, launch: Launch) -> None:
    ids = crowd(launch, 110)
    eve = joins(launch, "eve@mailinator.com")
    chosen = {"action": "hold", "_selected_action": ids[:1], "select_across": "1", "apply": "1", "reason": "all"}
    console.post("/admin/waitlist/entry/", chosen)
    relay.drain()
    job = Job.objects.get()
    assert (job.changed, job.back) == (111, "/admin/waitlist/entry/")
    console.post(f"/admin/outbox/job/{job.pk}/change/", {"act": "undo", "reason": "wrong list"})
    relay.drain()
    assert list(Entry.objects.filter(held_at__isnull=False)) == [eve]


def test_why_a_job_could_not_is_said_in_words(console: Client, launch: Launch) -> None:
    ids = crowd(launch, 110)
    deciding.hold(ids[:1], "odd", by="staff:1")
    deciding.block(ids[1:2], "spam", by="staff:1")
    job_at = console.post(
        "/admin/waitlist/entry/",
        {"action": "approve", "_selected_action": ids[:1], "select_across": "1", "apply": "1", "reason": "fits"},
    ).headers["Location"]
    relay.drain()
    said = page(console, job_at)
    assert "not confirmed yet, held: 1" in said and "not confirmed yet: 108" in said and "blocked: 1" in said
    assert "Take it back" not in said


def test_a_quota_that_is_used_up_is_said_in_words(console: Client, launch: Launch) -> None:
    Launch.objects.update(daily_quota=1)
    ids = [cast.waits(launch, f"p{n}").pk for n in range(3)]
    chosen = {"action": "invite_now", "_selected_action": ids, "apply": "1", "reason": "now"}
    said = console.post("/admin/waitlist/entry/", chosen, follow=True).content.decode()
    assert "1 changed. 2 stood where this cannot be done. (the day&#x27;s quota is used up: 2)" in said


def test_a_viewer_looks_and_sees_no_address_in_full(launch: Launch) -> None:
    cleo = cast.cleo(launch)
    viewer = staff("viewer")
    said = page(viewer)
    assert "cl…@ex…" in said and "cleo@example.com" not in said and f"reject:{cleo.pk}" not in said
    assert viewer.get(QUEUE + "?domain=nowhere.example").context["cards"], "nor is one found by its parts"


@pytest.mark.parametrize("act", ["approve", "reject", "block", "hold", "release", "appeal", "comment"])
def test_a_viewer_decides_nothing(launch: Launch, act: str) -> None:
    cleo = cast.cleo(launch)
    said = {"act": f"{act}:{cleo.pk}", f"seen-{cleo.pk}": event_of(cleo), "reason": "x", f"comment-{cleo.pk}": "x"}
    viewer = staff("viewer")
    assert viewer.post(QUEUE, said).status_code == 403
    assert viewer.post(QUEUE, {"act": act, "across": "1", "reason": "x"}).status_code in (302, 403)
    assert (cast.now(cleo).status, cast.now(cleo).held_by) == ("waiting", "staff:1")
    assert not Comment.objects.exists() and not Job.objects.exists()


def test_a_stranger_and_a_forged_form_are_turned_away(client: Client, launch: Launch) -> None:
    assert client.get(QUEUE).status_code == 302
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    assert careful.post(QUEUE, {"act": "reject", "across": "1", "reason": "x"}).status_code == 403


def test_what_the_database_cannot_hold_breaks_nothing(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert decides(console, "hold", ada, reason="odd\0")["moved"]
    assert decides(console, "comment", ada, **{f"comment-{ada.pk}": "wri\0te"})["comment"] == "write"
    assert cast.now(ada).held_reason == "odd"
    for address in ("invites/code/?campaign=%00", "waitlist/entry/?source=%00", "invites/channels/?launch=%00"):
        assert console.get(f"/admin/{address}").status_code == 400
