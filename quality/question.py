"""The launch's one short question: whom to ask, the link that leads to it, and the message that carries the link."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, TextField, Value
from django.db.models.functions import Cast, Concat

from outbox.actions import Owed
from outbox.models import Delivery, Event
from outbox.registry import Letter, writer
from quality.models import Answer
from quality.signals import question_asked
from waitlist import tokens
from waitlist.messages import entries_of, letter_to, owed_to
from waitlist.models import Entry, Launch

QUESTION = "vestibule.question"
CATCH_UP = timedelta(days=7)  # so far back: switching the question on does not write to everybody who ever came


def to_ask(launch: Launch, now: datetime, count: int) -> list[Entry]:
    """The next members whose day has come and who were never asked, those who came first before the others.

    The trail says who was asked: a delivery is deleted after a month, and nobody is asked twice.
    """
    latest = now - timedelta(days=launch.question_days)
    came = Entry.objects.filter(launch=launch, registered_at__gt=latest - CATCH_UP, registered_at__lte=latest)
    subject = Concat(Value("entry:"), Cast(OuterRef("pk"), TextField()))
    asked = Event.objects.filter(subject=subject, kind=question_asked.name)
    return list(came.filter(status="registered", held_at=None).exclude(Exists(asked)).order_by("registered_at")[:count])


def owed(entry: Entry) -> Owed:
    """The one message, once for ever."""
    return owed_to(entry.pk, entry.contact_kind, entry.canonical, "question", dedupe=dedupe_of(entry))


def dedupe_of(entry: Entry) -> str:
    """What keeps a second message to the same person from being written."""
    return f"question:{entry.pk}"


def may_answer(entry: Entry) -> bool:
    """Whether this person is asked anything: a member, of a launch that has a question."""
    return entry.status == Entry.Status.REGISTERED and bool(entry.launch.question)


def token_of(entry: Entry) -> str:
    """The token in the message. It opens this question and nothing else; a new private link ends it too."""
    return tokens.sign(QUESTION, entry.pk, entry.link_version)


def asked_by(token: str) -> Entry | None:
    """Whom a token asks; None when it is not ours, or there is nothing to answer any more."""
    found = tokens.read(QUESTION, token)
    if found is None:
        return None
    entry = Entry.objects.select_related("launch").filter(pk=found[0], link_version=found[1]).first()
    return entry if entry and may_answer(entry) else None


@writer("question")
def write_question(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """The question and the link, to who is still a member, is not held and has not answered."""
    found = entries_of(deliveries)
    answered = set(Answer.objects.filter(entry__in=found.values()).values_list("entry_id", flat=True))
    return {
        pk: letter_to(entry, link=tokens.url("/question", token=token_of(entry)))
        for pk, entry in found.items()
        if may_answer(entry) and entry.held_at is None and entry.pk not in answered
    }
