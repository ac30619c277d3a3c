"""The one short question: who is asked, once for ever; the page that a link scanner cannot answer; answers by batch."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invites import queries as invite_queries
from invites.actions import redeeming, releasing
from outbox.actions import suppress
from outbox.keys import address_key
from outbox.models import Delivery, Event
from quality import question
from quality.actions import answering
from quality.models import Answer
from quality.tasks import ask
from tests import cast
from tests.conftest import Api, Mailbox
from waitlist import tokens
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
ASKED = "How much do you like it?"


@pytest.fixture
def launch(launch: Launch) -> Launch:
    """A launch that asks a week after people came in."""
    tuning.tune(launch, {"question": ASKED}, by="staff:1")
    launch.refresh_from_db()
    return launch


def came(launch: Launch, name: str, days: float) -> Entry:
    """Somebody who came in so many days ago."""
    entry = cast.registers(launch, name)
    Entry.objects.filter(pk=entry.pk).update(registered_at=timezone.now() - timedelta(days=days))
    return cast.now(entry)


def asked(name: str, mailbox: Mailbox) -> int:
    return len([mail for mail in mailbox.all(f"{name}@example.com") if "question" in mail.subject])


def browser_of(entry: Entry) -> Client:
    """A browser that opened the link of the message."""
    client = Client()
    client.get("/question", {"token": question.token_of(entry)})
    return client


# Whom it asks


@pytest.mark.parametrize(("days", "mails"), [(6.9, 0), (7.1, 1), (13.9, 1), (14.1, 0), (300, 0)])
def test_it_asks_after_a_week_and_catches_up_a_week(days: float, mails: int, launch: Launch, mailbox: Mailbox) -> None:
    came(launch, "ben", days)
    ask()
    assert asked("ben", mailbox) == mails


def test_it_asks_once_for_ever(launch: Launch, mailbox: Mailbox) -> None:
    ben = came(launch, "ben", 8)
    ask()
    ask()
    assert asked("ben", mailbox) == 1
    Delivery.objects.all().delete()  # as after a month
    tuning.tune(launch, {"question": "And now?", "question_days": 5}, by="staff:1")
    ask()
    assert asked("ben", mailbox) == 1
    assert Event.objects.filter(kind="question.asked", subject=f"entry:{ben.pk}").count() == 1


def test_a_launch_without_a_question_asks_nothing(launch: Launch, mailbox: Mailbox) -> None:
    came(launch, "ben", 8)
    tuning.tune(launch, {"question": ""}, by="staff:1")
    ask()
    assert answering.ask(launch, timezone.now(), by="beat") == 0
    assert asked("ben", mailbox) == 0


@pytest.mark.parametrize("verb", [deciding.suspend, deciding.hold])
def test_who_is_suspended_or_held_is_not_asked(verb: object, launch: Launch, mailbox: Mailbox) -> None:
    ben, ada = came(launch, "ben", 8), came(launch, "ada", 8)
    verb([ben.pk], "looks odd", by="staff:1")  # type: ignore[operator]
    ask()
    verb([ada.pk], "looks odd", by="staff:1")  # type: ignore[operator]
    assert asked("ben", mailbox) == 0
    assert asked("ada", mailbox) == 0  # not either where it was owed before


def test_who_waits_or_wants_no_mail_is_not_asked(launch: Launch, mailbox: Mailbox) -> None:
    cast.ada(launch)
    came(launch, "ben", 8)
    suppress(address_key("email", "ben@example.com"), "unsubscribed", by="public")
    ask()
    assert asked("ada", mailbox) == asked("ben", mailbox) == 0


def test_whose_address_had_its_messages_of_the_day_is_asked_later(launch: Launch, mailbox: Mailbox) -> None:
    ben = came(launch, "ben", 8)
    full = [question.owed(ben)] * 12
    Delivery.objects.bulk_create(
        Delivery(handler="mail", name="lapsed", subject=one.subject, address_key=one.address_key) for one in full
    )
    ask()
    assert not Event.objects.filter(kind="question.asked").exists()
    Delivery.objects.update(created_at=F("created_at") - timedelta(days=2))
    ask()
    assert asked("ben", mailbox) == 1


def test_many_are_asked_in_few_statements(launch: Launch) -> None:
    for name in ("ben", "cleo", "dev"):
        came(launch, name, 8)
    with CaptureQueriesContext(connection) as queries:
        assert answering.ask(launch, timezone.now(), by="beat") == 3
    assert len(queries) <= 8


# The page


def test_the_message_leads_to_the_page_and_one_press_answers(launch: Launch, mailbox: Mailbox) -> None:
    ben = came(launch, "ben", 8)
    ask()
    mail = next(one for one in mailbox.all("ben@example.com") if "question" in one.subject)
    assert ASKED in mail.text
    link = next(iter(re.findall(r"/question\?token=\S+", mail.text)))
    client = Client()
    arrived = client.get(link)
    assert arrived.headers["Location"] == "/question"
    assert arrived.headers["Referrer-Policy"] == "no-referrer"
    page = client.get("/question").content.decode()
    assert ASKED in page
    assert re.findall(r'<button name="score" value="(\d)"', page) == ["1", "2", "3", "4", "5"]
    assert "token" not in page.replace("csrfmiddlewaretoken", "")
    said = client.post("/question", {"score": "4", "comment": "Fast."}, follow=True).content.decode()
    assert "Thank you" in said
    assert 'value="4" aria-current="true"' in said
    assert Answer.objects.values_list("entry", "score", "comment").get() == (ben.pk, 4, "Fast.")


def test_a_scanner_that_follows_every_link_answers_nothing(launch: Launch) -> None:
    ben = came(launch, "ben", 8)
    with CaptureQueriesContext(connection) as queries:
        for way in ("get", "head"):
            client = Client()
            getattr(client, way)("/question", {"token": question.token_of(ben), "score": "5"})
            getattr(client, way)("/question", {"score": "5"})
    assert not [one for one in queries.captured_queries if re.search(r"INSERT|UPDATE|DELETE", one["sql"])]
    assert not Answer.objects.exists()


def test_an_answer_can_be_changed_and_each_change_is_a_fact(launch: Launch) -> None:
    client = browser_of(came(launch, "ben", 8))
    for score in ("2", "5", "5"):
        client.post("/question", {"score": score})
    assert Answer.objects.get().score == 5
    assert [event.data["score"] for event in Event.objects.filter(kind="question.answered").order_by("pk")] == [2, 5]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"score": "0"},
        {"score": "6"},
        {"score": "x"},
        {"score": "4", "comment": "x" * 501},
        {"score": "4", "comment": "\0"},
    ],
)
def test_bad_input_keeps_nothing_and_says_what_to_do(sent: dict[str, str], launch: Launch) -> None:
    said = browser_of(came(launch, "ben", 8)).post("/question", sent)
    assert said.status_code == 200
    assert 'role="alert"' in said.content.decode() or "errorlist" in said.content.decode()
    assert not Answer.objects.exists()


def test_a_token_of_another_purpose_or_an_old_one_opens_nothing(launch: Launch) -> None:
    ben = came(launch, "ben", 8)
    old = question.token_of(ben)
    Entry.objects.filter(pk=ben.pk).update(link_version=F("link_version") + 1)
    for token in (tokens.person_token(cast.now(ben)), old, "nonsense", ""):
        client = Client()
        client.get("/question", {"token": token})
        assert "nothing to answer" in client.post("/question", {"score": "5"}).content.decode()
    assert tokens.entry_of(question.token_of(cast.now(ben))) is None
    assert not Answer.objects.exists()


def test_who_was_suspended_meanwhile_has_nothing_to_answer(launch: Launch) -> None:
    ben = came(launch, "ben", 8)
    client = browser_of(ben)
    deciding.suspend([ben.pk], "looks odd", by="staff:1")
    assert "nothing to answer" in client.post("/question", {"score": "5"}).content.decode()
    assert not Answer.objects.exists()


def test_the_page_is_small_and_asks_nobody_else(launch: Launch) -> None:
    page = browser_of(came(launch, "ben", 8)).get("/question").content.decode()
    assert len(page) < 10_000
    assert not re.search(r'(src|href|action)="(https?:)?//', page)
    assert "onclick" not in page
    assert page.count("<label") == page.count("<textarea") == 1


def test_the_api_does_not_take_the_questions_token(api: Api, launch: Launch) -> None:
    ben = came(launch, "ben", 8)
    assert api.with_token(question.token_of(ben)).get("/api/waitlist/me").status_code == 401


# The console


def test_the_answers_of_a_batch_stand_on_its_page(client: Client, launch: Launch) -> None:
    for name in ("ada", "ben", "eve", "fay"):
        cast.waits(launch, name)
    batch = releasing.release(launch, 3, by="staff:1")
    for entry in Entry.objects.filter(status="invited").order_by("pk"):
        offer = invite_queries.open_invite_of(entry)
        assert offer
        redeeming.redeem(
            launch,
            redeeming.Ask(cast.contact(entry.canonical[:3]), code=invite_queries.text_of(offer.code)),
            by="public",
        )
    answering.answer(Entry.objects.get(canonical="ada@example.com"), 5, "<b>Great</b>", by="public")
    answering.answer(Entry.objects.get(canonical="ben@example.com"), 4, "", by="public")
    answering.answer(came(launch, "gus", 8), 1, "Another batch.", by="public")
    client.force_login(cast.dev())
    page = client.get(f"/admin/invites/batch/{batch.pk}/change/").content.decode()
    assert "2 answered. Mean 4.50 of 5; in 95 of 100 such batches between" in page
    assert "4: 1 × · 5: 1 ×" in page
    assert "5: &lt;b&gt;Great&lt;/b&gt;" in page
    assert "Another batch." not in page
    assert "Great" in client.get("/admin/quality/answer/").content.decode().replace("&lt;b&gt;", "")
