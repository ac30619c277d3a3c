"""What referrals do when something happens to an entry or a code."""

from collections.abc import Sequence
from typing import Any

from outbox.facts import Said
from quality.signals import assessment_overruled, entry_assessed
from referrals import actions
from referrals.actions import Friend
from waitlist.channels import Contact
from waitlist.signals import (
    entry_appealed,
    entry_confirmed,
    entry_erased,
    entry_joined,
    entry_registered,
    entry_released,
    entry_removed,
    entry_restored,
)


def ids_of(said: Sequence[Said]) -> list[int]:
    """The entries that are spoken of."""
    return [one.id for one in said]


def member(row: Any) -> Friend:
    """The new member behind a row of waitlist.register."""
    contact = Contact(row.contact_kind, row.contact, row.canonical)
    return Friend(row.id, contact, named=row.referred_by_id is not None)


def arrived(one: Said) -> Friend:
    """Who joined, with their contact where they are new."""
    contact = one.extra.contact if one.extra else None
    return Friend(one.id, contact, named=bool(one.data.get("referred_by") or one.data.get("again")))


@entry_joined.connect
def attribute_friends(said: Sequence[Said], by: str) -> None:
    """Somebody brought them, perhaps."""
    actions.attribute([arrived(one) for one in said], by=by)


@entry_confirmed.connect
def confirm_friends(said: Sequence[Said], by: str) -> None:
    """Who brought them gains points."""
    actions.confirm(ids_of(said), by=by)


@entry_appealed.connect
def count_friends_again(said: Sequence[Said], by: str) -> None:
    """They were turned away by mistake: their referrals count anew."""
    actions.confirm(ids_of(said), by=by)


@entry_removed.connect
def void_friends(said: Sequence[Said], by: str) -> None:
    """Who is gone counts for nobody."""
    actions.void_friends(ids_of(said), "friend is gone", by=by)


@entry_assessed.connect
def void_denied_friends(said: Sequence[Said], by: str) -> None:
    """The rules say that they are nobody real: they count for nobody."""
    denied = [one.id for one in said if one.data["verdict"] == "deny"]
    actions.void_friends(denied, "friend was denied", by=by)


@assessment_overruled.connect
@entry_released.connect
@entry_restored.connect
def trust_friends_again(said: Sequence[Said], by: str) -> None:
    """Staff say that they are real: what rests on them waits no more."""
    actions.count_again(ids_of(said), by=by)


@entry_registered.connect
def qualify_friends(said: Sequence[Said], by: str) -> None:
    """They are in, by a code or because the launch is open: their referrals qualify."""
    actions.qualify([member(one.extra) for one in said], by=by)


@entry_confirmed.connect
@entry_appealed.connect
@entry_released.connect
@entry_restored.connect
@assessment_overruled.connect
def pay_what_waited(said: Sequence[Said], by: str) -> None:
    """They may earn again."""
    actions.settle_later(ids_of(said))


@entry_erased.connect
def forget_erased(said: Sequence[Said], by: str) -> None:
    """Whom they wrote to, and who wrote to them; whom they brought and who brought them stays as numbers."""
    actions.forget([one.extra for one in said], by=by)
