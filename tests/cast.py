"""The people of the tests. Ada waits, Ben referred her, Cleo is held, Dev moderates, Eve tries things."""

import hashlib
from typing import Any

from accounts.models import User
from invites import queries
from invites.actions import inviting, redeeming
from invites.models import Invite
from outbox.callers import Origin
from waitlist.actions import confirming, deciding, joining
from waitlist.channels import Contact, read
from waitlist.models import Entry, Launch
from waitlist.queries import rules_of


def contact(name: str) -> Contact:
    """Somebody's address."""
    return read("email", f"{name}@example.com")


def home(name: str) -> Origin:
    """Where somebody is at home, on a browser of their own: what people have in common is not what the rules look for."""
    place = hashlib.sha256(name.encode()).digest()
    return Origin(f"10.{place[0]}.{place[1]}.{place[2]}", "Mozilla/5.0 (test)", name)


def joins(launch: Launch, name: str, *, by: str = "public", **said: Any) -> Entry:
    """Somebody joins and has not confirmed yet (where the launch confirms)."""
    rules = rules_of(launch.slug)
    assert rules
    application = joining.Application(contact(name), **({"name": name.title()} | said))
    joined = joining.join(rules, application, by=by, origin=home(name))
    return now(Entry(pk=joined.entry_id))


def waits(launch: Launch, name: str, **said: Any) -> Entry:
    """Somebody joins and confirms."""
    entry = joins(launch, name, **said)
    confirming.confirm(entry.pk, by="public")
    return now(entry)


def ada(launch: Launch) -> Entry:
    """Ada waits."""
    return waits(launch, "ada")


def ben(launch: Launch) -> Entry:
    """Ben is in already, and brings others."""
    return registers(launch, "ben")


def cleo(launch: Launch) -> Entry:
    """Cleo waits and is held."""
    entry = waits(launch, "cleo")
    deciding.hold([entry.pk], "looks odd", by="staff:1")
    return now(entry)


def dev() -> User:
    """Dev moderates."""
    return User.objects.create_superuser("dev@example.com", "correct horse battery staple", admitted_by="staff:test")


def invited(launch: Launch, name: str, **said: Any) -> tuple[Entry, Invite]:
    """Somebody waited and holds an invite."""
    entry = waits(launch, name, **said)
    inviting.invite(launch, [entry.pk], by="staff:1")
    entry = now(entry)
    offer = queries.open_invite_of(entry)
    assert offer
    return entry, offer


def registers(launch: Launch, name: str, **said: Any) -> Entry:
    """Somebody waited, was invited and is in."""
    entry, offer = invited(launch, name, **said)
    redeeming.redeem(launch, redeeming.Ask(contact(name), code=queries.text_of(offer.code)), by="public")
    return now(entry)


def code_of(entry: Entry) -> str:
    """The first code that a member may give away."""
    return str(queries.codes_of(entry)[0]["code"])


def now(entry: Entry) -> Entry:
    """The entry as it stands, with its launch."""
    return Entry.objects.select_related("launch").get(pk=entry.pk)
