"""Rows leave the house streamed, escaped, with a permission, and on record to the last one."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from invites.models import Code
from outbox import exports
from outbox.models import Event
from tests import cast
from tests.integration.test_console import ENTRIES, console
from waitlist.models import Entry, Launch

__all__ = ["console"]
pytestmark = pytest.mark.django_db
LISTS = {
    "waitlist.entry": "waitlist.export_entry",
    "invites.code": "invites.export_code",
    "invites.redemption": "invites.export_redemption",
    "referrals.referral": "referrals.export_referral",
}


def address(model: str) -> str:
    return f"/admin/{model.replace('.', '/')}/export/"


def asks(client: Client, model: str, query: str = "", **said: Any) -> Any:
    """The streamed answer with these columns."""
    return client.post(address(model) + query, {"columns": ["id"], **said})


def rows(answer: Any, delimiter: str = ",") -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def told(kind: str) -> dict[str, Any]:
    return Event.objects.get(kind=f"export.{kind}").data


@pytest.mark.parametrize("model", LISTS)
def test_every_list_is_streamed_and_on_record(model: str, console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    cast.waits(launch, "ada", referral_code=ben.referral_code)
    assert "Take out as CSV" in console.get(address(model).removesuffix("export/")).content.decode()
    names = [box.data["value"] for box in console.get(address(model)).context["form"]["columns"]]
    answer = asks(console, model, columns=names)
    assert isinstance(answer, StreamingHttpResponse)
    found = rows(answer)
    assert len(found) > 1 and len(found[0]) == len(names) and {len(row) for row in found} == {len(names)}
    assert told("begun")["columns"] == names
    assert told("ended") == {"export": told("begun")["export"], "rows": len(found) - 1, "whole": True}


def test_what_a_spreadsheet_would_run_does_not_run(console: Client, launch: Launch) -> None:
    cast.waits(launch, "eve", use_case="=HYPERLINK(1)")
    assert rows(asks(console, "waitlist.entry", columns=["use_case"])) == [["use_case"], ["'=HYPERLINK(1)"]]


def test_it_takes_what_the_list_shows_and_only_the_chosen_columns(console: Client, launch: Launch) -> None:
    cast.ada(launch)
    cleo = cast.cleo(launch)
    found = rows(asks(console, "waitlist.entry", "?held_at__isempty=0", columns=["contact", "id"]))
    assert found == [["id", "contact"], [str(cleo.pk), "cleo@example.com"]]
    assert told("begun")["filters"] == "held_at__isempty=0"


def test_the_trail_keeps_no_address_that_somebody_searched_for(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    asked = "?status__exact=waiting&q=ada%40example.com&canonical__startswith=ada%40"
    assert rows(asks(console, "waitlist.entry", asked)) == [["id"], [str(ada.pk)]]
    assert told("begun")["filters"] == "status__exact=waiting&q=…&canonical__startswith=…"


def test_for_excel_it_begins_with_a_mark_and_has_semicolons(console: Client, launch: Launch) -> None:
    cast.ada(launch)
    answer = asks(console, "waitlist.entry", columns=["id", "name"], for_excel="on")
    raw = b"".join(answer.streaming_content)
    assert raw.startswith("\ufeffid;name\r\n".encode())


def test_no_whole_code_leaves(console: Client, launch: Launch) -> None:
    code = cast.code_of(cast.ben(launch)).replace("-", "")
    names = [box.data["value"] for box in console.get(address("invites.code")).context["form"]["columns"]]
    text = str(rows(asks(console, "invites.code", columns=names)))
    assert code[-4:] in text and code[-8:] not in text and "digest" not in text


def test_rows_are_not_read_before_the_reader_takes_them(
    console: Client, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    for n in range(5):
        cast.joins(launch, f"p{n}")
    answer = asks(console, "waitlist.entry")
    lines = iter(answer.streaming_content)
    next(lines)
    with CaptureQueriesContext(connection) as caught:
        next(lines), next(lines)
    assert len(caught) == 1 and "LIMIT 2" in caught[0]["sql"]
    assert not Event.objects.filter(kind="export.ended").exists() and told("begun")
    assert len(list(lines)) == 3


def test_a_reader_who_goes_away_is_on_record_with_what_they_have(console: Client, launch: Launch) -> None:
    for n in range(4):
        cast.joins(launch, f"p{n}")
    answer = asks(console, "waitlist.entry")
    lines = iter(answer.streaming_content)
    for _n in range(3):  # the headings and two rows, of which the second is on its way
        next(lines)
    for close in answer._resource_closers:  # as response.close() does, but for the test's own connection
        close()
    assert told("ended") == {"export": told("begun")["export"], "rows": 2, "whole": False}


def test_a_chunk_is_one_statement_whatever_stands_beside_the_rows(
    console: Client, launch: Launch, django_assert_max_num_queries: Any
) -> None:
    ben = cast.ben(launch)
    for n in range(6):
        cast.waits(launch, f"p{n}", referral_code=ben.referral_code)
    for model in LISTS:
        names = [box.data["value"] for box in console.get(address(model)).context["form"]["columns"]]
        answer = asks(console, model, columns=names)
        with django_assert_max_num_queries(4):  # the rows, that there are no more, and the end's event
            b"".join(answer.streaming_content)


@pytest.mark.parametrize(("model", "needs"), LISTS.items())
def test_who_may_look_may_not_yet_take(model: str, needs: str, launch: Launch) -> None:
    looker = User.objects.create_user("look@example.com", "correct horse", is_staff=True, admitted_by="staff:test")
    app, name = model.split(".")
    may_look = Permission.objects.get(content_type__app_label=app, codename=f"view_{name}")
    looker.user_permissions.add(may_look)
    client = Client()
    client.force_login(looker, backend="django.contrib.auth.backends.ModelBackend")
    assert "Take out as CSV" not in client.get(f"/admin/{app}/{name}/").content.decode()
    assert asks(client, model).status_code == client.get(address(model)).status_code == 403
    looker.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=needs.split(".")[1]))
    page = client.get(address(model))
    names = [box.data["value"] for box in page.context["form"]["columns"]]
    assert page.status_code == 200 and not [name for name in names if "contact" in name]
    assert asks(client, model, columns=["contact"]).status_code == 200  # the form again: no such choice
    assert not Event.objects.filter(kind="export.begun").exists()


def test_a_filter_that_is_none_breaks_nothing(console: Client) -> None:
    assert console.get(f"{ENTRIES}export/?held_at__isempty=x").status_code in (200, 400)
    assert Entry.objects.count() == Code.objects.count() == 0
