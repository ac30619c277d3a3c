"""Promise 11: after a pause in mid-batch is answered nothing more is issued, and at most ten more mails go out."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from invites import messages
from invites.actions import releasing
from invites.models import Batch, Invite
from outbox import registry, relay
from outbox.models import Delivery
from outbox.registry import Later, Letter
from tests import cast
from tests.conftest import Mailbox
from waitlist.actions import tuning
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, FIRST, MORE = 120, 20, 10
Until = Callable[[Callable[[], object]], object]


class Slow:
    """The writer of the invitations, held after some mails until the pause was answered: then it is sure to be mid-batch."""

    def __init__(self) -> None:
        self.written, self.reached, self.go_on = 0, threading.Event(), threading.Event()

    def __call__(self, deliveries: Sequence[Delivery]) -> Mapping[int, Letter | Later]:
        found = self.write(deliveries)  # first what is read, then the wait: what was read is stale when it goes
        self.written += len(deliveries)
        if self.written >= FIRST:
            self.reached.set()
            self.go_on.wait(timeout=30)
        return found

    def write(self, deliveries: Sequence[Delivery]) -> Mapping[int, Letter | Later]:
        return messages.write_invited(deliveries)


class Blind(Slow):
    """The same without the look at the batch: as if nobody had paused it."""

    def write(self, deliveries: Sequence[Delivery]) -> Mapping[int, Letter | Later]:
        offers = {one.pk: int(one.subject.partition(":")[2]) for one in deliveries}
        found = Invite.objects.select_related("entry__launch", "code").in_bulk(offers.values())
        letters = {pk: messages._invited_letter(unpaused(found[number])) for pk, number in offers.items()}
        return {pk: letter for pk, letter in letters.items() if letter}


def unpaused(invite: Invite) -> Invite:
    invite.batch = None
    return invite


@pytest.fixture
def batch(launch: Launch, monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox) -> Batch:
    """A batch of whose people half are invited, in chunks of 60; their mails are owed, nothing else is."""
    monkeypatch.setattr(releasing, "CHUNK", PEOPLE // 2)
    tuning.tune(launch, {"daily_quota": PEOPLE}, by="staff:1")
    for n in range(PEOPLE):
        cast.waits(launch, f"p{n}")
    Delivery.objects.all().delete()
    planned = releasing.plan_batch(launch, PEOPLE, by="staff:1")
    assert releasing._release_chunk(planned.pk, by="staff:1")
    return planned


@pytest.fixture
def worker() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


def drained() -> int:
    try:
        return relay.drain()
    finally:
        connections.close_all()


def sent() -> int:
    return Delivery.objects.filter(name="invited", status="done").exclude(message_id="").count()


def paused_in_the_middle(batch: Batch, writer: Slow, worker: ThreadPoolExecutor) -> tuple[int, int]:
    """Pauses the batch while a real drain is at work: how many mails had gone when that was answered, and in the end."""
    work: Future[int] = worker.submit(drained)
    assert writer.reached.wait(timeout=30)
    releasing.pause_batch(batch, "too many complaints", by="staff:1")
    answered = sent()
    writer.go_on.set()
    work.result(timeout=60)
    return answered, sent()


def test_after_a_pause_is_answered_nothing_is_issued_and_at_most_ten_more_mails_go(
    batch: Batch, worker: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Slow()
    monkeypatch.setitem(registry.writers, "invited", writer)
    answered, in_the_end = paused_in_the_middle(batch, writer, worker)
    assert releasing._release_chunk(batch.pk, by="staff:1") is False
    assert Invite.objects.count() == PEOPLE // 2
    assert FIRST - 2 <= answered <= in_the_end <= answered + MORE
    owed = Delivery.objects.filter(name="invited", status="owed")
    assert owed.count() == PEOPLE // 2 - in_the_end
    assert all(one.attempts == 0 and one.due_at > timezone.now() for one in owed)


def test_control_a_writer_that_does_not_look_sends_them_all(
    batch: Batch, worker: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Blind()
    monkeypatch.setitem(registry.writers, "invited", writer)
    answered, in_the_end = paused_in_the_middle(batch, writer, worker)
    assert in_the_end == PEOPLE // 2 > answered + MORE


@pytest.mark.parametrize("end", ["resumed", "cancelled"])
def test_when_the_pause_is_over_the_mails_go(end: str, batch: Batch) -> None:
    releasing.pause_batch(batch, "a look", by="staff:1")
    drained()
    assert sent() == 0
    if end == "resumed":
        releasing.resume_batch(batch, "all is well", by="staff:1")
    else:
        releasing.cancel_batch(batch, "enough", by="staff:1")
    Delivery.objects.update(due_at=timezone.now())
    drained()
    assert sent() == Invite.objects.count() == (PEOPLE if end == "resumed" else PEOPLE // 2)
