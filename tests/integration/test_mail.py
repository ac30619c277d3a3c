"""Mail over a real SMTP conversation: headers and parts, one connection a batch, refusals, a dead server, unsubscribing."""

import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from outbox import actions, keys, registry, relay
from outbox.actions import Owed, owe, owe_sealed
from outbox.models import Delivery, Event, Suppression
from outbox.registry import Letter
from tests import cast
from waitlist import ranking
from waitlist.models import Launch

pytestmark = pytest.mark.django_db


class Server:
    """An SMTP server on loopback that keeps what it took, counts who came, and answers RCPT as it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.connections = 0
        self.answers: dict[str, str] = {}
        self.hangs_up_after = 0
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.running: Controller | None = None

    def start(self) -> None:
        self.running = Controller(self, hostname="127.0.0.1", port=self.port)
        self.running.start()

    def stop(self) -> None:
        if self.running is not None:
            self.running.stop()
        self.running = None

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, offers: list[str]) -> list[str]:
        session.host_name = name
        self.connections += 1
        return offers

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.raw.append(envelope.content)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        if len(self.mails) == self.hangs_up_after:
            server.transport.close()  # type: ignore[union-attr]
        return "250 OK"


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    made = Server()
    made.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", made.port, 5
    settings.PUBLIC_BASE_URL = "https://join.vestibule.example.com"
    yield made
    made.stop()


def headers_of(raw: bytes) -> list[bytes]:
    return raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")


def owed_again() -> None:
    Delivery.objects.filter(status="owed").update(due_at=timezone.now())


def test_ada_gets_a_letter_with_two_parts(launch: Launch, server: Server) -> None:
    cast.joins(launch, "ada")
    relay.drain()
    mail = server.mails[0]
    assert mail["To"] == "ada@example.com"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "https://join.vestibule.example.com/me?token=" in text.get_content()
    assert "https://join.vestibule.example.com/me?token=" in html.get_content()


def test_its_headers_say_what_it_is(launch: Launch, server: Server) -> None:
    cast.joins(launch, "ada")
    relay.drain()
    mail, owed = server.mails[0], Delivery.objects.get()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == owed.message_id
    assert mail["Reply-To"] is None
    assert mail["Subject"].count("\n") == 0


def test_the_unsubscribe_link_stands_on_one_line(launch: Launch, server: Server, settings: Settings) -> None:
    for base in ("http://localhost:8000", "https://join.a-rather-long-name-for-a-product.example.com"):
        settings.PUBLIC_BASE_URL = base
        cast.joins(launch, f"ada{len(base)}")
        relay.drain()
        line = next(line for line in headers_of(server.raw[-1]) if line.startswith(b"List-Unsubscribe:"))
        token = keys.unsubscribe_token(bytes(Delivery.objects.latest("pk").address_key or b""))
        assert line == f"List-Unsubscribe: <{base}/unsubscribe/{token}>".encode()
        assert len(token) == 22
    assert len(f"List-Unsubscribe: <http://localhost:8000/unsubscribe/{token}>") <= 76


def test_a_letter_is_written_in_the_persons_language(launch: Launch, server: Server) -> None:
    cast.joins(launch, "ada", locale="ru")
    relay.drain()
    assert any("а" <= letter <= "я" for letter in str(server.mails[0]["Subject"]).lower())


def test_a_batch_goes_over_one_connection(launch: Launch, server: Server) -> None:
    for name in ("ada", "ben", "cleo", "dora", "emil"):
        cast.joins(launch, name)
    assert relay.drain() == 5
    assert (len(server.mails), server.connections) == (5, 1)


def test_each_mail_is_settled_before_the_next_one_goes(
    launch: Launch, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[int] = []
    monkeypatch.setitem(registry.listeners, "confirm", lambda *_ended: settled.append(len(server.mails)))
    for name in ("ada", "ben", "cleo"):
        cast.joins(launch, name)
    relay.drain()
    assert settled == [1, 2, 3]


def test_a_dead_server_loses_nothing(launch: Launch, server: Server) -> None:
    server.stop()
    cast.joins(launch, "ada")
    relay.drain()
    owed = Delivery.objects.get()
    assert (owed.status, owed.attempts) == ("owed", 1)
    assert "ConnectionRefusedError" in owed.last_error
    assert "ada" not in owed.last_error
    server.start()
    owed_again()
    relay.drain()
    assert Delivery.objects.get().status == "done"
    assert server.mails[0]["Message-ID"] == owed.message_id == Delivery.objects.get().message_id


def test_a_server_that_hangs_up_is_called_again(launch: Launch, server: Server) -> None:
    server.hangs_up_after = 1
    for name in ("ada", "ben", "cleo"):
        cast.joins(launch, name)
    relay.drain()
    owed_again()
    relay.drain()
    assert Delivery.objects.filter(status="done").count() == 3
    assert {mail["To"] for mail in server.mails} == {"ada@example.com", "ben@example.com", "cleo@example.com"}


def test_an_address_that_is_no_more_is_given_up_and_suppressed(launch: Launch, server: Server) -> None:
    server.answers["ada@example.com"] = "550 5.1.1 <ada@example.com>: no such user"
    cast.joins(launch, "ada")
    cast.joins(launch, "ben")
    relay.drain()
    gone, fine = Delivery.objects.order_by("pk")
    assert (gone.status, gone.last_error, fine.status) == ("given_up", "550 5.1.1 <[address]>: no such user", "done")
    assert Suppression.objects.get().reason == "bounced"
    assert sorted(Event.objects.values_list("kind", flat=True))[:2] == ["address.suppressed", "delivery.given_up"]
    assert server.connections == 1


def test_nothing_more_goes_to_a_bounced_address(launch: Launch, server: Server) -> None:
    entry = cast.joins(launch, "ada")
    actions.suppress(cast_key("ada"), "bounced", by="system")
    relay.drain()
    owe_sealed(
        "ada@example.com",
        "Your code",
        "123456",
        subject_ref=f"entry:{entry.pk}",
        by="system",
        address_key=cast_key("ada"),
    )
    relay.drain()
    assert server.mails == []
    assert {one.status: one.last_error for one in Delivery.objects.all()} == {"done": "not sent: this address bounced"}


def cast_key(name: str) -> bytes:
    return keys.address_key("email", cast.contact(name).canonical)


def test_a_full_mailbox_is_tried_again_and_not_suppressed(launch: Launch, server: Server) -> None:
    server.answers["ada@example.com"] = "450 4.2.0 greylisted"
    cast.joins(launch, "ada")
    relay.drain()
    server.answers.clear()
    assert Delivery.objects.get().status == "owed"
    owed_again()
    relay.drain()
    assert Delivery.objects.get().status == "done"
    assert not Suppression.objects.exists()


def test_a_letter_that_breaks_fails_alone_on_the_same_connection(launch: Launch, server: Server) -> None:
    cast.joins(launch, "ada")
    owe([Owed("mail", "no-such-message", "entry:1"), Owed("mail", "confirm", "entry:nonsense")])
    cast.joins(launch, "ben")
    relay.drain()
    assert {mail["To"] for mail in server.mails} == {"ada@example.com", "ben@example.com"}
    assert Delivery.objects.filter(status="owed").count() == 2
    assert server.connections == 1


def test_a_letter_with_nothing_to_say_is_dropped(launch: Launch, server: Server) -> None:
    owe([Owed("mail", "confirm", "entry:987654321")])
    relay.drain()
    assert (Delivery.objects.get().status, Delivery.objects.get().last_error) == (
        "done",
        "not sent: there is nothing to say any more",
    )
    assert server.connections == 0


def test_a_suppression_holds_after_the_keys_were_rotated(
    launch: Launch, server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = Letter("email", "ada@example.com", "en", {"launch": launch}, canonical="ada@example.com")
    monkeypatch.setitem(registry.writers, "milestone", lambda rows: {one.pk: letter for one in rows})
    actions.suppress(keys.keyed("address", "email:ada@example.com", version=1), "unsubscribed", by="public")
    owe([Owed("mail", "milestone", "entry:1", address_key=cast_key("ada"))])
    relay.drain()
    assert Delivery.objects.get().last_error == "not sent: this address unsubscribed"


def test_a_sealed_mail_is_sent_and_blanked(server: Server) -> None:
    owe_sealed("Ada@example.com", "Your\ncode", "It is 123456.", "<p>123456</p>", subject_ref="user:3", by="public")
    assert b"123456" not in bytes(Delivery.objects.get().sealed or b"")
    relay.drain()
    assert (server.mails[0]["To"], server.mails[0]["Subject"]) == ("Ada@example.com", "Your code")
    assert b"123456" in server.raw[0]
    assert (Delivery.objects.get().status, Delivery.objects.get().sealed) == ("done", None)


def test_account_mails_are_capped_with_the_others(server: Server) -> None:
    made = [owe_sealed("ada@example.com", "x", "y", subject_ref="user:3", by="public") for _n in range(20)]
    assert sum(made) == actions.DAILY_CAP


def test_one_click_ends_mail(launch: Launch, server: Server, client: Client) -> None:
    cast.joins(launch, "ada")
    relay.drain()
    link = server.mails[0]["List-Unsubscribe"].strip("<>").removeprefix("https://join.vestibule.example.com")
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer["Referrer-Policy"]) == (200, "no-referrer")
    assert Suppression.objects.get().reason == "unsubscribed"
    assert Event.objects.get(kind="address.suppressed").by == "public"


def test_looking_at_the_unsubscribe_page_ends_nothing(client: Client) -> None:
    link = f"/unsubscribe/{keys.unsubscribe_token(cast_key('ada'))}"
    assert b"<button" in client.get(link).content
    assert client.head(link).status_code == 200
    assert client.put(link).status_code == 405
    assert not Suppression.objects.exists()


def test_an_unknown_token_gets_the_same_page(client: Client) -> None:
    known, unknown = keys.unsubscribe_token(cast_key("ada")), "A" * 22

    def page(token: str) -> bytes:
        shown = client.post(f"/unsubscribe/{token}").content.replace(token.encode(), b"")
        return re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", shown)  # masked anew each time

    assert page(unknown) == page(known)
    assert Suppression.objects.count() == 1


def test_who_unsubscribed_gets_answers_and_no_news(launch: Launch, server: Server) -> None:
    actions.suppress(cast_key("ada"), "unsubscribed", by="public")
    entry = cast.joins(launch, "ada")
    cast.joins(launch, "ada")  # owes "already"
    relay.drain()
    assert [mail["To"] for mail in server.mails] == ["ada@example.com"]
    noted = dict(Delivery.objects.filter(subject=f"entry:{entry.pk}").values_list("name", "last_error"))
    assert noted == {"confirm": "", "already": "not sent: this address unsubscribed"}


def test_an_invite_is_sent_when_its_mail_was_handed_over(launch: Launch, server: Server) -> None:
    server.answers["ben@example.com"] = "550 5.1.1 no such user"
    invites = [cast.invited(launch, name)[1] for name in ("ada", "ben")]
    assert [offer.status for offer in invites] == ["issued", "issued"]
    relay.drain()
    for offer in invites:
        offer.refresh_from_db()
    assert [offer.status for offer in invites] == ["sent", "bounced"]


def test_the_relay_folds_the_counters(launch: Launch) -> None:
    assert ranking.fold_and_sweep in registry.ticks
