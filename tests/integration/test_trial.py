"""Two scoring tables side by side: who falls to which, what table B says, and what may be said of the outcome."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from invites.actions import redeeming
from outbox.models import Event
from quality.models import Activity
from quality.queries import trials as queries
from quality.trials import Share
from tests import cast
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch, PointsWeight
from waitlist.queries import rules_of
from waitlist.scoring import arm_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(client: Client) -> Client:
    """Dev, logged in."""
    client.force_login(cast.dev())
    return client


def points(entry: Entry) -> dict[str, int]:
    return dict(entry.points.values_list("rule", "points"))


def tells(entry: Entry, kind: str) -> None:
    """The host product tells something about a member."""
    Activity(launch=entry.launch, entry=entry, event_id=f"{kind}:{entry.pk}", kind=kind, at=timezone.now()).save()


# Who falls to which table


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
def test_the_split_holds_within_what_chance_explains(percent: int) -> None:
    people = 20_000
    of_b = sum(arm_of("email", f"person{n}@example.com", percent) == "b" for n in range(people))
    share = percent / 100
    assert abs(of_b - people * share) < 4 * (people * share * (1 - share)) ** 0.5


@pytest.mark.parametrize(("percent", "arm"), [(0, "a"), (100, "b")])
def test_none_and_all_are_meant_literally(percent: int, arm: str) -> None:
    assert {arm_of("email", f"person{n}@example.com", percent) for n in range(1000)} == {arm}


def test_the_same_contact_always_falls_to_the_same_table_and_a_wider_split_only_adds() -> None:
    people = [f"person{n}@example.com" for n in range(2000)]
    arms = {percent: {one for one in people if arm_of("email", one, percent) == "b"} for percent in (10, 10, 30, 80)}
    assert arms[10] == {one for one in people if arm_of("email", one, 10) == "b"}
    assert arms[10] < arms[30] < arms[80]


def test_who_leaves_and_joins_again_stays_in_their_table(launch: Launch) -> None:
    tuning.tune(launch, {"trial_percent": 50}, by="staff:1")
    ada = cast.ada(launch)
    deciding.leave(ada, by="public")
    tuning.tune(launch, {"trial_percent": 0 if ada.arm == "b" else 100}, by="staff:1")
    assert cast.waits(launch, "ada").arm == ada.arm


# What table B says


def test_table_b_says_only_what_differs(launch: Launch) -> None:
    tuning.weigh(launch, "persona", "agency", 30, by="staff:1")
    tuning.weigh(launch, "persona", "other", 7, by="staff:1")
    tuning.weigh(launch, "persona", "other", 1, by="staff:1", arm="b")
    assert points(cast.joins(launch, "ada")) == {"persona": 7}
    tuning.tune(launch, {"trial_percent": 100}, by="staff:1")
    assert points(cast.joins(launch, "ben")) == {"persona": 1}
    assert points(cast.joins(launch, "eve", persona="agency")) == {"persona": 30}
    assert list(Entry.objects.order_by("pk").values_list("arm", flat=True)) == ["a", "b", "b"]


def test_points_taken_from_a_and_given_to_b_leave_none_behind(console: Client, launch: Launch) -> None:
    tuning.weigh(launch, "persona", "agency", 30, by="staff:1")
    page = f"/admin/waitlist/launch/{launch.pk}/change/"
    sent = sent_by(console, page) | {"points-a-persona-agency": "", "points-b-persona-agency": "40", "sure": "1"}
    assert console.post(page, sent).status_code == 302
    assert list(PointsWeight.objects.values_list("arm", "points")) == [("b", 40)]
    rules = rules_of(None)
    assert rules
    assert rules.of_arm("a") == {}
    changes = Event.objects.filter(kind="launch.tuned").order_by("-pk")[0].data["changes"]
    changes.pop("keywords")
    assert changes == {"points persona agency": [30, "default"], "points persona agency in table B": ["default", 40]}


def sent_by(console: Client, page: str) -> dict[str, object]:
    """What the form of that page sends when nothing is changed."""
    form = console.get(page).context["adminform"].form
    kept = {
        name: value for name, value in form.initial.items() if value is not None and not isinstance(value, bool | list)
    }
    kept |= {name: "on" for name, value in form.initial.items() if value is True}
    return kept | {"keywords": "light,time", "milestones-TOTAL_FORMS": "0", "milestones-INITIAL_FORMS": "0"}


# What became of them


@pytest.fixture
def two_tables(launch: Launch) -> Launch:
    """Ada and Ben waited under table A, Eve and Fay under B; Ben, Eve and Fay are in, Eve uses it, Fay went away."""
    tuning.tune(launch, {"trial_percent": 50}, by="staff:1")
    for name, arm in (("ada", "a"), ("ben", "a"), ("eve", "b"), ("fay", "b")):
        entry = cast.waits(launch, name) if name == "ada" else cast.registers(launch, name)
        Entry.objects.filter(pk=entry.pk).update(arm=arm)
    tells(Entry.objects.get(canonical="eve@example.com"), "activated")
    tells(Entry.objects.get(canonical="fay@example.com"), "activated")
    tells(Entry.objects.get(canonical="fay@example.com"), "churned")
    return launch


def found(launch: Launch) -> dict[str, tuple[Share, Share]]:
    since = queries.split_since(launch)
    assert since
    return {one.name: (one.a, one.b) for one in queries.outcomes(launch, since, timezone.now() + timedelta(1))}


def test_the_outcome_is_counted_by_table(two_tables: Launch) -> None:
    assert found(two_tables) == {
        "registered": (Share(1, 2), Share(2, 2)),
        "activated": (Share(0, 2), Share(2, 2)),
        "churned": (Share(0, 2), Share(1, 2)),
    }


def test_who_came_before_the_split_or_past_the_queue_is_left_out(launch: Launch) -> None:
    cast.ada(launch)
    tuning.tune(launch, {"trial_percent": 50}, by="staff:1")
    ben = cast.registers(launch, "ben")
    Entry.objects.filter(pk=ben.pk).update(arm="a")
    code = cast.code_of(ben)
    redeemed = redeeming.redeem(launch, redeeming.Ask(cast.contact("eve"), code=code, proven=True), by="public")
    assert redeemed.entry_id
    assert found(launch)["registered"] == (Share(1, 1), Share(0, 0))


def test_setting_the_split_anew_begins_anew(two_tables: Launch) -> None:
    two_tables.refresh_from_db()
    tuning.tune(two_tables, {"trial_percent": 20}, by="staff:1")
    assert found(two_tables)["registered"] == (Share(0, 0), Share(0, 0))


def test_the_console_says_it_in_words(console: Client, two_tables: Launch) -> None:
    tuning.weigh(two_tables, "persona", "agency", 40, by="staff:1", arm="b")
    launch_page = console.get(f"/admin/waitlist/launch/{two_tables.pk}/change/").content.decode()
    assert f"/admin/waitlist/launch/{two_tables.pk}/trial/" in launch_page
    assert "an empty field of table B gives what A gives" in launch_page
    page = console.get(f"/admin/waitlist/launch/{two_tables.pk}/trial/").content.decode()
    assert "persona (agency): 40 points" in page
    assert "1 / 2: 50.0 % (9.5–90.5)" in page
    assert "No difference can be told yet" in page


def test_the_console_says_it_when_there_is_no_split(console: Client, launch: Launch) -> None:
    page = console.get(f"/admin/waitlist/launch/{launch.pk}/trial/").content.decode()
    assert "No split was ever set" in page
    assert "both tables score alike" in page


def test_a_stranger_does_not_see_it(client: Client, launch: Launch) -> None:
    assert client.get(f"/admin/waitlist/launch/{launch.pk}/trial/").status_code == 302
