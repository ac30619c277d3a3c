"""The verbs of the one short question: asking members, and keeping what they say."""

from datetime import datetime

from django.db.models.functions import Now

from outbox.actions import owe
from outbox.facts import Said
from outbox.models import Delivery
from outbox.states import StaleState, verb
from quality import question, signals
from quality.models import Answer
from waitlist.models import Entry, Launch

ASKED_AT_ONCE = 500


@verb
def ask(launch: Launch, now: datetime, *, by: str) -> int:
    """Owes the launch's question to the next members whose day has come, each of them once for ever; how many.

    One at a time for a launch: its row is held. Whose address had its messages of the day is asked tomorrow.
    """
    kept = Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)
    if not kept.question:
        return 0
    members = question.to_ask(kept, now, ASKED_AT_ONCE)
    if not owe([question.owed(member) for member in members]):
        return 0
    keys = [question.dedupe_of(member) for member in members]
    written = set(Delivery.objects.filter(dedupe__in=keys).values_list("subject", flat=True))
    said = [Said(f"entry:{member.pk}", {"launch": launch.pk}) for member in members]
    asked = [one for one in said if one.subject in written]
    signals.question_asked.announce(asked, by=by)
    return len(asked)


@verb
def answer(entry: Entry, score: int, comment: str, *, by: str) -> None:
    """Keeps what a member says; saying it anew changes it. Raises StaleState when there is nothing to answer any more."""
    now = Entry.objects.select_for_update(no_key=True, of=("self",)).select_related("launch").get(pk=entry.pk)
    if not question.may_answer(now):
        raise StaleState("There is no question to this person.")
    said = Answer.objects.filter(entry=now).first() or Answer(entry=now)
    if (said.score, said.comment) == (score, comment):
        return
    said.score, said.comment, said.at = score, comment, Now()
    said.save()
    signals.question_answered.announce([Said(f"entry:{entry.pk}", {"score": score})], by=by)
