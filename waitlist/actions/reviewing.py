"""What a moderator does in the review queue: decides on what they saw, and leaves a comment for the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import StaleState, verb
from waitlist import queries, signals
from waitlist.actions import deciding
from waitlist.models import Comment, Entry

LONGEST_COMMENT = 2000


@dataclass(frozen=True, slots=True)
class Decided:
    """Whom a decision moved, with the event that says so; and on whom somebody else had decided first, with theirs."""

    moved: dict[int, Any]
    news: dict[int, Any]


@verb
def let_in(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Yes, also to who is held: the brake is taken off, and who waits is approved. How many it changed something for."""
    lock(ids)
    held = set(Entry.objects.filter(pk__in=ids, held_at__isnull=False).values_list("pk", flat=True))
    waiting = set(Entry.objects.filter(pk__in=ids, status=Entry.Status.WAITING).values_list("pk", flat=True))
    deciding.release(sorted(held), reason, by=by)
    deciding.approve(sorted(waiting), reason, by=by)
    return len(held | waiting)


VERBS = {
    "approve": let_in,
    "reject": deciding.reject,
    "block": deciding.block,
    "hold": deciding.hold,
    "release": deciding.release,
    "appeal": deciding.appeal,
}


@verb
def decide(act: str, seen: Mapping[int, int], reason: str, *, by: str) -> Decided:
    """Does it to people as they were seen: with each the last event that had moved them (0: none). On whom something was
    decided since, nothing is done, and the news is given back."""
    lock(sorted(seen))
    before = queries.last_decided(seen)
    news = _news(seen, before)
    ids = sorted(pk for pk in seen if pk not in news)
    if ids:
        VERBS[act](ids, reason, by=by)
    after = queries.last_decided(ids)
    return Decided({pk: row for pk, row in after.items() if pk not in before or before[pk].id != row.id}, news)


def lock(ids: Sequence[int]) -> None:
    """The launches, then the people, as everywhere: two moderators take turns, and the second sees what the first did."""
    deciding.lock_launches_of(ids)
    list(Entry.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))


def _news(seen: Mapping[int, int], now: Mapping[int, Any]) -> dict[int, Any]:
    return {pk: now[pk] for pk, known in seen.items() if pk in now and now[pk].id != known}


@verb
def comment(entry_id: int, text: str, *, by: str) -> Comment:
    """Writes down what the next moderator should know. The text is the person's own: it goes when they are erased."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST_COMMENT:
        raise Refused("invalid", "A comment has between 1 and 2,000 characters.")
    if not Entry.objects.select_for_update(no_key=True).filter(pk=entry_id).exists():
        raise StaleState("This person is not here any more.")
    made = Comment.objects.create(entry_id=entry_id, text=text, by=by)
    signals.entry_commented.announce([Said(f"entry:{entry_id}")], by=by)
    return made
