"""Work on many rows: answered at once, done chunk by chunk, stopped exactly, and honest about what it could not change."""

from typing import Any

import pytest
from django.test import Client

from accounts.actions import create_staff
from outbox import actions, registry, relay
from outbox.models import Delivery, Event, Job
from outbox.states import StaleState
from tests import cast
from tests.integration.test_console import ENTRIES, console
from waitlist.models import Entry, Launch

__all__ = ["console"]
pytestmark = pytest.mark.django_db
HOLD = "waitlist.hold_entry"


@pytest.fixture
def crowd(launch: Launch) -> list[int]:
    """A hundred and twenty people who wait."""
    return [cast.waits(launch, f"person{n}").pk for n in range(120)]


@pytest.fixture
def of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows a chunk."""
    monkeypatch.setattr(actions, "JOB_CHUNK", 10)


def starts(ids: list[int], name: str = HOLD) -> Job:
    return actions.start_job(name, ids, "spam", by="staff:1")


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_more_than_a_hundred_rows_become_a_job(console: Client, crowd: list[int]) -> None:
    chosen = {"action": "hold", "_selected_action": crowd[:1], "select_across": "1", "apply": "1", "reason": "spam"}
    answer = console.post(ENTRIES, chosen)
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/admin/outbox/job/{job.pk}/change/"
    assert not Entry.objects.filter(held_at__isnull=False).exists()
    relay.drain()
    assert (now(job).status, now(job).changed) == ("done", 120)
    assert Event.objects.filter(kind="entry.held", data__reason="spam").count() == 120


def test_it_says_how_many_could_not_and_where_they_stood(crowd: list[int], launch: Launch) -> None:
    Entry.objects.filter(pk__in=crowd[:3]).update(status="blocked")
    Entry.objects.filter(pk__in=crowd[3:5]).update(status="approved")
    job = starts([*crowd, 10**9], "waitlist.approve_entry")
    relay.drain()
    job = now(job)
    assert (job.done, job.changed) == (121, 115)
    assert job.unchanged == {"blocked": 3, "approved": 2, "gone": 1}
    assert Event.objects.get(kind="job.ended").data["changed"] == 115


def test_a_refusal_stops_its_own_rows_only(crowd: list[int], launch: Launch) -> None:
    Launch.objects.update(daily_quota=7)
    job = starts(crowd[:20], "invites.issue_invite")
    relay.drain()
    job = now(job)
    assert (job.status, job.done, job.changed, sum(job.unchanged.values())) == ("done", 20, 7, 13)


def test_nothing_more_is_changed_after_a_stop_is_answered(crowd: list[int], of_ten: None) -> None:
    job = starts(crowd)
    assert actions.step_job(job.pk)
    actions.stop_job(job.pk, "wrong rows", by="staff:2")
    assert not actions.step_job(job.pk)
    relay.drain()
    assert Entry.objects.filter(held_at__isnull=False).count() == now(job).changed == 10
    with pytest.raises(StaleState):
        actions.stop_job(job.pk, "again", by="staff:2")


def test_a_stopped_job_goes_on_from_where_it_stood(crowd: list[int], of_ten: None) -> None:
    job = starts(crowd)
    actions.step_job(job.pk)
    actions.stop_job(job.pk, "wait", by="staff:2")
    relay.drain()
    actions.resume_job(job.pk, "go on", by="staff:2")
    relay.drain()
    assert (now(job).status, now(job).changed) == ("done", 120)
    assert Event.objects.filter(kind="entry.held").count() == 120


def test_what_a_dead_worker_left_another_finishes(crowd: list[int], of_ten: None) -> None:
    job = starts(crowd)
    relay.lease(10)
    actions.step_job(job.pk)
    Delivery.objects.update(leased_until="2020-01-01T00:00Z")
    relay.drain()
    assert (now(job).status, now(job).changed) == ("done", 120)


def test_an_error_stops_the_job_and_says_so(crowd: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(ids: Any, reason: str, *, by: str) -> int:
        raise ValueError("no such thing as eve@example.com")

    monkeypatch.setitem(registry.works, HOLD, registry.Work("Hold", breaks))
    job = starts(crowd)
    relay.drain()
    assert (now(job).status, now(job).error) == ("failed", "ValueError: no such thing as [address]")


def test_its_page_shows_how_far_it_is_and_stops_it(console: Client, crowd: list[int], of_ten: None) -> None:
    job = starts(crowd)
    actions.step_job(job.pk)
    page = f"/admin/outbox/job/{job.pk}/change/"
    said = console.get(page).content.decode()
    assert "10 of 120 looked at." in said and 'hx-trigger="every 1s"' in said
    assert "<html" not in console.get(page, headers={"HX-Request": "true"}).content.decode()
    console.post(page, {"act": "stop", "reason": "enough"})
    assert now(job).status == "stopped"
    assert 'hx-trigger="every 1s"' not in console.get(page).content.decode()


def test_it_cannot_be_stopped_without_a_reason(console: Client, crowd: list[int]) -> None:
    job = starts(crowd)
    console.post(f"/admin/outbox/job/{job.pk}/change/", {"act": "stop"})
    assert now(job).status == "running"


def test_to_let_a_job_go_on_takes_the_permission_of_what_it_does(crowd: list[int]) -> None:
    mod, _password = create_staff("mod@example.com", "moderator", by="cli")
    client = Client()
    client.force_login(mod, backend="django.contrib.auth.backends.ModelBackend")
    answers = []
    for name in (
        "invites.import_code",
        "outbox.lift_suppression",
        HOLD,
        "waitlist.let_in_entry",
        "invites.extend_code:7",
    ):
        job = starts(crowd[:1], name)
        actions.stop_job(job.pk, "wait", by="staff:1")
        page = f"/admin/outbox/job/{job.pk}/change/"
        offered = 'value="resume"' in client.get(page).content.decode()
        answers.append((client.post(page, {"act": "resume", "reason": "go on"}).status_code, offered, now(job).status))
    owners, theirs = (403, False, "stopped"), (302, True, "running")
    assert answers == [owners, owners, theirs, theirs, theirs]


def test_a_job_of_no_number_is_not_there(console: Client) -> None:
    assert console.get("/admin/outbox/job/abc/change/").status_code == 404
