"""Who may do what: the whole matrix of roles and verbs, generated from the console's pages. A verb without a line in DECIDED,
a page without a line in PAGES, or a button of a page without a line in BUTTONS fails here until somebody decides."""

import re
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.actions import create_staff
from accounts.admin import ACTS as OF_USERS
from accounts.models import User
from accounts.scopes import ROLES as SCOPES_OF
from accounts.scopes import SCOPES
from config import console_urls
from config.roles import APPS
from invites import leaks
from invites.actions import containing
from invites.models import Batch, CampaignDay, Code, CodeRun, Reservation
from outbox.actions import start_job
from outbox.console import Page
from outbox.models import Endpoint, Event
from quality.actions import barring, gating
from quality.admin.gates import NEEDS as OF_GATES
from quality.bars import Target
from quality.models import Alert, Assessment
from tests import cast
from waitlist.actions import uploading
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
ROLES = ("viewer", "moderator", "owner")
NOW_AND_THEN, EVERY_DAY, LOOKS = "owner", "moderator", "viewer"

# The lowest role that may do it. Looking at rows is for everybody, and typing into rows for owners, but for what stands here.
DECIDED: dict[str, str] = {
    "accounts.deactivate_user": NOW_AND_THEN,
    "accounts.give_role_user": NOW_AND_THEN,
    "accounts.reactivate_user": NOW_AND_THEN,
    "accounts.reset_second_factor_user": NOW_AND_THEN,
    "accounts.revoke_apikey": NOW_AND_THEN,
    "accounts.sign_out_user": NOW_AND_THEN,
    "accounts.take_role_user": NOW_AND_THEN,
    "accounts.view_apikey": NOW_AND_THEN,
    "accounts.view_user": NOW_AND_THEN,
    "invites.cancel_batch": NOW_AND_THEN,
    "invites.contain_code": EVERY_DAY,
    "invites.undo_containment": EVERY_DAY,
    "invites.export_code": NOW_AND_THEN,
    "invites.export_redemption": NOW_AND_THEN,
    "invites.extend_code": EVERY_DAY,
    "invites.import_code": NOW_AND_THEN,
    "invites.issue_invite": EVERY_DAY,
    "invites.make_code": EVERY_DAY,
    "invites.partner_code": NOW_AND_THEN,
    "invites.pause_batch": EVERY_DAY,
    "invites.pause_code": EVERY_DAY,
    "invites.release_batch": NOW_AND_THEN,
    "invites.resend_invite": EVERY_DAY,
    "invites.resume_batch": EVERY_DAY,
    "invites.resume_code": EVERY_DAY,
    "invites.reveal_code": NOW_AND_THEN,
    "invites.revoke_code": EVERY_DAY,
    "outbox.disable_endpoint": NOW_AND_THEN,
    "outbox.enable_endpoint": NOW_AND_THEN,
    "outbox.lift_suppression": NOW_AND_THEN,
    "outbox.replay_delivery": EVERY_DAY,
    "outbox.resume_job": EVERY_DAY,
    "outbox.rotate_endpoint": NOW_AND_THEN,
    "outbox.stop_job": EVERY_DAY,
    "outbox.view_endpoint": NOW_AND_THEN,
    "quality.end_bar": EVERY_DAY,
    "quality.make_bar": EVERY_DAY,
    "quality.end_alert": EVERY_DAY,
    "quality.override_gate": NOW_AND_THEN,
    "quality.switch_gate": NOW_AND_THEN,
    "referrals.claw_back_reward": EVERY_DAY,
    "referrals.drop_reward": EVERY_DAY,
    "referrals.export_referral": NOW_AND_THEN,
    "referrals.grant_reward": NOW_AND_THEN,
    "referrals.import_referral": NOW_AND_THEN,
    "referrals.void_referral": EVERY_DAY,
    "waitlist.appeal_entry": EVERY_DAY,
    "waitlist.approve_entry": EVERY_DAY,
    "waitlist.block_entry": EVERY_DAY,
    "waitlist.comment_entry": EVERY_DAY,
    "waitlist.contact_entry": EVERY_DAY,
    "waitlist.erase_entry": NOW_AND_THEN,
    "waitlist.export_entry": NOW_AND_THEN,
    "waitlist.hold_entry": EVERY_DAY,
    "waitlist.import_entry": EVERY_DAY,
    "waitlist.prioritise_entry": EVERY_DAY,
    "waitlist.readdress_entry": EVERY_DAY,
    "waitlist.reject_entry": EVERY_DAY,
    "waitlist.release_entry": EVERY_DAY,
    "waitlist.rescore_entry": NOW_AND_THEN,
    "waitlist.unscore_entry": NOW_AND_THEN,
    "waitlist.restore_entry": EVERY_DAY,
    "waitlist.suspend_entry": EVERY_DAY,
    "waitlist.takeout_entry": NOW_AND_THEN,
    "waitlist.tighten_launch": NOW_AND_THEN,
    "waitlist.widen_launch": NOW_AND_THEN,
}


class Button(NamedTuple):
    """A button on a page of its own: what it sends where, and what it needs."""

    page: str
    sends: dict[str, Any]
    needs: str


# Pages beside the lists and forms of the rows: the lowest role that sees them. Their arguments are filled in by ARGUMENTS.
PAGES: dict[str, str] = {
    "bar": LOOKS,
    "bars": LOOKS,
    "dashboard": LOOKS,
    "find": LOOKS,
    "import": EVERY_DAY,
    "import-look": EVERY_DAY,
    "invites-campaign": LOOKS,
    "invites-campaigns": LOOKS,
    "invites-channel": LOOKS,
    "invites-channels": LOOKS,
    "launch-tighten": NOW_AND_THEN,
    "launch-trial": LOOKS,
    "launch-widen": NOW_AND_THEN,
    "leak": EVERY_DAY,
    "leaks": EVERY_DAY,
    "person": LOOKS,
    "person-erase": NOW_AND_THEN,
    "review": LOOKS,
    "admin:invites_code_export": NOW_AND_THEN,
    "admin:invites_code_generate": EVERY_DAY,
    "admin:invites_redemption_export": NOW_AND_THEN,
    "admin:quality_gate_board": LOOKS,
    "admin:referrals_referral_export": NOW_AND_THEN,
    "admin:waitlist_entry_export": NOW_AND_THEN,
}
# What is only sent, never shown: the lowest role that it does anything for.
SENT: dict[str, str] = {
    "person-takeout": NOW_AND_THEN,
    "quota": NOW_AND_THEN,
    "admin:invites_code_reveal": NOW_AND_THEN,
    "admin:invites_coderun_print": NOW_AND_THEN,
    "admin:invites_coderun_take": NOW_AND_THEN,
    "admin:waitlist_launch_preview": NOW_AND_THEN,
    "admin:waitlist_launch_put_back": NOW_AND_THEN,
    "admin:waitlist_launch_scores_back": NOW_AND_THEN,
}
BUTTONS: dict[str, Button] = {
    "job.stop": Button("admin:outbox_job_change", {"act": "stop"}, "outbox.stop_job"),
    "job.resume": Button("admin:outbox_job_change", {"act": "resume"}, "outbox.resume_job"),
    **{f"gate.{act}": Button("admin:quality_gate_board", {"act": act, "hours": 1}, OF_GATES[act]) for act in OF_GATES},
    **{
        f"user.{name}": Button("admin:accounts_user_change", {"act": name, "role": "viewer"}, act.needs)
        for name, act in OF_USERS.items()
    },
}


def allowed(needs: str, role: str) -> bool:
    """Whether the table lets that role do what needs this permission."""
    verb = needs.partition(".")[2]
    lowest = DECIDED.get(needs) or (LOOKS if verb.startswith("view_") else NOW_AND_THEN)
    return ROLES.index(role) >= ROLES.index(lowest)


def named(page: Any) -> str:
    return f"{page.opts.app_label}_{page.opts.model_name}"


LISTS = {named(page): page for page in admin.site._registry.values()}


def actions_of(page: Any) -> list[Any]:
    return [getattr(type(page), one) if isinstance(one, str) else one for one in page.actions or ()]


ACTIONS = [(name, one.__name__, getattr(one, "needs", "")) for name, page in LISTS.items() for one in actions_of(page)]


@pytest.fixture
def world(launch: Launch) -> dict[str, Any]:
    """Somebody and something of nearly every kind, and what the addresses of pages are made of."""
    ben, ada, _cleo = cast.ben(launch), cast.ada(launch), cast.cleo(launch)
    cast.registers(launch, "fay", referral_code=ben.referral_code)
    Assessment.objects.create(launch=launch, entry=ada, act="join", evidence={}, rules=[], score=0, verdict="allow")
    Alert.objects.create(launch=launch, code="spike", subject="twitter", detail="many")
    Batch.objects.create(launch=launch, by="beat")
    Endpoint.objects.create(url="https://hooks.example/", secret=b"", by="cli")
    thresholds = {"closes_at": 0.1, "opens_at": 0.08}
    gate = gating.set_gate(launch, "churn_rate", by="cli", now=timezone.now(), **thresholds)
    job = start_job("waitlist.approve_entry", [ada.pk], "because", by="staff:1")
    member = User.objects.create_user("member@example.com", admitted_by="code:1")
    Entry.objects.filter(pk=ben.pk).update(user=member, host_user_id="ben@example.com")
    code = Code.objects.order_by("pk").first()
    assert code
    named = {"contact": ada.contact, "canonical": ada.canonical, "contact_kind": "email"}
    Reservation.objects.create(code=code, hold_id=uuid.uuid4(), expires_at=timezone.now(), **named)
    run = code.run or CodeRun.objects.create(launch=launch, batch_id="fair", asked={}, by="cli")
    bar = barring.make_bar(Target(domain="spam.example"), "spam", days=30, by="cli")
    day = {"launch": launch, "campaign": "fair", "channel": "fair", "date": timezone.now().date()}
    CampaignDay.objects.create(issued=1, **day)
    leaked = leaks.Target(launch.pk, "campaign", "fair", timezone.now())
    leak, _fresh = containing.contain(containing.Decision(leaked), "printed twice", by="cli")
    brought = uploading.Brought(launch, "entries", "join", "people.csv", 30, False)
    upload = uploading.bring(brought, [b"email\nada@example.com\n"], by="cli")
    on_launch = ("launch-trial", "launch-tighten", "launch-widen", "quota")
    of_launch = ("preview", "put_back", "scores_back")
    return {
        **{name: [launch.pk] for name in (*on_launch, *(f"admin:waitlist_launch_{one}" for one in of_launch))},
        **{name: [ada.pk] for name in ("person", "person-erase", "person-takeout")},
        **{f"admin:invites_coderun_{name}": [run.pk] for name in ("print", "take")},
        "admin:invites_code_reveal": [code.pk],
        "bar": [bar.pk],
        "import": ["entries"],
        "import-look": [upload.pk],
        "leak": [leak.pk],
        "admin:quality_gate_board": [gate.pk],
        "admin:outbox_job_change": [job.pk],
        "admin:accounts_user_change": [member.pk],
    }


def address_of(page: str, world: dict[str, Any]) -> str:
    """Where a page of our own is; those of campaigns and channels are told which."""
    return reverse(page, args=world.get(page)) + (
        "?name=fair" if page in ("invites-campaign", "invites-channel") else ""
    )


def client_of(role: str) -> Client:
    """The browser of somebody in that role."""
    user, _password = create_staff(f"{role}@staff.example", role, by="cli")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def of_table(needs: str) -> bool:
    """Whether somebody decided about it."""
    return needs in DECIDED


def test_every_verb_that_has_a_permission_was_decided() -> None:
    declared = {
        f"{model._meta.app_label}.{code}"
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        for code, _words in model._meta.permissions
    }
    rows = {f"{model._meta.app_label}.view_{model._meta.model_name}" for model in apps.get_models()}
    assert {needs for needs in DECIDED if needs not in rows} == declared


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_exactly_what_the_table_says(role: str) -> None:
    of_console = Permission.objects.filter(content_type__app_label__in=APPS).select_related("content_type")
    every = {f"{one.content_type.app_label}.{one.codename}" for one in of_console}
    given = Group.objects.get(name=role).permissions.select_related("content_type")
    names = {f"{one.content_type.app_label}.{one.codename}" for one in given}
    assert names == {needs for needs in every if allowed(needs, role)}


def test_over_the_api_nobody_but_an_owner_writes() -> None:
    assert set(SCOPES_OF) == set(ROLES)
    assert SCOPES_OF["owner"] == frozenset(SCOPES)
    for role in ("viewer", "moderator"):
        assert {scope for scope in SCOPES_OF[role] if not scope.endswith(":read")} == set()


@pytest.mark.parametrize(("page", "action", "needs"), ACTIONS)
def test_every_action_of_a_list_has_a_permission_that_was_decided(page: str, action: str, needs: str) -> None:
    assert of_table(needs), f"{action} of {page} needs {needs or 'nothing'}: decide about it in DECIDED"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_offered_what_it_may_do_and_nothing_else(role: str, world: Any) -> None:
    request = RequestFactory().get("/admin/")
    request.user = create_staff(f"{role}@staff.example", role, by="cli")[0]
    for page, action, needs in ACTIONS:
        assert (action in LISTS[page].get_actions(request)) == allowed(needs, role), (page, action)


@pytest.mark.parametrize("role", ROLES)
def test_what_is_sent_all_the_same_is_done_or_refused_as_it_is_offered(role: str, world: Any) -> None:
    client = client_of(role)
    for page, action, needs in ACTIONS:
        if not client_may_see(role, page):
            assert client.post(reverse(f"admin:{page}_changelist"), {}).status_code == 403, page
            continue
        ids = list(LISTS[page].model._default_manager.values_list("pk", flat=True)[:3])
        before = Event.objects.count()
        sent = {"action": action, "_selected_action": ids or [1], "apply": "1", "reason": "because", "days": 7}
        said = client.post(reverse(f"admin:{page}_changelist"), sent, follow=True).content.decode()
        ran = bool(re.search(r"changed\.|Nothing was changed|not shown again", said))
        assert ran == allowed(needs, role), (page, action, said[:400])
        assert allowed(needs, role) or Event.objects.count() == before, (page, action)


def client_may_see(role: str, page: str) -> bool:
    """Whether the list itself is shown to that role."""
    app, _, model = page.partition("_")
    return allowed(f"{app}.view_{model}", role)


@pytest.mark.parametrize("role", ROLES)
def test_a_list_is_shown_to_whom_the_table_says(role: str, world: Any) -> None:
    client = client_of(role)
    for page in LISTS:
        expected = 200 if client_may_see(role, page) else 403
        assert client.get(reverse(f"admin:{page}_changelist"), follow=True).status_code == expected, page


@pytest.mark.parametrize("role", ["viewer", "moderator"])
def test_nobody_but_an_owner_types_into_rows(role: str, world: Any) -> None:
    client = client_of(role)
    for page, of in LISTS.items():
        row = of.model._default_manager.first()
        addresses = [reverse(f"admin:{page}_add")]
        addresses += [reverse(f"admin:{page}_{form}", args=[row.pk]) for form in ("change", "delete")] if row else []
        before = Event.objects.count()
        assert {client.post(address, {}).status_code for address in addresses} == {403}, page
        assert Event.objects.count() == before, page


def own_pages() -> Iterator[str]:
    """Every page of the console that is no list and no form of rows."""
    yield from (str(one.name) for one in console_urls.urlpatterns)
    for name, page in LISTS.items():
        usual = {f"{name}_{one}" for one in ("changelist", "add", "history", "delete", "change")}
        yield from (f"admin:{one.name}" for one in page.get_urls() if one.name and one.name not in usual)


def test_every_page_of_our_own_was_decided() -> None:
    assert set(PAGES) | set(SENT) == set(own_pages())


@pytest.mark.parametrize("role", ROLES)
def test_a_page_of_our_own_is_shown_to_whom_the_table_says(role: str, world: Any) -> None:
    client = client_of(role)
    for page, lowest in PAGES.items():
        shown = client.get(address_of(page, world)).status_code
        assert (shown == 200) == (ROLES.index(role) >= ROLES.index(lowest)), (page, shown)


@pytest.mark.parametrize("role", ["viewer", "moderator"])
def test_what_only_owners_may_send_changes_nothing_for_others(role: str, world: Any) -> None:
    client = client_of(role)
    before = Event.objects.count()
    for page in SENT:
        address = reverse(page, args=world[page])
        assert client.get(address).status_code in (302, 403, 405), page
        assert client.post(address, {"reason": "because"}).status_code == 403, page
    assert Event.objects.count() == before


def test_every_button_of_a_page_has_a_permission_that_was_decided() -> None:
    assert [name for name, button in BUTTONS.items() if not of_table(button.needs)] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_button_of_a_page_works_for_whom_the_table_says(role: str, world: Any) -> None:
    client = client_of(role)
    for name, button in BUTTONS.items():
        before = Event.objects.count()
        address = reverse(button.page, args=world[button.page])
        answer = client.post(address, {"reason": "because", **button.sends})
        assert (answer.status_code == 302) == allowed(button.needs, role), (name, answer.status_code)
        assert allowed(button.needs, role) or (answer.status_code, Event.objects.count()) == (403, before), name


def test_every_page_of_rows_is_dressed_as_the_console_is() -> None:
    assert [name for name, page in LISTS.items() if not isinstance(page, Page)] == []


# Addresses

ADDRESS = re.compile(r"[\w.+-]+@example\.com")


def every_page(client: Client, world: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the console shows of everything: each list, each row, each page of our own."""
    addresses = [reverse("admin:index"), *(address_of(page, world) for page in PAGES)]
    for page in LISTS:
        addresses.append(reverse(f"admin:{page}_changelist"))
        rows = LISTS[page].model._default_manager.values_list("pk", flat=True)[:10]
        addresses += [reverse(f"admin:{page}_change", args=[pk]) for pk in rows]
    for address in addresses:
        yield address, client.get(address).content.decode()


def test_a_viewer_sees_no_address_in_full_on_any_page(world: Any) -> None:
    shown = dict(every_page(client_of("viewer"), world))
    assert {address: found for address, html in shown.items() if (found := ADDRESS.findall(html))} == {}
    assert "ad…@ex…" in shown[reverse("admin:waitlist_entry_changelist")]
    assert "ad…@ex…" in shown[reverse("admin:waitlist_entry_change", args=[Entry.objects.get(name="Ada").pk])]


def test_a_moderator_sees_them(world: Any) -> None:
    shown = dict(every_page(client_of("moderator"), world))
    for page in ("waitlist_entry", "referrals_referral", "invites_redemption", "quality_assessment"):
        assert ADDRESS.search(shown[reverse(f"admin:{page}_changelist")]), page


@pytest.mark.parametrize(
    "asked",
    ["q=example.com", "contact__startswith=ada", "canonical__regex=^ada", "contact=ada@example.com"],
)
def test_a_viewer_does_not_find_an_address_letter_by_letter(asked: str, world: Any) -> None:
    seen = {}
    for role in ("viewer", "moderator"):
        page = (
            client_of(role).get(f"{reverse('admin:waitlist_entry_changelist')}?{asked}", follow=True).content.decode()
        )
        seen[role] = ("/change/" in page and page.count('name="_selected_action"')) or 0
    everybody = Entry.objects.count()
    assert seen["viewer"] in (0, everybody)
    assert 1 <= seen["moderator"] < everybody or "example.com" in asked


def test_a_viewer_finds_somebody_by_the_whole_address(world: Any) -> None:
    page = (
        client_of("viewer").get(reverse("admin:waitlist_entry_changelist"), {"q": "ada@example.com"}).content.decode()
    )
    assert page.count('name="_selected_action"') == 0  # nothing to choose rows for: no action is offered
    assert "ad…@ex…" in page and "be…@ex…" not in page
