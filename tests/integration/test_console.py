"""The plain console: state is read-only, each button a verb with a reason, an export that is safe and on record."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from outbox.models import Event
from tests import cast
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
ENTRIES = "/admin/waitlist/entry/"


@pytest.fixture
def console(launch: Launch) -> Client:
    """Dev's browser."""
    client = Client()
    client.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    return client


def act(console: Client, page: str, action: str, ids: list[int], reason: str = "because") -> str:
    """Chooses rows, an action and a reason; what the console says."""
    chosen = {"action": action, "_selected_action": ids, "apply": "1", "reason": reason}
    return console.post(page, chosen, follow=True).content.decode()


@pytest.mark.parametrize("model", [model for model in admin.site._registry if model._meta.app_label != "auth"])
def test_every_page_of_the_console_opens(model: type[Entry], console: Client) -> None:
    cast.ben(Launch.objects.get())
    meta = model._meta
    assert console.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")).status_code == 200
    row = model._default_manager.first()
    if row is not None:
        assert (
            console.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])).status_code == 200
        )


@pytest.mark.parametrize(
    ("action", "status", "held"),
    [
        ("hold", "waiting", True),
        ("reject", "rejected", False),
        ("block", "blocked", False),
        ("approve", "approved", False),
        ("invite_now", "invited", False),
    ],
)
def test_a_moderator_acts_with_a_reason(action: str, status: str, held: bool, console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert "1 changed." in act(console, ENTRIES, action, [ada.pk])
    ada = cast.now(ada)
    assert (ada.status, ada.held_at is not None) == (status, held)
    events = Event.objects.filter(subject=f"entry:{ada.pk}", by__startswith="staff:")
    assert "because" in {event.data.get("reason") for event in events}


def test_without_a_reason_nothing_happens(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert "Reason" in act(console, ENTRIES, "block", [ada.pk], reason="")
    assert cast.now(ada).status == "waiting"


def test_the_console_says_how_many_could_not_be_changed(console: Client, launch: Launch) -> None:
    ben, ada = cast.ben(launch), cast.ada(launch)
    said = act(console, ENTRIES, "approve", [ada.pk, ben.pk])
    assert "1 changed. 1 stood where this cannot be done." in said


def test_nobody_edits_a_state_by_hand(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert console.post(f"{ENTRIES}{ada.pk}/change/", {"status": "registered"}).status_code == 403
    assert cast.now(ada).status == "waiting"


def test_a_setting_changed_in_the_console_stands_in_the_trail(console: Client, launch: Launch) -> None:
    page = f"/admin/waitlist/launch/{launch.pk}/change/"
    form = console.get(page).context["adminform"].form
    said = {
        name: value for name, value in form.initial.items() if value is not None and not isinstance(value, (bool, list))
    }
    said |= {name: "on" for name, value in form.initial.items() if value is True}
    said |= {"keywords": "light,time", "daily_quota": "7"}
    for inline in ("weights", "milestones"):
        said |= {f"{inline}-TOTAL_FORMS": "0", f"{inline}-INITIAL_FORMS": "0"}
    assert console.post(page, said).status_code == 302
    launch.refresh_from_db()
    assert launch.daily_quota == 7
    assert Event.objects.get(kind="launch.tuned").data["changes"]["daily_quota"] == ["100", "7"]


def test_an_export_runs_nothing_and_stands_in_the_trail(console: Client, launch: Launch) -> None:
    cast.waits(launch, "eve", use_case="=HYPERLINK(1)")
    resource = {"format": "0", "resource": "0"}
    fields = {f"entryresource_{name}": "on" for name in ("id", "contact", "use_case", "status")}
    file = console.post(f"{ENTRIES}export/", resource | fields).content.decode()
    assert "'=HYPERLINK(1)" in file
    assert ",=HYPERLINK" not in file
    assert Event.objects.get(kind="entries.exported").data == {"rows": 1}


def test_a_member_does_not_see_the_console(client: Client, launch: Launch) -> None:
    assert client.get(ENTRIES).status_code == 302


def test_nobody_proves_an_address_or_gives_a_log_in_away_by_hand() -> None:
    assert {model._meta.app_label for model in admin.site._registry}.isdisjoint({"account", "socialaccount"})


def test_an_owner_lets_the_next_people_in_from_the_console(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    act(console, "/admin/waitlist/launch/", "release_batch", [launch.pk])
    assert cast.now(ada).status == "invited"
    assert Event.objects.get(kind="batch.planned").data["reason"] == "because"
