"""Forgets a person. What the trail and the counters need stays as numbers; whoever keeps more about them hears the fact first."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.postgres.functions import RandomUUID
from django.db.models import F, TextField, Value
from django.db.models.functions import Cast, Concat

from accounts.actions import erase_log_ins
from outbox.actions import forget_deliveries
from outbox.facts import Said
from outbox.keys import address_key, address_keys
from outbox.states import move, sources, verb
from waitlist import signals
from waitlist.actions.awarding import reprioritise
from waitlist.models import Comment, Entry, Points, Tombstone, Trace

EARNED = ("friend_confirmed", "reward")  # lines that say nothing about the person but what the ledger says
NOBODYS = Concat(Value("erased:"), Cast("pk", TextField()))
FORGOTTEN: dict[str, Any] = {
    "contact": "",
    "name": "",
    "use_case": "",
    "persona": "",
    "utm": {},
    "locale": "en",
    "host_user_id": "",
}
FORGOTTEN |= {"held_reason": "", "held_by": "", "user": None, "deferred_until": None}


@verb
def erase(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Forgets these people for ever, wherever they stand; how many. A brake stays on, so that nobody is paid for whom we doubted.

    The row stays without its person: codes, quotas and the ledgers of friends count it. A keyed hash of the address is kept
    beside it, by which a restored dump is cleaned again (`manage.py erase_again`).
    """
    able = Entry.objects.select_for_update(no_key=True).filter(pk__in=ids, status__in=sources(Entry, "erased"))
    people = list(able.order_by("pk"))
    gone = [one.pk for one in people]
    Tombstone.objects.bulk_create(map(_tombstone, people), ignore_conflicts=True)
    said = [Said(f"entry:{one.pk}", {"was": str(one.status), "reason": reason}, extra=one) for one in people]
    signals.entry_erased.announce(said, by=by)
    forget_deliveries([f"entry:{pk}" for pk in gone])
    Trace.objects.filter(entry__in=gone).delete()
    Comment.objects.filter(entry__in=gone).delete()
    Points.objects.filter(entry__in=gone).exclude(rule__in=EARNED).delete()
    reprioritise(gone)
    log_ins = [one.user_id for one in people if one.user_id]
    changes = {"canonical": NOBODYS, "referral_code": NOBODYS, "member_id": RandomUUID(), **FORGOTTEN}
    move(Entry.objects.filter(pk__in=gone), to="erased", link_version=F("link_version") + 1, **changes)
    still = Entry.objects.filter(user__in=log_ins).values_list("user_id", flat=True)  # of another launch
    erase_log_ins(set(log_ins) - set(still), by=by)
    return len(gone)


def _tombstone(entry: Entry) -> Tombstone:
    return Tombstone(entry_id=entry.pk, address_key=address_key(entry.contact_kind, entry.canonical))


@verb
def erase_again(tombstones: Iterable[tuple[int, bytes]], *, by: str) -> int:
    """Erases whoever of these came back with a restored dump; how many. Somebody who joined anew is another entry, and stays."""
    kept = dict(tombstones)
    back = Entry.objects.filter(pk__in=kept, status__in=sources(Entry, "erased"))
    same = [one.pk for one in back if kept[one.pk] in address_keys(one.contact_kind, one.canonical)]
    return erase(same, "erased before, and back with a restored dump", by=by)
