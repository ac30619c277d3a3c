"""What Eve tries in the console: she follows every link as each role, and sends every form of an owner without being one."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.actions import create_staff
from invites import queries
from invites.actions import making, partnering, redeeming
from tests import cast
from waitlist.actions import deciding, reviewing
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
STARTS = ("", "review/", "leaks/", "import/entries/", "waitlist/entry/", "invites/channels/", "outbox/event/")
MOST, ALIKE = 80, 2  # pages, and of those that differ in a number alone
COUNTED_WHEN_SEEN = {"quality_tally", "django_session", "accounts_user"}
Form = tuple[str, dict[str, list[str]]]


@pytest.fixture
def full(launch: Launch) -> Launch:
    """A launch with something on every page, named to do harm."""
    ada = cast.waits(launch, "ada", use_case=EVIL)
    ben = cast.registers(launch, "ben")
    cleo = cast.waits(launch, "cleo", referral_code=ben.referral_code)
    Entry.objects.filter(pk__in=[ada.pk, cleo.pk]).update(name=EVIL, host_user_id="cleo@example.com")
    deciding.hold([cleo.pk], EVIL, by="staff:1")
    reviewing.comment(cleo.pk, EVIL, by="staff:1")
    ends = timezone.now() + timedelta(days=30)
    run, _made = making.generate(
        launch, making.Spec(3, ends, kind="bulk", campaign=EVIL, channel=EVIL, max_uses=5), by="staff:1"
    )
    for name, text in zip(("fay", "ada"), queries.run_texts(run.pk), strict=False):
        redeeming.redeem(launch, redeeming.Ask(cast.contact(name), code=text), by="public")
    partnering.give_page(launch, EVIL, EVIL, 30, by="staff:1")
    return launch


def logged_in(role: str, **options: Any) -> Client:
    user, _password = create_staff(f"{role}@staff.test", role, by="cli")
    client = Client(HTTP_USER_AGENT=EVIL, **options)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def crawl(client: Client) -> dict[str, str]:
    """The pages behind every link that it finds, by their address."""
    seen: dict[str, str] = {}
    kinds: dict[str, int] = {}
    waiting = [f"/admin/{start}" for start in STARTS]
    waiting += [f"/admin/waitlist/entry/{pk}/change/" for pk in Entry.objects.values_list("pk", flat=True)]
    while waiting and len(seen) < MOST:
        address = waiting.pop(0).partition("#")[0]
        kind = re.sub(r"\d+|=[^&]*", "", address)
        if address in seen or kinds.get(kind, 0) >= ALIKE:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        seen[address] = client.get(address, follow=True).content.decode()
        links = (urljoin(address, unescape(link)) for link in re.findall(r'href="([^"#]+)"', seen[address]))
        waiting += [link for link in links if link.startswith("/admin/") and "logout" not in link]
    return seen


class Forms(HTMLParser):
    """The forms of a page that are posted, each once for each of its buttons."""

    def __init__(self, address: str, page: str) -> None:
        super().__init__()
        self.address, self.found, self.fields, self.to = address, [], {}, ""  # type: ignore[var-annotated]
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Gathers fields, each with something in it."""
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.fields, posts = {}, said.get("method", "").lower() == "post"
            self.to = urljoin(self.address, said.get("action", "")) if posts else ""
        elif self.to and (tag == "button" or said.get("type") == "submit"):
            pressed = {said["name"]: [said.get("value", "")]} if "name" in said else {}
            self.found.append((urljoin(self.address, said.get("formaction", self.to)), self.fields | pressed))
        elif (
            self.to
            and tag in ("input", "textarea", "select")
            and said.get("name", "csrfmiddlewaretoken") != "csrfmiddlewaretoken"
        ):
            filled = said.get("value") or ("" if said.get("type") in ("hidden", "checkbox") else "because")
            self.fields.setdefault(said["name"], []).append(filled)


def forms_in(pages: Mapping[str, str]) -> list[Form]:
    """Every form, and every action of every list on all that it shows; alike ones once."""
    found: dict[Any, Form] = {}
    for address, page in pages.items():
        sent = Forms(address, page).found
        ids = re.findall(r'name="_selected_action" value="(\d+)"', page)
        box = re.search(r'<select[^>]*name="action".*?</select>', page, re.DOTALL)
        for act in re.findall(r'<option value="(\w+)"', box[0]) if box and ids else []:
            chosen = {"action": [act], "_selected_action": ids, "apply": ["1"], "reason": ["because"], "days": ["7"]}
            sent.append((address, chosen))
        for to, fields in sent:
            pressed = tuple(v for name in ("act", "button", "action") for v in fields.get(name, []))
            found.setdefault(
                (re.sub(r"\d+|\?.*", "", to), tuple(fields), re.sub(r"\d+", "", str(pressed))), (to, fields)
            )
    return [form for form in found.values() if "logout" not in form[0] and "i18n" not in form[0]]


def rows() -> dict[str, Any]:
    """What every table holds, in short."""
    with connection.cursor() as cursor:
        found = {}
        for table in set(connection.introspection.table_names(cursor)) - COUNTED_WHEN_SEEN:
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM \"{table}\" AS t")
            found[table] = cursor.fetchone()
        return found


@contextmanager
def tried() -> Iterator[None]:
    """Whatever it does is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_a_viewer_finds_no_address_behind_any_link(full: Launch) -> None:
    pages = crawl(logged_in("viewer"))
    told = {address: set(re.findall(r"\w+@example\.com", page)) for address, page in pages.items()}
    assert len(pages) > 50 and {address: found for address, found in told.items() if found} == {}


def test_nothing_that_somebody_named_is_a_part_of_any_page_and_looking_changes_nothing(full: Launch) -> None:
    client = logged_in("owner")
    before = rows()
    pages = crawl(client)
    assert [address for address, page in pages.items() if "<script>alert" in page or "<img src=x" in page] == []
    assert len(pages) > 50 and rows() == before


def test_no_form_of_an_owner_works_for_anybody_else_or_without_its_token(full: Launch) -> None:
    owner = logged_in("owner", enforce_csrf_checks=True)
    forms, viewer, before = forms_in(crawl(owner)), logged_in("viewer"), rows()
    worked, moved = [], 0
    for to, fields in forms:
        if owner.post(to, fields).status_code != 403:
            worked.append(("without its token", to, fields))
        with tried():
            for client in (viewer, Client()):
                client.post(to, fields)
            worked += [("a viewer's or a stranger's", to, fields)] if rows() != before else []
        with tried():
            owner.handler.enforce_csrf_checks = False
            owner.post(to, fields)
            moved += rows() != before
        owner.handler.enforce_csrf_checks = True
    assert worked == [] and moved > 20  # else it shows nothing
