"""A moderator brings a messy file in, sees what would come of each row, lets it go, and takes the list out again."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from outbox import relay
from tests import cast
from tests.browser.conftest import Visitor
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db(transaction=True)

MESSY = """sep=;
Имя ;E-Mail;Зачем;Дата\r
Анна Иванова;anna@example.ru;"Планы;
для команды";01.02.2026\r
Борис;B.Oris+news@gmail.com;=1+1;\r
Борис ещё раз;boris@googlemail.com;;\r
Ада;ADA@example.com;;\r
Без адреса;;;\r
Опечатка;vera@@example.ru;;\r
;;;\r
""".replace("ё", "е")


def test_a_messy_file_is_brought_in(
    moderator: Callable[..., Visitor], shoot: Callable[[Visitor, str], None], launch: Launch, tmp_path: Path
) -> None:
    cast.ada(launch)
    file = tmp_path / "старый список.csv"
    file.write_bytes(MESSY.encode("cp1251"))
    dev = moderator()
    dev.open("/admin/waitlist/entry/").get_by_role("link", name="Bring in a file").first.click()
    dev.page.locator("input[type=file]").set_input_files(file)
    shoot(dev, "upload")
    dev.press("Upload and look")
    dev.page.wait_for_url("**/admin/import/*/")
    said = dev.read()
    assert "Windows-1251" in said and "semicolon" in said
    for label, n in (("New", 2), ("Changes nothing", 1), ("Twice in the file", 1), ("Refused", 2)):
        assert dev.page.get_by_role("link", name=f"{label} {n}").is_visible()
    assert "names nobody" in said and "typing slip" in said
    dev.page.get_by_text("Was the file read well?").click()
    shoot(dev, "look")
    dev.page.get_by_role("link", name="New 2").click()
    assert "B.Oris+news@gmail.com → boris@gmail.com" in dev.read()
    with dev.page.expect_download() as download:
        dev.press("Download the rows that were left out, with the reason")
    rows = list(csv.reader(download.value.path().read_text().splitlines()))
    assert len(rows) == 4 and rows[0][-1] == "reason"
    dev.open(dev.page.url.partition("?")[0])
    dev.page.locator("[name=reason]").fill("people of the old list")
    dev.press("Go: 2 rows")
    dev.page.wait_for_selector("progress")
    relay.drain()
    dev.page.get_by_text("2 changed.").wait_for()
    shoot(dev, "gone")
    assert Entry.objects.get(canonical="anna@example.ru").name == "Анна Иванова"
    assert Entry.objects.get(canonical="boris@gmail.com").use_case == "=1+1"


def test_what_cannot_be_read_is_said_with_the_next_step(
    moderator: Callable[..., Visitor], shoot: Callable[[Visitor, str], None], launch: Launch, tmp_path: Path
) -> None:
    workbook, strange = tmp_path / "list.xlsx", tmp_path / "list.csv"
    workbook.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    strange.write_text("who,reach\nAda,ada@example.com\n")
    dev = moderator()
    dev.open("/admin/import/entries/").locator("input[type=file]").set_input_files(workbook)
    dev.press("Upload and look")
    assert "Save as, “CSV UTF-8”" in dev.read()
    shoot(dev, "refused")
    dev.page.locator("input[type=file]").set_input_files(strange)
    dev.press("Upload and look")
    assert "point to one below" in dev.read()
    shoot(dev, "asked")
    dev.page.get_by_label("Address: e-mail or phone").select_option("1")
    dev.press("Read it so, and look again")
    assert dev.page.get_by_role("link", name="New 1").is_visible()


def test_a_list_is_taken_out_as_it_is_filtered(
    moderator: Callable[..., Visitor], shoot: Callable[[Visitor, str], None], launch: Launch
) -> None:
    cast.ada(launch)
    cast.cleo(launch)
    dev = moderator()
    dev.open("/admin/waitlist/entry/?q=cleo@example.com").get_by_role("link", name="Take out as CSV").click()
    shoot(dev, "export")
    with dev.page.expect_download() as download:
        dev.press("Download")
    text = download.value.path().read_text()
    assert "cleo@example.com" in text and "ada@example.com" not in text
