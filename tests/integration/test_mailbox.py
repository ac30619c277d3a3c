"""The development mailbox: every message is kept, read and followed there, and outside development it does not exist."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from pytest_django import Settings

from outbox import queries, registry, relay
from outbox.actions import Owed, owe
from outbox.models import Delivery
from outbox.registry import Letter
from tests.conftest import Mailbox
from waitlist.models import Launch

LINK = "http://testserver/me?token=abc&x=1"


def sent(to: str, subject: str = "Hello", html: str = "") -> None:
    mail = EmailMultiAlternatives(subject, f"Open <b> this: {LINK}.", "us@example.org", [to])
    if html:
        mail.attach_alternative(html, "text/html")
    get_connection().send_messages([mail])


def test_the_newest_stands_first_and_one_address_can_be_picked(mailbox: Mailbox, db: None, client: Client) -> None:
    sent("ada@example.com", "One")
    sent("ben@example.com", "Two")
    page = client.get("/mailbox").content.decode()
    assert page.index("Two") < page.index("One")
    assert "Two" not in client.get("/mailbox?to=ADA@example.com").content.decode()


def test_a_message_is_read_with_its_links(mailbox: Mailbox, db: None, client: Client) -> None:
    sent("ada@example.com", html="<p>Привет</p>")
    kept = mailbox.newest()
    page = client.get(f"/mailbox/{kept.id}").content.decode()
    assert 'href="http://testserver/me?token=abc&amp;x=1"' in page
    assert "Open &lt;b&gt; this" in page
    assert kept.html_url in page


def test_the_html_part_can_run_nothing(mailbox: Mailbox, db: None, client: Client) -> None:
    sent("ada@example.com", html="<p>Привет</p><script>alert(1)</script>")
    answer = client.get(mailbox.newest().html_url)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "script" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "Привет" in answer.content.decode()


def test_a_script_reads_messages_as_json(mailbox: Mailbox, db: None, client: Client) -> None:
    sent("ada@example.com", html="<p>x</p>")
    (message,) = client.get("/mailbox.json?to=ada@example.com").json()["messages"]
    assert (message["to"], message["subject"], message["links"]) == ("ada@example.com", "Hello", [LINK])
    assert {"id", "at", "text", "kind", "headers"} <= message.keys()
    assert client.get(f"/mailbox/{message['id']}/raw").content.startswith(b"Content-Type: multipart/alternative")


@pytest.mark.parametrize("unknown", ["nothing", "../settings", "0" * 20 + "-" + "0" * 8, "%00"])
def test_an_unknown_message_is_not_found(mailbox: Mailbox, db: None, client: Client, unknown: str) -> None:
    assert client.get(f"/mailbox/{unknown}").status_code == 404


def test_outside_development_there_is_no_mailbox(
    mailbox: Mailbox, db: None, client: Client, settings: Settings
) -> None:
    sent("ada@example.com", html="<p>x</p>")
    kept, settings.MAILBOX = mailbox.newest(), False
    for page in (
        "/mailbox",
        "/mailbox.json",
        f"/mailbox/{kept.id}",
        f"/mailbox/{kept.id}/html",
        f"/mailbox/{kept.id}/raw",
    ):
        assert client.get(page).status_code == 404


def test_only_the_owner_of_the_machine_can_read_the_files(mailbox: Mailbox, db: None, settings: Settings) -> None:
    sent("ada@example.com")
    folder = Path(settings.MAILBOX_DIR)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_many_write_at_once(mailbox: Mailbox, db: None) -> None:
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda n: sent(f"p{n}@example.com"), range(100)))
    assert len({message.to for message in mailbox.all()}) == 100


def test_a_phone_gets_a_text_message(mailbox: Mailbox, launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = Letter("phone", "+442079460958", "en", {"launch": launch, "code": "123456", "link": LINK})
    monkeypatch.setitem(registry.writers, "confirm", lambda rows: {one.pk: letter for one in rows})
    owe([Owed("sms", "confirm", "entry:1")])
    kept = mailbox.newest("+442079460958")
    assert (kept.kind, kept.links) == ("sms", [LINK])
    assert "123456" in kept.text
    assert "\n" not in kept.text


def test_without_a_provider_a_text_message_waits(
    launch: Launch, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SMS_BACKEND = ""
    letter = Letter("phone", "+442079460958", "en", {"launch": launch, "code": "1", "link": LINK})
    monkeypatch.setitem(registry.writers, "confirm", lambda rows: {one.pk: letter for one in rows})
    owe([Owed("sms", "confirm", "entry:1")])
    relay.drain()
    assert not queries.phone_allowed()
    assert (Delivery.objects.get().status, Delivery.objects.get().last_error[:11]) == ("owed", "SMS_BACKEND")
