"""The Launch page: settings in groups, previewed where they move people, no lost update, every change put back."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from outbox.models import Event, Job
from tests import cast
from tests.integration.test_console import console
from waitlist import previews, queries
from waitlist.actions import awarding, rescoring, tuning
from waitlist.models import Entry, Launch, Points, PointsWeight

__all__ = ["console"]

pytestmark = pytest.mark.django_db
CHANGE = "/admin/waitlist/launch/{}/change/"


def form_of(console: Client, launch: Launch) -> dict[str, Any]:
    """What the page's form would send, untouched."""
    form = console.get(CHANGE.format(launch.pk)).context["adminform"].form
    sent: dict[str, Any] = {f"milestones-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
    for name in form.fields:
        value = form.get_initial_for_field(form.fields[name], name)
        if value is True:
            sent[name] = "on"
        elif value is not None and value is not False:
            sent[name] = ",".join(value) if name == "keywords" else value
    return sent


def save(console: Client, launch: Launch, /, *, sure: Any = True, **said: Any) -> Any:
    sent = form_of(console, launch) | said | ({"sure": "1"} if sure else {})
    return console.post(CHANGE.format(launch.pk), {name: one for name, one in sent.items() if one is not None})


def test_one_launch_is_shown_at_once(console: Client, launch: Launch) -> None:
    assert console.get("/admin/waitlist/launch/").url == CHANGE.format(launch.pk)  # type: ignore[attr-defined]
    tuning.make_launch("other", "Other", by="staff:1")
    assert console.get("/admin/waitlist/launch/").status_code == 200


def test_what_moves_nobody_is_saved_at_once_with_its_reason(console: Client, launch: Launch) -> None:
    assert save(console, launch, sure=False, tagline="Soon", reason="marketing asked").status_code == 302
    event = Event.objects.get(kind="launch.tuned")
    assert event.data == {"changes": {"tagline": ["", "Soon"]}, "reason": "marketing asked"}


def test_what_moves_people_is_shown_before_it_is_saved(console: Client, launch: Launch) -> None:
    cast.ada(launch)
    shown = save(console, launch, sure=False, approval="manual")
    assert "approves them: 1 of 1 who wait (now 0)" in shown.content.decode()
    assert Launch.objects.get().approval == "open"
    sent = dict(shown.context["sent"]) | {"sure": "1"}
    assert console.post(CHANGE.format(launch.pk), sent).status_code == 302
    assert Launch.objects.get().approval == "manual"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"daily_quota": "1000001"}, "less than or equal to 1000000"),
        ({"review_score": "200"}, "Somebody is held before they are turned away"),
        ({"share_first": "60", "share_lottery": "41"}, "more than 100 of 100 places"),
        ({"code_format": "plain-8", "member_code_days": "31"}, "can be guessed"),
        ({"limit_percent": "5"}, "greater than or equal to 50"),
        ({"limit_percent": "0"}, "greater than or equal to 50"),
        ({"time_zone": "Europe/Nowhere"}, "Select a valid choice"),
        ({"points-a-persona-agency": "201"}, "less than or equal to 200"),
        ({"new_source": "hackernews"}, "needs its name and its points"),
    ],
)
def test_a_wrong_setting_is_a_sentence_and_nothing_is_saved(
    said: dict[str, str], sentence: str, console: Client, launch: Launch
) -> None:
    answer = save(console, launch, **said)
    assert answer.status_code == 200 and sentence in answer.content.decode()
    assert not Event.objects.filter(kind="launch.tuned").exists()


def test_points_are_a_table_of_every_rule_with_its_default(console: Client, launch: Launch) -> None:
    save(console, launch, **{"points-a-persona-agency": "30", "new_source": "HackerNews", "new_source_points": "9"})
    assert set(PointsWeight.objects.values_list("rule", "key", "arm", "points")) == {
        ("persona", "agency", "a", 30),
        ("source", "hackernews", "a", 9),
    }
    changes = Event.objects.get(kind="launch.tuned").data["changes"]
    assert changes == {"points persona agency": ["default", 30], "points source hackernews": ["default", 9]}
    save(console, launch, **{"points-a-persona-agency": None})
    assert list(PointsWeight.objects.values_list("key", flat=True)) == ["hackernews"]


def test_of_two_owners_the_second_is_told_what_changed_meanwhile(console: Client, launch: Launch) -> None:
    first = form_of(console, launch)
    tuning.tune(launch, {"daily_quota": 7, "tagline": "Theirs"}, by="staff:1")
    answer = console.post(CHANGE.format(launch.pk), first | {"daily_quota": "9", "question": "Well?", "sure": "1"})
    said = answer.content.decode()
    assert "somebody else changed this launch meanwhile" in said and "Daily quota: 100 → 7" in said
    form = answer.context["adminform"].form
    assert (form["daily_quota"].value(), form["tagline"].value(), form["question"].value()) == ("7", "Theirs", "Well?")
    assert Launch.objects.get().daily_quota == 7 and Launch.objects.get().question == ""
    again = (
        first | {name: form[name].value() for name in ("daily_quota", "tagline", "question", "seen")} | {"sure": "1"}
    )
    assert console.post(CHANGE.format(launch.pk), again).status_code == 302
    assert (Launch.objects.get().question, Launch.objects.get().daily_quota) == ("Well?", 7)


def test_a_change_is_put_back_as_a_change(console: Client, launch: Launch) -> None:
    before = Launch.objects.values().get()
    save(
        console,
        launch,
        **{
            "daily_quota": "7",
            "keywords": "a,b",
            "enabled": None,
            "release_days": ["1", "5"],
            "points-b-keyword-": "3",
        },
    )
    event = Event.objects.get(kind="launch.tuned")
    sent = {"change": event.pk, "seen": event.pk, "reason": "a slip"}
    console.post(f"/admin/waitlist/launch/{launch.pk}/put-back/", sent)
    assert Launch.objects.values().get() == before and not PointsWeight.objects.exists()
    assert Event.objects.filter(kind="launch.tuned").order_by("-pk")[0].data["reason"] == "a slip"


def test_nothing_is_put_back_over_a_change_that_was_not_seen(console: Client, launch: Launch) -> None:
    tuning.tune(launch, {"daily_quota": 7}, by="staff:1")
    event = Event.objects.get(kind="launch.tuned")
    tuning.tune(launch, {"daily_quota": 8}, by="staff:1")
    page = f"/admin/waitlist/launch/{launch.pk}/put-back/"
    assert (
        "Nothing was put back"
        in console.post(page, {"change": event.pk, "seen": event.pk}, follow=True).content.decode()
    )
    assert Launch.objects.get().daily_quota == 8


def queue(launch: Launch) -> list[int]:
    return list(queries.ranked(launch).values_list("pk", flat=True))


@pytest.fixture
def crowd(launch: Launch) -> list[Entry]:
    """Ten people of several kinds, two of them with points that came later."""
    personas = ("agency", "solo_founder", "other", "small_team", "agency")
    people = [cast.waits(launch, f"p{n}", persona=personas[n % 5], use_case="light " * n) for n in range(10)]
    awarding.award(people[2].pk, "friend_confirmed", 5, key="friend", by="system")
    awarding.award(people[7].pk, "reward", 40, key="3", by="system")
    return people


def test_the_preview_of_new_points_is_what_scoring_anew_does(
    console: Client, launch: Launch, crowd: list[Entry], django_capture_on_commit_callbacks: Any
) -> None:
    said = {"points-a-persona-agency": "0", "keywords": "light", "rescores": "on"}
    old = queue(launch)
    points = dict(Entry.objects.values_list("pk", "priority"))
    plan = save(console, launch, sure=False, **said).context["plan"]
    save(console, launch, **said)
    job = Job.objects.get(name="waitlist.rescore_entry")
    rescoring.rescore(job.ids, "new points", by="staff:1")
    new = queue(launch)
    moved = {one.entry_id: (one.was, one.would_be) for one in plan.moved}
    assert moved == {pk: (old.index(pk) + 1, new.index(pk) + 1) for pk in old if old.index(pk) != new.index(pk)}
    changed = {pk for pk, priority in Entry.objects.values_list("pk", "priority") if priority != points[pk]}
    assert f"Other points: {len(changed)} of 10 who wait" in " ".join(previews.sentences(plan))


def test_the_way_back_is_offered_once_somebody_was_scored_anew(
    console: Client, launch: Launch, crowd: list[Entry]
) -> None:
    page = f"/admin/waitlist/launch/{launch.pk}/change/"
    before = console.get(page).content.decode()
    assert "Take the last new scoring back" not in before and "Save and continue" not in before
    save(console, launch, keywords="light", rescores="on")
    assert "Take the last new scoring back" in console.get(page).content.decode()
    assert Job.objects.get().back == page


def test_scoring_anew_is_taken_back_exactly(launch: Launch, crowd: list[Entry]) -> None:
    ids = [one.pk for one in crowd]
    lines = set(Points.objects.values_list("entry", "rule", "key", "points", "reason"))
    order = queue(launch)
    tuning.tune(launch, {"keywords": ["light"]}, weights={("persona", "agency", "a"): 1}, by="staff:1")
    assert rescoring.rescore(ids, "new", by="staff:1") > 0
    assert rescoring.rescore(ids, "again", by="staff:1") == 0
    assert queue(launch) != order
    rescoring.unscore(ids, "a slip", by="staff:1")
    assert set(Points.objects.values_list("entry", "rule", "key", "points", "reason")) == lines
    assert queue(launch) == order
    assert rescoring.unscore(ids, "again", by="staff:1") == 0


def test_scoring_anew_by_unchanged_points_changes_nobody(launch: Launch, crowd: list[Entry]) -> None:
    cast.waits(launch, "rita", referral_code=crowd[0].referral_code, source="producthunt", vouched=True)
    assert rescoring.rescore([one.pk for one in Entry.objects.all()], "same", by="staff:1") == 0
    assert not Event.objects.filter(kind="entry.rescored").exists()


def test_of_many_people_some_are_drawn_and_the_page_says_so(
    launch: Launch, crowd: list[Entry], console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "SAMPLE", 4)
    shown = save(console, launch, sure=False, approval="manual").content.decode()
    assert "Reckoned from" in shown and "among the 10 who wait" in shown and "about 10 (±" in shown


def test_a_new_quota_says_how_the_wait_changes(console: Client, launch: Launch, crowd: list[Entry]) -> None:
    said = save(console, launch, sure=False, daily_quota="1").content.decode()
    assert "position 10): a day now, 10 days then" in said


def test_new_bounds_say_whom_they_would_hold(console: Client, launch: Launch) -> None:
    cast.waits(launch, "eve")
    said = save(console, launch, sure=False, review_score="1", deny_score="2").content.decode()
    assert "By what the rules last found" in said and "nobody who waits or is held now is touched" in said


@pytest.mark.parametrize(("role", "may_change"), [("viewer", False), ("moderator", False), ("owner", True)])
def test_each_role_sees_the_settings_and_owners_alone_change_them(
    role: str, may_change: bool, launch: Launch, client: Client
) -> None:
    staff = User.objects.create_user("fay@example.com", is_staff=True, admitted_by="staff:test")
    staff.groups.add(Group.objects.get(name=role))
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    tuning.tune(launch, {"daily_quota": 7}, by="staff:1")
    event = Event.objects.get(kind="launch.tuned")
    shown = client.get(CHANGE.format(launch.pk))
    assert shown.status_code == 200 and "Daily quota: 100 → 7" in shown.content.decode()
    assert ("Put it back" in shown.content.decode()) == may_change
    client.post(f"/admin/waitlist/launch/{launch.pk}/put-back/", {"change": event.pk, "seen": event.pk})
    assert Launch.objects.get().daily_quota == (100 if may_change else 7)
    for page in ("tighten", "widen"):
        assert client.get(f"/admin/waitlist/launch/{launch.pk}/{page}/").status_code == (200 if may_change else 403)


def test_who_may_only_look_changes_nothing(launch: Launch, client: Client) -> None:
    viewer = cast.dev()
    viewer.is_superuser = False
    viewer.save()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    pages = ("change/", "preview/", "put-back/", "scores-back/", "tighten/", "widen/")
    for page in pages:
        assert client.post(f"/admin/waitlist/launch/{launch.pk}/{page}", {"sure": "1"}).status_code == 403
