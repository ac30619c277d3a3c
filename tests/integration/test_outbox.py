"""What is owed: written once, leased, delivered, tried again, given up and replayed; and the trail nobody can alter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from outbox import actions, queries, registry, relay
from outbox.actions import Owed, owe
from outbox.facts import Said
from outbox.models import Delivery, Event, SavedReply, Suppression
from outbox.policy import WAITS, End
from outbox.registry import Outcome
from outbox.signals import delivery_replayed
from tests import cast

pytestmark = pytest.mark.django_db
ADA = b"a" * 32


class Work:
    """A handler that fails for the subjects it is told, and remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []
        self.bad: set[str] = set()
        self.wrong: dict[str, str] = {}

    def __call__(self, deliveries: Sequence[Delivery]) -> Mapping[int, str]:
        subjects = [one.subject for one in deliveries]
        self.seen.append(subjects)
        if self.bad & set(subjects):
            raise RuntimeError("broke on ada@example.com")
        return {one.id: self.wrong[one.subject] for one in deliveries if one.subject in self.wrong}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work()
    monkeypatch.setitem(registry.handlers, "work", made)
    return made


def owes(*subjects: str, **more: object) -> None:
    owe([Owed("work", "test", subject, **more) for subject in subjects])  # type: ignore[arg-type]


def row(subject: str) -> Delivery:
    return Delivery.objects.get(subject=subject)


def make_due(**changes: object) -> None:
    Delivery.objects.filter(status="owed").update(due_at=timezone.now() - timedelta(hours=1), **changes)


def test_it_is_handled_once_in_one_batch(work: Work) -> None:
    owes("entry:1", "entry:2")
    assert relay.drain() == 2
    assert relay.drain() == 0
    assert work.seen == [["entry:1", "entry:2"]]
    assert [one.status for one in Delivery.objects.all()] == ["done", "done"]
    assert row("entry:1").done_at is not None


def test_a_handler_gets_the_ids_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Delivery] = []

    def keep(deliveries: Sequence[Delivery]) -> Mapping[int, str]:
        got.extend(deliveries)
        return {}

    monkeypatch.setitem(registry.handlers, "work", keep)
    owe([Owed("work", "test", "entry:7", {"batch": 3}, address_key=ADA, sealed=b"\x00box")])
    relay.drain()
    assert (got[0].subject, got[0].data, got[0].address_key, got[0].sealed) == (
        "entry:7",
        {"batch": 3},
        ADA,
        b"\x00box",
    )
    assert got[0].created_at == row("entry:7").created_at  # read when it is asked for


def test_what_was_said_once_is_not_owed_again() -> None:
    owe([Owed("work", "test", "entry:1", dedupe="welcome:1"), Owed("work", "test", "entry:2")])
    assert owe([Owed("work", "test", "entry:1", dedupe="welcome:1")]) == 0


def test_nobody_is_mail_bombed_over_all_names() -> None:
    for name in ("confirm", "already", "share") * 2:
        owe([Owed("mail", name, "entry:1", address_key=ADA, cap=5)])
    assert Delivery.objects.count() == 5
    assert owe([Owed("mail", "invited", "invite:1", address_key=ADA, cap=None)]) == 1
    assert owe([Owed("mail", "confirm", "entry:2", address_key=b"b" * 32, cap=5)]) == 1


def test_a_rolled_back_verb_owes_nothing() -> None:
    with transaction.atomic():
        owes("entry:1")
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_it_waits_until_it_is_due(work: Work) -> None:
    owes("entry:1", due_at=timezone.now() + timedelta(minutes=1))
    assert relay.drain() == 0
    assert not work.seen


def test_one_poisoned_row_fails_alone(work: Work) -> None:
    work.bad = {"entry:2"}
    owes("entry:1", "entry:2", "entry:3")
    relay.drain()
    assert [row(f"entry:{n}").status for n in (1, 2, 3)] == ["done", "owed", "done"]
    assert row("entry:2").last_error == "RuntimeError: broke on [address]"
    assert row("entry:2").due_at > timezone.now()
    assert row("entry:2").leased_until is None


def test_a_handler_names_what_failed(work: Work) -> None:
    work.wrong = {"entry:2": "no such code"}
    owes("entry:1", "entry:2")
    relay.drain()
    assert (row("entry:1").status, row("entry:2").status, row("entry:2").last_error) == ("done", "owed", "no such code")


def test_a_name_nobody_handles_stays_owed() -> None:
    owe([Owed("nobody", "test", "entry:1")])
    relay.drain()
    assert (row("entry:1").status, row("entry:1").last_error) == ("owed", "nothing here handles 'nobody'")


def test_it_is_given_up_and_replayed_by_staff(work: Work) -> None:
    work.bad = {"entry:1"}
    owes("entry:1")
    make_due(attempts=len(WAITS))
    relay.drain()
    dead = row("entry:1")
    assert dead.status == "given_up"
    assert Event.objects.get(kind="delivery.given_up").subject == f"delivery:{dead.pk}"
    work.bad = set()
    assert actions.replay([dead.pk], "", by="staff:5") == 1
    assert actions.replay([dead.pk], "", by="staff:5") == 0
    assert Event.objects.get(kind="delivery.replayed").by == "staff:5"
    relay.drain()
    assert row("entry:1").status == "done"


def test_an_outcome_of_a_lost_lease_changes_nothing() -> None:
    owes("entry:1")
    late = relay.lease(1)[0]
    Delivery.objects.update(leased_until=timezone.now() + timedelta(seconds=90))  # another worker has it now
    assert actions.settle([Outcome(late)], by="system") == 0
    assert row("entry:1").status == "owed"


def test_a_lost_lease_is_found_out_when_it_is_renewed() -> None:
    owes("entry:1", "entry:2")
    mine, lost = relay.lease(2)
    Delivery.objects.filter(pk=lost.pk).update(leased_until=timezone.now() + timedelta(seconds=90))
    relay.renew([mine, lost])
    assert lost.leased_until is None
    assert actions.settle([Outcome(mine)], by="system") == 1


def test_what_is_leased_is_nobody_elses() -> None:
    owes("entry:1")
    assert len(relay.lease(5)) == 1
    assert relay.lease(5) == []


def test_an_abandoned_lease_is_taken_again_one_by_one(work: Work) -> None:
    owes("entry:1", "entry:2")
    relay.lease(2)
    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    owes("entry:3")
    assert relay.drain() == 3
    assert work.seen[0] == ["entry:3"]
    assert sorted(work.seen[1:]) == [["entry:1"], ["entry:2"]]
    assert row("entry:1").attempts == 2


def test_a_row_that_kills_every_worker_is_given_up(work: Work) -> None:
    owes("entry:1")
    Delivery.objects.update(attempts=len(WAITS), leased_until=timezone.now() - timedelta(seconds=1))
    relay.drain()
    assert not work.seen
    assert (row("entry:1").status, row("entry:1").last_error) == (
        "given_up",
        f"{relay.ABANDONED}, {len(WAITS) + 1} times",
    )


def test_a_drain_that_is_stopped_hands_the_rest_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_by_one(deliveries: Sequence[Delivery]) -> Iterator[Outcome]:
        yield from (Outcome(one) for one in deliveries)

    monkeypatch.setitem(registry.senders, "slow", one_by_one)
    owe([Owed("slow", "test", f"entry:{n}") for n in range(4)])
    answers = iter([False, False, True, True])
    assert relay.drain(stop=lambda: next(answers)) == 2
    owed = Delivery.objects.filter(status="owed")
    assert [(one.attempts, one.leased_until) for one in owed] == [(0, None), (0, None)]


def test_a_sender_that_breaks_fails_only_what_it_had_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(deliveries: Sequence[Delivery]) -> Iterator[Outcome]:
        yield Outcome(deliveries[0])
        raise RuntimeError("out of paper")

    monkeypatch.setitem(registry.senders, "slow", breaks)
    owe([Owed("slow", "test", f"entry:{n}") for n in range(3)])
    relay.drain()
    assert sorted(Delivery.objects.values_list("status", "last_error")) == [
        ("done", ""),
        ("owed", "RuntimeError: out of paper"),
        ("owed", "RuntimeError: out of paper"),
    ]


def test_not_now_counts_no_try(monkeypatch: pytest.MonkeyPatch) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setitem(
        registry.senders, "slow", lambda rows: iter([Outcome(one, End.LATER, until=tomorrow) for one in rows])
    )
    owe([Owed("slow", "test", "entry:1")])
    relay.drain()
    assert (row("entry:1").status, row("entry:1").attempts, row("entry:1").due_at) == ("owed", 0, tomorrow)


def test_who_listens_hears_the_end_in_the_same_transaction(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[list[str], End]] = []
    monkeypatch.setitem(
        registry.listeners, "test", lambda rows, end: heard.append(([one.subject for one in rows], end))
    )
    owes("entry:1", "entry:2")
    relay.drain()
    assert heard == [(["entry:1", "entry:2"], End.DONE)]


def test_what_is_sealed_is_blanked_when_it_is_settled(work: Work) -> None:
    owes("entry:1", sealed=b"box")
    owes("entry:2", sealed=b"box")
    work.bad = {"entry:2"}
    relay.drain()
    assert row("entry:1").sealed is None
    assert bytes(row("entry:2").sealed or b"") == b"box"
    make_due(attempts=len(WAITS))
    relay.drain()
    assert row("entry:2").sealed is None


def test_the_lag_grows_only_when_nobody_takes_what_is_due() -> None:
    assert queries.oldest_owed_seconds() == queries.relay_lag_seconds() == 0
    owes("entry:1", "entry:2")
    make_due()
    assert (
        queries.oldest_owed_seconds()
        == pytest.approx(queries.relay_lag_seconds(), abs=60)
        == pytest.approx(3600, abs=60)
    )
    relay.lease(1)
    assert queries.oldest_owed_seconds() > 3000
    assert queries.relay_lag_seconds() == 0


def test_purging_keeps_what_is_young_owed_or_given_up(work: Work) -> None:
    owes("entry:1", "entry:2", "entry:3")
    long_ago = timezone.now() - timedelta(days=31)
    Delivery.objects.filter(subject="entry:1").update(status="done", done_at=long_ago)
    Delivery.objects.filter(subject="entry:2").update(status="done", done_at=timezone.now())
    SavedReply.objects.create(scope="key:1", key="a", fingerprint=b"", created_at=timezone.now() - timedelta(hours=25))
    SavedReply.objects.create(scope="key:1", key="b", fingerprint=b"")
    assert actions.purge() == 2
    assert actions.purge() == 0
    assert sorted(Delivery.objects.values_list("subject", flat=True)) == ["entry:2", "entry:3"]
    assert SavedReply.objects.get().key == "b"


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE outbox_event SET by = 'nobody'",
        "DELETE FROM outbox_event",
        "TRUNCATE outbox_event",
        "SET LOCAL session_replication_role = replica; DELETE FROM outbox_event",
    ],
)
def test_the_trail_cannot_be_altered(tampering: str) -> None:
    delivery_replayed.announce([Said("delivery:1")], by="staff:5")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(tampering)
    assert Event.objects.get().by == "staff:5"


def test_a_done_delivery_cannot_be_leased() -> None:
    owes("entry:1")
    with pytest.raises(IntegrityError, match="only_what_is_owed_is_leased"), transaction.atomic():
        Delivery.objects.update(status="done", leased_until=timezone.now())


def test_a_bounce_is_told_over_an_unsubscribe_and_never_the_other_way() -> None:
    assert actions.suppress(ADA, "unsubscribed", by="public")
    assert not actions.suppress(ADA, "unsubscribed", by="public")
    assert actions.suppress(ADA, "bounced", by="system")
    assert not actions.suppress(ADA, "unsubscribed", by="public")
    assert Suppression.objects.get().reason == "bounced"
    assert Event.objects.filter(kind="address.suppressed").count() == 2


def test_staff_lift_a_suppression() -> None:
    actions.suppress(ADA, "bounced", by="system")
    assert actions.lift([Suppression.objects.get().pk], "", by="staff:5") == 1
    assert queries.suppressed_for([ADA]) == {}
    assert Event.objects.get(kind="address.restored").by == "staff:5"


def test_one_turn_by_hand_delivers_what_is_due(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    owes("entry:1")
    call_command("relay", "--once")
    assert capsys.readouterr().out == "1 settled\n"
    assert work.seen == [["entry:1"]]


def test_the_relay_does_what_the_apps_above_ask_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ticked: list[str] = []
    tick: Callable[[], object] = lambda: ticked.append("folded")  # noqa: E731
    monkeypatch.setattr(registry, "ticks", [tick])
    call_command("relay", "--once")
    assert ticked == ["folded"]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(cast.dev())
    return client


def test_staff_replay_a_dead_letter_from_the_console(staff: Client) -> None:
    owes("entry:1", "entry:2")
    Delivery.objects.filter(subject="entry:1").update(status="given_up")
    ids = list(Delivery.objects.values_list("pk", flat=True))
    press = {"action": "replay", "_selected_action": ids, "apply": "1", "reason": "the other side is back"}
    page = staff.post("/admin/outbox/delivery/", press, follow=True).content.decode()
    assert "1 changed." in page
    assert row("entry:1").status == "owed"
    assert Event.objects.get(kind="delivery.replayed").by.startswith("staff:")


def test_the_console_shows_the_trail_and_changes_nothing(staff: Client) -> None:
    delivery_replayed.announce([Said("delivery:1")], by="staff:5")
    event = Event.objects.get()
    assert "delivery.replayed" in staff.get("/admin/outbox/event/?q=delivery:1").content.decode()
    assert staff.get(f"/admin/outbox/event/{event.pk}/change/").status_code == 200
    assert staff.post(f"/admin/outbox/event/{event.pk}/change/", {"by": "nobody"}).status_code == 403
    assert staff.get(f"/admin/outbox/event/{event.pk}/delete/").status_code == 403
    assert staff.get("/admin/outbox/delivery/add/").status_code == 403


def test_the_console_shows_no_sealed_text(staff: Client) -> None:
    owes("entry:1", sealed=b"box", address_key=ADA)
    page = staff.get(f"/admin/outbox/delivery/{row('entry:1').pk}/change/").content.decode()
    assert "entry:1" in page
    assert "sealed" not in page.lower()
