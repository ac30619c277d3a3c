"""Webhooks: owed with the fact, signed, tried again, ended by 410, told ids alone, and never sent to a private address."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from invites.actions import redeeming
from invites.signals import code_redeemed
from outbox import actions, facts, reach, relay
from outbox.errors import Refused
from outbox.facts import Said
from outbox.models import Delivery, Endpoint, Event
from tests import cast
from tests.sinks import Heard, Sink, certificate
from waitlist.models import Launch
from waitlist.signals import entry_joined, launch_tuned

pytestmark = pytest.mark.django_db
HOST = "hooks.example.com"
PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.7"
Answers = Callable[..., list[str]]


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    """A program on this machine, which the settings allow by its network."""
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.0/8"]
    made = Sink()
    yield made
    made.stop()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Says which addresses the names of example.com have, one list for each look-up, the last one for ever."""
    real, asked = socket.getaddrinfo, list[str]()

    def say(*answers: list[str]) -> list[str]:
        left = list(answers)

        def getaddrinfo(host: Any, port: Any, *args: Any, **more: Any) -> Any:
            if not str(host).endswith("example.com"):
                return real(host, port, *args, **more)
            asked.append(str(host))
            now = left.pop(0) if len(left) > 1 else left[0]
            return [found for address in now for found in real(address, port, *args, **more)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return say


def listens(url: str, *events: str, full_contact: bool = False) -> tuple[Endpoint, str]:
    return actions.make_endpoint(url, events, full_contact=full_contact, by="staff:1")


def happens(subject: str = "entry:7", **more: Any) -> None:
    entry_joined.announce([Said(subject, {"launch": 1, **more})], by="public")


def owed() -> list[Delivery]:
    return list(Delivery.objects.filter(handler="webhook").order_by("pk"))


def again() -> None:
    """Time passes and the relay looks again."""
    Delivery.objects.filter(status="owed").update(due_at=timezone.now() - timedelta(hours=1))
    relay.drain()


def said(heard: Heard) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(heard.body)
    return body


def test_a_public_fact_reaches_an_endpoint_signed(sink: Sink) -> None:
    _endpoint, secret = listens(sink.url("/hooks?from=us"))
    happens(source="organic")
    relay.drain()
    [heard] = sink.heard
    body = Webhook(secret).verify(heard.body, heard.headers)
    event = Event.objects.get(kind="entry.joined")
    assert body["type"] == "entry.joined"
    assert body["data"] == {"entry": 7, "event": event.pk, "launch": 1, "source": "organic"}
    assert body["timestamp"].endswith("Z")
    assert (heard.path, heard.headers["host"]) == ("/hooks?from=us", f"127.0.0.1:{sink.port}")
    assert [(one.status, one.message_id) for one in owed()] == [("done", heard.headers["webhook-id"])]


def test_a_changed_body_is_not_ours(sink: Sink) -> None:
    _endpoint, secret = listens(sink.url())
    happens()
    relay.drain()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(sink.heard[0].body.replace(b"7", b"8"), sink.heard[0].headers)


def test_only_what_was_chosen_is_owed(sink: Sink) -> None:
    chosen, _secret = listens(sink.url(), "entry.joined")
    everything, _secret = listens(sink.url())
    happens()
    code_redeemed.announce([Said("entry:8", {"code": 3})], by="public")
    launch_tuned.announce([Said("launch:1", {"changes": {}})], by="staff:1")
    assert [(one.name, one.subject, one.data["endpoint"]) for one in owed()] == [
        ("entry.joined", "entry:7", chosen.pk),
        ("entry.joined", "entry:7", everything.pk),
        ("code.redeemed", "entry:8", everything.pk),
    ]


def test_many_at_once_are_owed_each(sink: Sink) -> None:
    listens(sink.url())
    entry_joined.announce([Said(f"entry:{number}") for number in range(50)], by="public")
    assert {one.subject for one in owed()} == {f"entry:{number}" for number in range(50)}


def test_the_journey_is_told(sink: Sink, launch: Launch) -> None:
    listens(sink.url())
    ben = cast.registers(launch, "ben")
    names = [one.name for one in owed() if one.subject == f"entry:{ben.pk}"]
    assert names == ["entry.joined", "entry.confirmed", "entry.invited", "entry.registered", "code.redeemed"]


def test_no_code_and_no_address_is_told(sink: Sink, launch: Launch) -> None:
    listens(sink.url())
    code = cast.code_of(cast.registers(launch, "ben"))
    redeeming.redeem(launch, redeeming.Ask(cast.contact("ada"), code=code, proven=True), by="public")
    relay.drain()
    told = b"".join(heard.body for heard in sink.heard).decode()
    assert code not in told
    assert "example.com" not in told


def test_who_may_know_is_told_the_contact(sink: Sink, launch: Launch) -> None:
    listens(sink.url(), "entry.joined", full_contact=True)
    cast.joins(launch, "ada")
    relay.drain()
    assert said(sink.heard[0])["data"]["contact"] == {"name": "Ada", "email": "ada@example.com"}


@pytest.mark.parametrize("full_contact", [True, False])
def test_what_staff_wrote_may_name_somebody(full_contact: bool, sink: Sink) -> None:
    listens(sink.url(), full_contact=full_contact)
    happens(reason="is ada@example.com again")
    relay.drain()
    assert ("reason" in said(sink.heard[0])["data"]) == full_contact


def test_a_rolled_back_fact_is_not_owed(sink: Sink) -> None:
    listens(sink.url())
    with transaction.atomic():
        happens()
        transaction.set_rollback(True)
    assert owed() == []


def test_without_an_endpoint_the_statement_is_the_plain_one(launch: Launch) -> None:
    assert not entry_joined.heard()
    cast.joins(launch, "ada")
    assert owed() == []


def test_an_internal_fact_is_never_heard(sink: Sink) -> None:
    listens(sink.url())
    assert entry_joined.heard()
    assert not launch_tuned.heard()


def test_what_is_kept_in_memory_owes_nothing_to_a_disabled_endpoint(sink: Sink) -> None:
    endpoint, _secret = listens(sink.url())
    assert entry_joined.heard()
    actions.disable_endpoints([endpoint.pk], "enough", by="staff:1")
    stale = (float("inf"), frozenset({"*"}))
    facts._kept = stale
    happens()
    assert owed() == []


def test_500_then_200_is_one_message(sink: Sink) -> None:
    listens(sink.url())
    sink.answers = [500]
    happens()
    relay.drain()
    assert [(one.status, one.last_error) for one in owed()] == [("owed", "it answered 500")]
    again()
    assert [one.status for one in owed()] == ["done"]
    first, second = (heard.headers["webhook-id"] for heard in sink.heard)
    assert first == second


def test_410_disables_the_endpoint(sink: Sink) -> None:
    endpoint, _secret = listens(sink.url())
    sink.answers = [410]
    happens("entry:7")
    happens("entry:8")
    relay.drain()
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "It answered 410: gone.")
    assert Event.objects.get(kind="endpoint.disabled").by == "system"
    assert len(sink.heard) == 1
    assert [one.status for one in owed()] == ["given_up", "given_up"]
    happens()
    assert len(owed()) == 2


def test_what_a_disabled_endpoint_missed_can_be_replayed(sink: Sink) -> None:
    endpoint, _secret = listens(sink.url())
    happens()
    actions.disable_endpoints([endpoint.pk], "maintenance", by="staff:1")
    relay.drain()
    assert sink.heard == []
    actions.enable_endpoints([endpoint.pk], "done", by="staff:1")
    actions.replay([one.pk for one in owed()], "", by="staff:1")
    relay.drain()
    assert len(sink.heard) == 1


def test_after_a_rotation_both_secrets_hold_for_a_day(sink: Sink) -> None:
    endpoint, old = listens(sink.url())
    new = actions.rotate_secret(endpoint.pk, "it leaked", by="staff:1")
    happens()
    relay.drain()
    for secret in (old, new):
        Webhook(secret).verify(sink.heard[0].body, sink.heard[0].headers)
    Endpoint.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
    happens()
    relay.drain()
    Webhook(new).verify(sink.heard[1].body, sink.heard[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(sink.heard[1].body, sink.heard[1].headers)


def test_no_secret_stands_in_the_database(sink: Sink) -> None:
    endpoint, secret = listens(sink.url())
    endpoint.refresh_from_db()
    assert secret.encode() not in bytes(endpoint.secret)
    assert secret not in str(list(Event.objects.values_list("data", flat=True)))


def test_a_redirect_is_not_followed(sink: Sink) -> None:
    elsewhere = Sink()
    listens(sink.url())
    sink.answers = [elsewhere.url("/inside")]
    happens()
    relay.drain()
    assert [(one.status, one.last_error) for one in owed()] == [("owed", "it answered 307")]
    assert elsewhere.heard == []
    elsewhere.stop()


def test_one_who_does_not_answer_holds_up_nobody_else(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "TOTAL", 0.3)
    quick = Sink()
    sink.holds.clear()
    listens(sink.url(), "entry.joined")
    for number in range(5):
        happens(f"entry:{number}")
    listens(quick.url(), "code.redeemed")
    code_redeemed.announce([Said("entry:8", {"code": 3})], by="public")
    relay.drain()
    assert len(sink.heard) == 1
    assert [one.last_error for one in owed()][1] == "not tried: the endpoint did not answer a moment ago"
    assert len(quick.heard) == 1
    quick.stop()


def test_one_who_answers_byte_by_byte_is_cut_off(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "TOTAL", 0.5)
    sink.trickles = True
    listens(sink.url())
    happens()
    begun = time.monotonic()
    relay.drain()
    assert time.monotonic() - begun < 3
    assert [one.status for one in owed()] == ["owed"]


def test_a_slow_endpoint_gets_its_share_of_a_batch_and_no_more(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outbox.webhooks.SHARE", 0.0)
    listens(sink.url())
    happens("entry:7")
    happens("entry:8")
    relay.drain()
    assert len(sink.heard) == 1
    assert [(one.status, one.attempts) for one in owed()] == [("done", 1), ("owed", 0)]
    assert owed()[1].due_at > timezone.now() + timedelta(seconds=20)


def test_a_closed_port_is_tried_again(sink: Sink) -> None:
    listens(sink.url())
    sink.stop()
    happens()
    relay.drain()
    [one] = owed()
    assert (one.status, one.attempts) == ("owed", 1)
    assert "refused" in one.last_error


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.7", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
        "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.7", "64:ff9b::10.0.0.7", "2002:0a00:0007::1", "::10.0.0.7",
        "192.0.0.192", "168.63.129.16", "3fff::1",
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_refused_at_save(address: str, resolver: Answers) -> None:
    resolver([PUBLIC, address])
    with pytest.raises(Refused, match="address_private"):
        listens(f"https://{HOST}/")
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::93.184.216.34", "::ffff:93.184.216.34"])
def test_a_public_name_is_taken(address: str, resolver: Answers) -> None:
    resolver([address])
    listens(f"https://{HOST}/")


def test_a_name_in_any_script_is_looked_up_as_the_wire_carries_it(resolver: Answers) -> None:
    asked = resolver([PUBLIC])
    listens("https://bücher.example.com/")
    assert asked == ["xn--bcher-kva.example.com"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "url_not_https"),
        ("ftp://hooks.example.com/", "url_invalid"),
        ("https://user:secret@hooks.example.com/", "url_invalid"),
        ("https://hooks.example.com:99999/", "url_invalid"),
        ("https://hooks.example.com/#part", "url_invalid"),
        ("https://hooks.example.com/\r\nHost: inside", "url_invalid"),
        ("https://[::1/", "url_invalid"),
        ("https://", "url_invalid"),
        ("https://hooks.example.com/bücher", "url_invalid"),
        ("https://" + "a" * 64 + ".example.org/", "host_unknown"),
        ("https://2130706433/", "address_private"),
        ("https://[::ffff:127.0.0.1]/", "address_private"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, why: str, resolver: Answers) -> None:
    resolver([PUBLIC])
    with pytest.raises(Refused, match=why):
        listens(url)


def test_an_event_that_is_none_is_refused(sink: Sink) -> None:
    with pytest.raises(Refused, match="event_unknown"):
        listens(sink.url(), "launch.tuned")


def test_a_name_that_moved_inside_is_refused_at_send(sink: Sink, settings: Settings, resolver: Answers) -> None:
    settings.WEBHOOK_PRIVATE_HOSTS = []
    resolver([PUBLIC], ["127.0.0.1"])
    listens(sink.url(host=HOST, scheme="https"))
    happens()
    relay.drain()
    assert [(one.status, one.last_error) for one in owed()] == [("owed", "not sent: address_private")]
    assert sink.heard == []


def test_a_name_that_changes_between_check_and_call_changes_nothing(
    sink: Sink, settings: Settings, resolver: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: the resolver says a public address to the check, and this machine to whoever asks once more."""
    settings.WEBHOOK_PRIVATE_HOSTS = []
    monkeypatch.setattr(reach, "CONNECT", 0.2)
    monkeypatch.setattr(reach, "TOTAL", 0.4)
    asked = resolver([PUBLIC], [PUBLIC], ["127.0.0.1"])
    listens(sink.url(host=HOST, scheme="https"))
    happens()
    tried: list[Any] = []
    connect = socket.socket.connect

    def noted(self: socket.socket, to: Any) -> None:
        tried.append(to[0])
        connect(self, to)

    monkeypatch.setattr(socket.socket, "connect", noted)
    relay.drain()
    assert asked == [HOST, HOST]
    assert {to for to in tried if isinstance(to, str) and not to.startswith("/")} == {PUBLIC}
    assert sink.heard == []


def test_the_control_that_looks_the_name_up_again_is_led_inside(
    sink: Sink, settings: Settings, resolver: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the pin the same resolver leads the call to this machine."""
    settings.WEBHOOK_PRIVATE_HOSTS = [HOST]
    resolver([PUBLIC], [PUBLIC], ["127.0.0.1"])
    pinned = reach.connection_to
    monkeypatch.setattr(reach, "connection_to", lambda place, _address, seconds: pinned(place, place.host, seconds))
    listens(sink.url(host=HOST))
    happens()
    relay.drain()
    assert len(sink.heard) == 1


def test_the_certificate_is_held_against_the_name(
    tmp_path: Path, settings: Settings, resolver: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = certificate(tmp_path, HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    settings.WEBHOOK_PRIVATE_HOSTS = [HOST, "other.example.com"]
    resolver(["127.0.0.1"])
    secure = Sink(tls=trusted)
    listens(secure.url(host=HOST, scheme="https"), "entry.joined")
    listens(secure.url(host="other.example.com", scheme="https"), "entry.joined")
    happens()
    relay.drain()
    assert [heard.headers["host"] for heard in secure.heard] == [f"{HOST}:{secure.port}"]
    assert [one.status for one in owed()] == ["done", "owed"]
    assert "certificate verify failed" in owed()[1].last_error
    secure.stop()


@pytest.fixture
def console(launch: Launch) -> Client:
    """Dev's browser."""
    client = Client()
    client.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    return client


PAGE = "/admin/outbox/endpoint/"


def chosen(action: str, pk: int) -> dict[str, Any]:
    return {"action": action, "_selected_action": [pk], "apply": "1", "reason": "because"}


def test_the_console_makes_one_and_shows_its_secret_once(console: Client, sink: Sink) -> None:
    form = {"url": sink.url(), "events": ["entry.joined"], "full_contact": "on"}
    shown = console.post(f"{PAGE}add/", form, follow=True).content.decode()
    endpoint = Endpoint.objects.get()
    assert (endpoint.events, endpoint.full_contact, endpoint.by[:6]) == (["entry.joined"], True, "staff:")
    assert "whsec_" in shown
    assert "whsec_" not in console.get(f"{PAGE}{endpoint.pk}/change/").content.decode()


def test_the_console_says_why_an_address_is_refused(console: Client) -> None:
    shown = console.post(f"{PAGE}add/", {"url": "https://127.0.0.1/"}).content.decode()
    assert "leads to a private address" in shown
    assert not Endpoint.objects.exists()


def test_the_console_disables_enables_and_rotates_with_a_reason(console: Client, sink: Sink) -> None:
    endpoint, _secret = listens(sink.url())
    console.post(PAGE, chosen("disable_endpoints", endpoint.pk))
    assert Endpoint.objects.get().disabled_reason == "because"
    console.post(PAGE, chosen("enable_endpoints", endpoint.pk))
    assert (Endpoint.objects.get().status, Endpoint.objects.get().disabled_reason) == ("active", "")
    assert "whsec_" in console.post(PAGE, chosen("rotate_secret", endpoint.pk), follow=True).content.decode()
    kinds = ["endpoint.made", "endpoint.disabled", "endpoint.enabled", "endpoint.rotated"]
    assert (
        list(Event.objects.filter(subject=f"endpoint:{endpoint.pk}").order_by("pk").values_list("kind", flat=True))
        == kinds
    )


def test_the_console_shows_how_the_last_ones_went(console: Client, sink: Sink) -> None:
    endpoint, _secret = listens(sink.url())
    sink.answers = [500]
    happens()
    relay.drain()
    assert "it answered 500" in console.get(f"{PAGE}{endpoint.pk}/change/").content.decode()
