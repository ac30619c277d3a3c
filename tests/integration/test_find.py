"""The one box: it finds a person or a code by whatever somebody has in hand, and tells nobody more than they may know."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.actions import create_staff
from config import finding
from invites import tokens
from invites.models import Code, Invite, Redemption
from invites.queries import text_of
from outbox.mail import message_id
from outbox.models import Delivery
from tests import cast
from tests.conftest import Mailbox
from tests.integration.test_console import console
from tests.signups import shared_code
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
__all__ = ["console"]


def staff(role: str) -> Client:
    """Somebody in that role."""
    user, _password = create_staff(f"{role}@example.org", role, "correct horse battery staple", by="test")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(entry: Entry) -> str:
    return f"/admin/waitlist/entry/{entry.pk}/change/"


def found(client: Client, typed: str) -> Any:
    return client.post("/admin/find/", {"q": typed})


@pytest.fixture
def ada(launch: Launch) -> Entry:
    called(cast.waits(launch, "eve"), "Eve Adams")
    return called(cast.ada(launch), "Ada Lovelace-King")


def called(entry: Entry, name: str) -> Entry:
    """The person under a longer name."""
    Entry.objects.filter(pk=entry.pk).update(name=name)
    return entry


@pytest.mark.parametrize(
    "typed", ["ada@example.com", " ADA@Example.com ", "lovel", "ada lovelace", "KING", "ada@ex", "entry 0", "#0"]
)
def test_a_person_is_found_at_once(typed: str, console: Client, ada: Entry) -> None:
    answer = found(console, typed.replace("0", str(ada.pk)))
    assert answer.status_code == 302 and answer["Location"] == page(ada)


def test_a_domain_and_a_beginning_find_several_with_the_reason(console: Client, ada: Entry) -> None:
    said = found(console, "@example.com").content.decode()
    assert "ada@example.com" in said and "eve@example.com" in said and "the domain of their address" in said


def test_a_phone_is_found_however_it_is_written(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    Entry.objects.filter(pk=ben.pk).update(contact_kind="phone", contact="+44 20 7946 0958", canonical="+442079460958")
    for typed in ("+44 20 7946 0958", "442079460958", "+442079460958"):
        assert found(console, typed)["Location"] == page(ben)


def test_a_code_is_found_in_any_shape(console: Client, launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    code = text_of(offer.code)
    for typed in (code, code.lower(), code.replace("-", " "), code.replace("VES", "ve5"), offer.code.last4.lower()):
        assert found(console, typed)["Location"] == page(ada), typed


def test_a_link_with_a_code_in_it_is_found_as_the_code_is(console: Client, launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    token = tokens.invite_token(offer)
    for typed in (
        f"https://x.example/join/?code={text_of(offer.code)}",
        f"https://x.example/join/?invite={token}",
        token,
    ):
        assert found(console, typed)["Location"] == page(ada)


def test_a_used_code_leads_to_who_used_it_and_who_gave_it(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    assert found(console, cast.code_of(ben))["Location"] == page(ben)


def test_a_code_for_many_shows_itself_beside_the_one_who_has_used_it(console: Client, launch: Launch) -> None:
    text = shared_code(launch, uses=5)
    code = Code.objects.get(max_uses=5)
    assert found(console, text)["Location"] == f"/admin/invites/code/{code.pk}/change/"
    ben = cast.ben(launch)
    Redemption.objects.filter(entry=ben).update(code=code)
    said = found(console, text).content.decode()
    assert page(ben) in said and f"/admin/invites/code/{code.pk}/change/" in said


def test_ids_of_the_product_and_a_referral_code_find_the_member(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    Entry.objects.filter(pk=ben.pk).update(host_user_id="usr-77")
    for typed in ("usr-77", str(ben.member_id), ben.referral_code, ben.referral_code.upper()):
        assert found(console, typed)["Location"] == page(ben), typed


def test_a_forwarded_mail_is_found_by_its_message_id(console: Client, launch: Launch, mailbox: Mailbox) -> None:
    ada, _offer = cast.invited(launch, "ada")
    mailbox.all()
    for one in Delivery.objects.filter(name="invited", status="done"):
        assert message_id(one) == one.message_id
        assert found(console, one.message_id)["Location"] == page(ada)
    assert found(console, "<" + "0" * 32 + "@example.com>").status_code == 200


def test_nothing_found_teaches_what_can_be_typed(console: Client, launch: Launch) -> None:
    said = found(console, "nobody at all").content.decode()
    assert "Nobody and nothing was found." in said and "a code as somebody typed" in said
    assert "This is what the box understands" in console.get("/admin/find/").content.decode()


@pytest.mark.parametrize(
    "typed", ["", "'", "\\", "a & b | !c", ":*", "\x00", "%", "é" * 300, "()", "9" * 40, "@", "@@"]
)
def test_whatever_is_typed_breaks_nothing(typed: str, console: Client, ada: Entry) -> None:
    assert found(console, typed).status_code == 200


def test_a_viewer_finds_by_a_whole_address_and_never_by_a_part(ada: Entry) -> None:
    viewer = staff("viewer")
    assert found(viewer, "ada@example.com")["Location"] == page(ada)
    for typed in ("@example.com", "ada@ex", "example.com"):
        said = found(viewer, typed).content.decode()
        assert "Nobody and nothing was found." in said, typed
    masked = viewer.get(page(ada)).content.decode()
    assert "ada@example.com" not in masked and "ad…@ex…" in masked


def test_a_viewer_finds_nobody_by_the_beginning_of_an_address(launch: Launch) -> None:
    called(cast.waits(launch, "zoe.secret"), "Somebody")
    assert "Nobody and nothing was found." in found(staff("viewer"), "zoe.sec").content.decode()


def test_who_has_no_role_finds_nobody(launch: Launch, ada: Entry) -> None:
    nobody = staff("viewer")
    Group.objects.get(name="viewer").permissions.clear()
    assert found(nobody, "ada@example.com").status_code == 200
    assert nobody.get(page(ada)).status_code == 403


def test_what_is_typed_is_not_read_from_an_address(console: Client, ada: Entry) -> None:
    assert console.get("/admin/find/?q=ada@example.com").status_code == 200


def test_the_box_stands_on_every_page_of_the_console(console: Client, launch: Launch) -> None:
    said = console.get("/admin/quality/alert/").content.decode()
    assert 'id="find-anything"' in said and "console-person.js" in said


def test_a_search_asks_so_many_questions_and_no_more(
    console: Client, ada: Entry, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        Entry.objects.create(
            launch=ada.launch, name="Lovely", canonical=f"l{n}@x.com", contact="l", referral_code=f"r{n}"
        )
    with django_assert_max_num_queries(25):
        said = found(console, "lov").content.decode()
    assert "There are more" in said


def test_an_old_code_that_was_replaced_still_leads_to_its_person(console: Client, launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    Delivery.objects.filter(name="invited").update(status="done")
    old = text_of(offer.code)
    post = {"act": "resend", "resend-reason": "lost"}
    console.post(page(ada), post)
    assert Code.objects.filter(status="revoked").count() == 1
    assert found(console, old)["Location"] == page(ada)
    assert Invite.objects.get().code.status == "active"


def test_the_finders_are_all_tried() -> None:
    assert {one.__name__ for one in finding.EXACT} == {"by_address", "by_number", "by_code", "by_message"}
