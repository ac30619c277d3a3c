"""People from an older list: `manage.py import_entries`."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from outbox.actions import suppress
from outbox.keys import address_key
from outbox.policy import UNSUBSCRIBED
from tests import cast
from waitlist.actions import erasing
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db


def imported(tmp_path: Path, text: str) -> tuple[str, str]:
    """What the command says of a file with this text."""
    file, out, err = tmp_path / "people.csv", StringIO(), StringIO()
    file.write_text(text, encoding="utf-8")
    call_command("import_entries", str(file), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_people_of_a_file_join_once(launch: Launch, tmp_path: Path) -> None:
    cast.ada(launch)
    text = "email,name,source\nADA@example.com,Other,\nben@example.com,Ben,producthunt\n"
    assert imported(tmp_path, text)[0].startswith("1 added, 1 on the list before")
    assert imported(tmp_path, text)[0].startswith("0 added, 2 on the list before")
    assert Entry.objects.get(canonical="ben@example.com").priority == 25


def test_who_was_erased_or_wants_no_mail_is_not_written_to_by_a_file(launch: Launch, tmp_path: Path) -> None:
    ada, ben = cast.ada(launch), cast.contact("ben")
    erasing.erase([ada.pk], "by letter", by="staff:1")
    suppress(address_key(ben.kind, ben.canonical), UNSUBSCRIBED, by="person")
    said, wrong = imported(tmp_path, "email\nada@example.com\nben@example.com\n")
    assert said.startswith("0 added") and "2 lines" in said and wrong.count("only they themselves can join again") == 2
    assert not Entry.objects.exclude(status="erased").exists()


def test_who_comes_from_no_named_place_was_put_there_by_staff(launch: Launch, tmp_path: Path) -> None:
    imported(tmp_path, "email\nben@example.com\n")
    assert Entry.objects.get().source == "manual"


def test_a_line_that_cannot_be_read_is_named_by_its_column(launch: Launch, tmp_path: Path) -> None:
    said, wrong = imported(tmp_path, "email,phone\nada,\n,12\nben@example.com,\n,\n")
    assert said.startswith("1 added, 0 on the list before, 3 lines")
    lines = wrong.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["line 2", "line 3", "line 5"]
    assert "e-mail" in lines[0]
    assert "country code" in lines[1]


def test_a_file_without_contacts_is_refused(launch: Launch, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="email or phone"):
        imported(tmp_path, "name\nAda\n")
