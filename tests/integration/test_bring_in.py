"""A file of rows: looked at row by row, let go for a reason, the same twice changes nothing, and no status goes backwards."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from config import imports
from invites import codes
from invites.actions import redeeming
from invites.models import Code
from outbox import reading, relay
from outbox.actions import suppress
from outbox.keys import address_key
from outbox.models import Delivery, Event, Job
from outbox.policy import UNSUBSCRIBED
from quality.actions import barring
from quality.bars import target_of
from quality.models import Assessment
from referrals.models import Referral
from tests import cast
from tests.conftest import Mailbox
from tests.integration.test_console import console
from waitlist import handlers, uploads
from waitlist.actions import confirming, uploading
from waitlist.models import Entry, Launch, Points, Upload, UploadBlock, UploadLine

__all__ = ["console"]
pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def brings(console: Client, text: str | bytes, act: str = "join", kind: str = "entries", **said: Any) -> Upload:
    """Uploads a file and looks; the upload as it stands then."""
    raw = text.encode() if isinstance(text, str) else text
    file = SimpleUploadedFile(said.pop("named", "list.csv"), raw, content_type="text/csv")
    launch = Launch.objects.get()
    answer = console.post(f"/admin/import/{kind}/", {"launch": launch.pk, "act": act, "file": file, **said})
    assert answer.status_code == 302, answer.context["form"].errors
    return Upload.objects.get(pk=int(answer.headers["Location"].split("/")[-2]))


def refuses(console: Client, raw: bytes, kind: str = "entries") -> str:
    """What the form says of a file that it does not take."""
    answer = console.post(
        f"/admin/import/{kind}/",
        {"launch": Launch.objects.get().pk, "act": "join", "file": SimpleUploadedFile("x.csv", raw)},
    )
    assert answer.status_code == 200
    assert not Upload.objects.exists() and not UploadBlock.objects.exists()
    return str(answer.context["form"].errors["file"])


def page(upload: Upload) -> str:
    return reverse("import-look", args=[upload.pk])


def presses(console: Client, upload: Upload, button: str, **said: Any) -> HttpResponse:
    return console.post(page(upload), {"button": button, **said})  # type: ignore[return-value]


def goes(console: Client, upload: Upload) -> Job:
    """Lets it go and has the worker do it."""
    presses(console, upload, "go", reason="the old list")
    relay.drain()
    upload.refresh_from_db()
    assert upload.job
    return upload.job


def verdicts(upload: Upload) -> dict[int, str]:
    return dict(upload.lines.order_by("line").values_list("line", "verdict"))


def whys(upload: Upload) -> dict[int, str]:
    return {line.line: reading.sentence(line.why, line.told) for line in upload.lines.order_by("line")}


# People


def test_nothing_changes_before_it_is_let_go_and_then_people_join(
    console: Client, launch: Launch, mailbox: Mailbox
) -> None:
    cast.ada(launch)
    upload = brings(console, "email,name,source\nADA@example.com,Other,\nben@example.com,Ben,producthunt\n")
    assert (upload.status, verdicts(upload)) == ("checked", {2: "same", 3: "new"})
    assert Entry.objects.count() == 1
    job = goes(console, upload)
    assert (job.status, job.changed, verdicts(upload)) == ("done", 1, {2: "same", 3: "done"})
    ben = Entry.objects.get(canonical="ben@example.com")
    assert (ben.status, ben.name, ben.priority, ben.consent) == ("pending", "Ben", 25, "import")
    assert list(ben.points.values_list("rule", flat=True)) == ["persona", "source"]
    assert "ben@example.com" in mailbox.newest("ben@example.com").to
    joined = Event.objects.get(kind="entry.joined", subject=f"entry:{ben.pk}")
    assert joined.by.startswith("staff:")
    assert Event.objects.get(kind="upload.started").data["reason"] == "the old list"


def test_the_same_file_twice_changes_nothing_and_says_so(console: Client, launch: Launch) -> None:
    text = "email\nada@example.com\nben@example.com\n"
    goes(console, brings(console, text))
    owed = Delivery.objects.filter(name="confirm").count()
    again = brings(console, text)
    assert set(verdicts(again).values()) == {"same"}
    assert "Nothing to do" in console.get(page(again)).content.decode()
    presses(console, again, "go", reason="again")
    assert (Entry.objects.count(), Delivery.objects.filter(name="confirm").count()) == (2, owed)


def test_who_confirmed_elsewhere_waits_at_once_and_is_written_nothing(console: Client, launch: Launch) -> None:
    goes(console, brings(console, "email\nada@example.com\nben@example.com\n", confirmed="on"))
    people = Entry.objects.order_by("place")
    assert [(one.canonical, one.status) for one in people] == [
        ("ada@example.com", "waiting"),
        ("ben@example.com", "waiting"),
    ]
    assert not Delivery.objects.filter(handler="mail").exists()


def test_who_wants_no_more_mail_is_not_brought_back_by_a_file(console: Client, launch: Launch) -> None:
    contact = cast.contact("eve")
    suppress(address_key(contact.kind, contact.canonical), UNSUBSCRIBED, by="public")
    upload = brings(console, "email\neve@example.com\nada@example.com\n", confirmed="on")
    assert verdicts(upload) == {2: "refused", 3: "new"}
    assert "no more mail" in whys(upload)[2]
    contact = cast.contact("ada")
    suppress(address_key(contact.kind, contact.canonical), UNSUBSCRIBED, by="public")
    assert goes(console, upload).changed == 0
    assert verdicts(upload) == {2: "refused", 3: "refused"} and not Entry.objects.exists()


def test_one_person_in_two_spellings_is_found_and_the_folding_is_shown(console: Client, launch: Launch) -> None:
    upload = brings(console, "email\nJ.Doe+x@gmail.com\njdoe@googlemail.com\n")
    assert verdicts(upload) == {2: "new", 3: "twice"}
    assert whys(upload)[3] == "The same as line 2."
    said = console.get(f"{page(upload)}?show=new").content.decode()
    assert "J.Doe+x@gmail.com → jdoe@gmail.com" in said


def test_a_wrong_row_is_refused_by_its_line_and_can_be_mended(console: Client, launch: Launch) -> None:
    upload = brings(console, "email,name\nada,Ada\n,Nobody\nben@example.com,Ben\n")
    assert verdicts(upload) == {2: "refused", 3: "refused", 4: "new"}
    assert "typing slip" in whys(upload)[2] and "names nobody" in whys(upload)[3]
    answer: Any = presses(console, upload, "mend")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert rows[0] == ["email", "name", "line", "reason"] and rows[1][:3] == ["ada", "Ada", "2"]
    assert Event.objects.get(kind="export.ended").data["rows"] == 2


def test_who_brought_whom_is_heard_from_a_friends_code(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    goes(console, brings(console, f"email,referral_code\nada@example.com,{ben.referral_code.upper()}\n"))
    ada = Entry.objects.get(canonical="ada@example.com")
    assert ada.referred_by == ben
    assert Referral.objects.get(referee=ada).status == "attributed"


def test_rules_that_hold_a_stranger_hold_one_of_a_file_too(console: Client, launch: Launch) -> None:
    goes(console, brings(console, "email\n" + "".join(f"p{n}@mailinator.com\n" for n in range(3))))
    assert Assessment.objects.filter(rules__contains=["disposable_domain"]).count() == 3


def test_a_blocked_domain_holds_who_comes_by_a_file_and_holds_on_when_they_confirm(
    console: Client, launch: Launch
) -> None:
    barring.make_bar(target_of("spam.example"), "spam wave", days=30, by="staff:1")
    goes(console, brings(console, "email\neve@mail.spam.example\nada@example.com\n"))
    held = Entry.objects.get(held_at__isnull=False)
    assert (held.canonical, Assessment.objects.get(entry=held).rules) == ("eve@mail.spam.example", ["barred_domain"])
    confirming.confirm(held.pk, by="person")
    assert cast.now(held).held_by == "quality"


def test_a_company_in_a_file_is_no_crowd(console: Client, launch: Launch) -> None:
    goes(console, brings(console, "email\n" + "".join(f"{name}@acme.example.com\n" for name in "abcdefghijkl")))
    assert not Entry.objects.filter(held_at__isnull=False).exists()


# Decisions


def test_a_column_says_where_people_stand_and_the_state_machine_decides(console: Client, launch: Launch) -> None:
    ada, ben, eve = cast.ada(launch), cast.ben(launch), cast.joins(launch, "eve")
    text = (
        "Почта;Статус\nada@example.com;одобрен\nben@example.com;waiting\neve@example.com;approved\n"
        "nobody@example.com;approved\n"
        f"{cast.cleo(launch).contact};spam\n"
    )
    upload = brings(console, text, "status")
    assert verdicts(upload) == {2: "changed", 3: "refused", 4: "refused", 5: "refused", 6: "changed"}
    assert "never goes back" in whys(upload)[3] and "Nobody on the list" in whys(upload)[5]
    goes(console, upload)
    assert [cast.now(one).status for one in (ada, ben, eve)] == ["approved", "registered", "pending"]
    assert Entry.objects.get(canonical="cleo@example.com").status == "blocked"
    assert Event.objects.get(kind="entry.approved").data["reason"] == "the old list"


def test_what_changed_between_the_look_and_the_go_is_told(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    upload = brings(console, f"id\n{ada.pk}\n", "approved")
    Entry.objects.update(status="left")
    job = goes(console, upload)
    assert (job.changed, verdicts(upload)) == (0, {2: "refused"})
    assert cast.now(ada).status == "left"


@pytest.mark.parametrize("act", ["approved", "rejected", "blocked", "hold"])
def test_everybody_in_a_file_is_decided_on_once(act: str, console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    job = goes(console, brings(console, "email\nada@example.com\n", act))
    ada = cast.now(ada)
    assert (job.changed, ada.status if act != "hold" else ada.held_reason) == (
        1,
        act if act != "hold" else "the old list",
    )
    assert verdicts(brings(console, "email\nada@example.com\n", act)) == {2: "same"}


def test_points_are_what_the_file_says_however_often_it_comes(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    before = ada.priority
    for points, now in (("40", 40), ("40", 40), ("-5", -5), ("0", 0)):
        upload = brings(console, f"email,points\nada@example.com,{points}\n", "points")
        if set(verdicts(upload).values()) == {"changed"}:
            goes(console, upload)
        assert cast.now(ada).priority == max(0, before + now)
    assert not Points.objects.filter(rule="imported").exists()
    assert [one.data["points"] for one in Event.objects.filter(kind="points.awarded").order_by("pk")] == [40, -45, 5]


def test_noughts_before_a_number_hide_no_large_one(console: Client, launch: Launch) -> None:
    cast.ada(launch)
    many = brings(console, f"email,points\nada@example.com,{'0' * 8}199999999999\n", "points")
    uses = brings(console, f"code,uses\nABCDEFGH1234,{'0' * 8}1999999999999\n", "bring", "codes")
    assert [set(verdicts(one).values()) for one in (many, uses)] == [{"refused"}] * 2
    told = {"button": "read", "headings": "on", "map_contact": "9" * 5000}
    assert console.post(page(many), told).status_code == 302


# Codes


def test_a_code_made_elsewhere_is_spent_here_and_kept_as_a_digest(console: Client, launch: Launch) -> None:
    text = "код;кампания;лимит;действует до;почта\nOLD-CODE-12345X;spring;2;31.12.2099;\nABCDEF77;;1;;ada@example.com\n"
    upload = brings(console, text, "bring", "codes")
    assert verdicts(upload) == {2: "refused", 3: "new"}
    end = (timezone.now() + timezone.timedelta(days=90)).date()  # type: ignore[attr-defined]
    upload = brings(console, text.replace("31.12.2099", f"{end:%d.%m.%Y}"), "bring", "codes")
    assert "OLD-CODE" not in console.get(f"{page(upload)}?show=new").content.decode()
    goes(console, upload)
    code = Code.objects.get(campaign="spring")
    assert (code.last4, code.max_uses, code.format, code.expires_at.date()) == ("345X", 2, codes.IMPORTED, end)
    assert not [value for value in vars(code).values() if isinstance(value, str) and "12345X" in value]
    redeemed = redeeming.redeem(launch, redeeming.Ask(cast.contact("eve"), code="old code 12345x"), by="public")
    assert redeemed.entry_id
    bound = Code.objects.get(last4="EF77")
    assert bound.bound_key is not None


def test_codes_in_a_file_are_guarded_like_those_made_here(console: Client, launch: Launch) -> None:
    far = (timezone.now() + timezone.timedelta(days=200)).date()  # type: ignore[attr-defined]
    upload = brings(
        console,
        f"code,expires,uses\nABCDEF77,{far},1\nAB,,1\nABCDEFGH1234,2020-01-01,1\nABCDEFGH1235,never,1\nABCDEFGH1236,,x\n",
        "bring",
        "codes",
    )
    said = list(whys(upload).values())
    assert set(verdicts(upload).values()) == {"refused"}
    assert [
        word in text
        for word, text in zip(("guessed", "letters", "Ended", "no date", "whole number"), said, strict=True)
    ] == [True] * 5


def test_leaked_codes_are_revoked_by_a_file_and_stay_so(console: Client, launch: Launch) -> None:
    text = "code\n" + cast.code_of(cast.ben(launch)) + "\nNOSUCHCODE12\n"
    upload = brings(console, text, "revoked", "codes")
    assert verdicts(upload) == {2: "changed", 3: "refused"}
    goes(console, upload)
    assert verdicts(brings(console, text, "revoked", "codes"))[2] == "same"
    assert verdicts(brings(console, text, "active", "codes"))[2] == "refused"


def test_codes_of_a_file_are_taken_in_once(console: Client, launch: Launch) -> None:
    text = "code\n" + "".join(f"CODE{n:08d}X\n" for n in range(20))
    goes(console, brings(console, text, "bring", "codes"))
    assert set(verdicts(brings(console, text, "bring", "codes")).values()) == {"same"}
    assert Code.objects.filter(format=codes.IMPORTED).count() == 20
    assert Event.objects.get(kind="codes.made").data["count"] == 20


# Referrals


def test_a_file_says_who_brought_whom(console: Client, launch: Launch) -> None:
    ben, ada, cleo = cast.ben(launch), cast.ada(launch), cast.cleo(launch)
    text = (
        "friend,referrer\nada@example.com,ben@example.com\nada@example.com,cleo@example.com\n"
        f"cleo@example.com,{ben.referral_code}\nben@example.com,ben@example.com\nnobody@example.com,ben@example.com\n"
    )
    upload = brings(console, text, "bring", "referrals")
    assert verdicts(upload) == {2: "new", 3: "twice", 4: "new", 5: "refused", 6: "refused"}
    goes(console, upload)
    made = Referral.objects.filter(referrer=ben, referee__in=[ada, cleo])
    assert [one.status for one in made] == ["confirmed", "confirmed"]
    assert cast.now(ada).referred_by_id == ben.pk
    assert Event.objects.filter(kind="referral.brought", data__reason="the old list").count() == 2
    again = brings(console, text, "bring", "referrals")
    assert verdicts(again) == {2: "same", 3: "twice", 4: "same", 5: "refused", 6: "refused"}
    back = brings(console, "friend,referrer\nben@example.com,ada@example.com\n", "bring", "referrals")
    assert "other way round" in whys(back)[2]


def test_referrals_in_a_file_are_voided(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    cast.waits(launch, "ada", referral_code=ben.referral_code)
    upload = brings(console, "email\nada@example.com\n", "void", "referrals")
    assert goes(console, upload).changed == 1
    assert Referral.objects.get().void_for_good
    assert verdicts(brings(console, "email\nada@example.com\n", "void", "referrals")) == {2: "same"}


def test_many_friends_are_followed_together(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    for n in range(12):
        cast.waits(launch, f"friend{n}")
    text = "friend,referrer\n" + "".join(f"friend{n}@example.com,ben@example.com\n" for n in range(12))
    assert goes(console, brings(console, text, "bring", "referrals")).changed == 12
    relay.drain()
    ben.refresh_from_db()
    assert Referral.objects.filter(referrer=ben, status="confirmed").count() == 12
    assert Points.objects.filter(entry=ben, rule="friend_confirmed").count() == 10


# Reading


@pytest.mark.parametrize("encoding", ["cp1251", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp866", "koi8-r"])
def test_russian_files_of_any_age_are_understood(encoding: str, console: Client, launch: Launch) -> None:
    text = "Имя;Почта\nАнна Иванова;anna@example.ru\nПётр;petr@example.ru\n".replace("ё", "е")
    upload = brings(console, text.encode(encoding))
    assert upload.delimiter == ";"
    goes(console, upload)
    assert Entry.objects.get(canonical="anna@example.ru").name == "Анна Иванова"


def test_a_wrong_guess_is_put_right_by_a_person(console: Client, launch: Launch) -> None:
    upload = brings(console, "email\tname\nada@example.com\tÄda\n".encode("cp1252"))
    presses(console, upload, "read", encoding="cp1251", delimiter="\t")
    upload.refresh_from_db()
    assert (upload.encoding, upload.status, verdicts(upload)) == ("cp1251", "checked", {2: "new"})
    assert "Дda" in console.get(page(upload)).content.decode()


def test_columns_that_are_not_recognised_are_asked_for(console: Client, launch: Launch) -> None:
    upload = brings(console, "who,how to reach\nAda,ada@example.com\n")
    assert upload.status == "asking"
    assert "point to one below" in console.get(page(upload)).content.decode()
    presses(console, upload, "read", headings="1", map_contact="1", map_name="0")
    upload.refresh_from_db()
    assert verdicts(upload) == {2: "new"}
    goes(console, upload)
    assert Entry.objects.get().name == "Ada"


def test_a_list_without_headings_is_seen_as_one(console: Client, launch: Launch) -> None:
    upload = brings(console, "ada@example.com\nben@example.com\n")
    assert not upload.headings
    presses(console, upload, "read", map_contact="0")
    assert verdicts(upload) == {1: "new", 2: "new"}


def test_our_own_export_is_read_back_and_changes_nothing(console: Client, launch: Launch) -> None:
    cast.waits(launch, "eve", use_case="'quoted")
    Entry.objects.update(name="=1+1")
    columns = {"columns": ["id", "contact", "name", "use_case", "status"]}
    for excel in ({}, {"for_excel": "on"}):
        answer: Any = console.post("/admin/waitlist/entry/export/", columns | excel)
        file = b"".join(answer.streaming_content)
        for act in ("join", "status"):
            assert set(verdicts(brings(console, file, act)).values()) == {"same"}
    Entry.objects.all().delete()
    goes(console, brings(console, file))
    assert (Entry.objects.get().name, Entry.objects.get().use_case) == ("=1+1", "'quoted")


# What harms


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"PK\x03\x04" + b"\0" * 999, "Excel workbook"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "picture"),
        (b"\x1f\x8b" + b"x" * 99, "packed"),
        (b"email\0\0\0\nada", "NUL"),
        (b"email\n" * 200_002, "at most 200000"),
        (b" ", "empty"),
    ],
)
def test_what_is_no_table_is_not_kept_and_the_next_step_is_said(raw: bytes, said: str, console: Client) -> None:
    assert said in refuses(console, raw)


def test_a_file_over_the_limit_does_not_reach_the_disk(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 100_000)
    assert "over 64 MiB" in refuses(console, b"email\n" * 50_000)


@pytest.mark.parametrize(
    "raw",
    [
        b"email" + b",x" * 1_000_000,
        b"email\n" + b"y" * 1_000_000,
        b"email,name\nada@example.com,\0\n",
        b'email\n"' + b"x\n" * 9_999,
    ],
)
def test_a_hostile_file_is_named_by_its_line_and_breaks_nothing(raw: bytes, console: Client, launch: Launch) -> None:
    launch_before = Entry.objects.count()
    answer = console.post(
        "/admin/import/entries/",
        {"launch": launch.pk, "act": "join", "file": SimpleUploadedFile("x.csv", raw)},
        follow=True,
    )
    said = answer.content.decode()
    assert answer.status_code == 200 and ("Line " in said or "NUL" in said)
    assert Entry.objects.count() == launch_before


def test_a_formula_stays_text(console: Client, launch: Launch) -> None:
    goes(console, brings(console, "email,name\nada@example.com,\"'=cmd|' /C calc'!A0\"\n"))
    assert Entry.objects.get().name == "=cmd|' /C calc'!A0"


def test_what_a_file_says_stands_sealed_and_is_gone_after_a_day(console: Client, launch: Launch) -> None:
    upload = brings(console, "email\nsecret.person@example.com\n")
    kept = [*UploadBlock.objects.values_list("sealed", flat=True), *UploadLine.objects.values_list("sealed", flat=True)]
    assert len(kept) == 2 and not [one for one in kept if b"secret" in bytes(one)]
    assert "secret" not in str(list(Event.objects.values_list("data", flat=True)))
    assert uploading.purge_uploads(timezone.now()) == 0
    assert uploading.purge_uploads(timezone.now() + timezone.timedelta(hours=25)) == 1  # type: ignore[attr-defined]
    assert not UploadLine.objects.exists() and console.get(page(upload)).status_code == 404
    assert Event.objects.filter(kind="upload.forgotten").count() == 1


def test_no_address_stands_unsealed_where_the_wrong_column_was_taken(console: Client, launch: Launch) -> None:
    brings(console, "email,status\nada@example.com,ben@example.com\n", "status", named="cleo@example.com.csv")
    kept = str([*Upload.objects.values(), *UploadLine.objects.values("why", "told"), *Event.objects.values("data")])
    assert "“[address]” is no status" in whys(Upload.objects.get())[2]
    assert "example.com" not in kept


# Size


def test_a_large_file_is_left_to_a_worker_and_read_to_the_end(
    console: Client, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 0.0)
    monkeypatch.setattr(handlers, "SHIFT", 0.0)
    upload = brings(console, "email\n" + "".join(f"p{n}@example.com\n" for n in range(1_234)))
    assert (upload.status, upload.looked) == ("checking", uploads.CHUNK)
    said = console.get(page(upload)).content.decode()
    assert 'hx-trigger="every 1s"' in said and "500 rows so far" in said
    assert "<html" not in console.get(page(upload), headers={"HX-Request": "true"}).content.decode()
    Delivery.objects.update(due_at=timezone.now())
    relay.drain()
    upload.refresh_from_db()
    assert (upload.status, upload.looked, upload.lines.count()) == ("checked", 1_234, 1_234)


def test_two_who_look_at_once_look_at_no_row_twice(
    console: Client, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 0.0)
    upload = brings(console, "email\n" + "".join(f"p{n}@example.com\n" for n in range(600)))
    late = Upload.objects.get(pk=upload.pk)
    assert not handlers.shift(upload.pk, 9)
    with pytest.raises(Exception, match="looked at"):
        uploading.keep_lines(late, [(502, ["p500@example.com"])])
    assert upload.lines.count() == 600


def queries_of(act: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as caught:
        act()
    return len(caught)


def test_a_chunk_costs_as_many_statements_as_a_few_rows(console: Client, launch: Launch) -> None:
    counted = []
    for first, n in ((0, 5), (100, 400)):
        text = "email\n" + "".join(f"p{one}@example.com\n" for one in range(first, first + n))
        upload = brings(console, text)
        ids = list(upload.lines.values_list("pk", flat=True))
        counted.append(queries_of(lambda ids=ids: uploading.bring_lines(ids, "x", by="staff:1")))  # type: ignore[misc]
    assert counted[1] <= counted[0] + 2
    assert Entry.objects.count() == 405


# Who may


def moderator(*names: str) -> Client:
    user = User.objects.create_user("mo@example.com", "correct horse", is_staff=True, admitted_by="staff:test")
    user.user_permissions.set(imports_of(*names))
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def imports_of(*names: str) -> list[Any]:
    from django.contrib.auth.models import Permission

    return [
        Permission.objects.get(content_type__app_label=name.split(".")[0], codename=name.split(".")[1])
        for name in names
    ]


def test_who_may_not_bring_in_sees_no_page(launch: Launch, console: Client) -> None:
    upload = brings(console, "email\nada@example.com\n")
    stranger = moderator("waitlist.view_entry")
    assert stranger.get("/admin/import/entries/").status_code == 403
    assert stranger.get(page(upload)).status_code == 403
    assert stranger.post(page(upload), {"button": "go", "reason": "x"}).status_code == 403
    assert "/admin/import/" not in stranger.get("/admin/waitlist/entry/").content.decode()


def test_bringing_in_is_not_yet_deciding(launch: Launch, console: Client) -> None:
    cast.ada(launch)
    mo = moderator("waitlist.import_entry", "waitlist.view_entry")
    said = mo.get("/admin/import/entries/").content.decode()
    assert 'value="join"' in said and 'value="blocked"' not in said
    upload = brings(console, "email\nada@example.com\n", "blocked")
    assert mo.post(page(upload), {"button": "go", "reason": "x"}).status_code == 403
    assert "ada@example.com" not in mo.get(page(upload)).content.decode()
    left_out = brings(console, "email\neve@example\n")
    assert mo.post(page(left_out), {"button": "mend"}).status_code == 403
    assert 'value="mend"' not in mo.get(page(left_out)).content.decode()


def test_who_sees_no_address_takes_no_rows_out_to_mend_them(launch: Launch, console: Client) -> None:
    mo = moderator("waitlist.import_entry", "waitlist.view_entry")
    upload = brings(console, "email,status\nada@example.com,odd\n", "status")
    assert 'value="mend"' in console.get(page(upload)).content.decode()
    assert 'value="mend"' not in mo.get(page(upload)).content.decode()
    assert mo.post(page(upload), {"button": "mend"}).status_code == 403


def test_without_a_reason_nothing_goes(console: Client, launch: Launch) -> None:
    upload = brings(console, "email\nada@example.com\n")
    presses(console, upload, "go")
    upload.refresh_from_db()
    assert (upload.status, Job.objects.count()) == ("checked", 0)
