"""Erasure is total: nothing that names the person is left anywhere, sums and quotas of others stay right, restores change nothing."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from accounts.models import User
from config.invariants import broken
from invites.actions import containing, redeeming
from invites.actions.containing import Decision
from invites.leaks import Target
from invites.models import Code, Redemption, Reservation
from outbox.actions import owe_sealed, suppress
from outbox.keys import address_key, address_keys
from outbox.models import Delivery, Event, Suppression
from quality.actions.activities import hear
from quality.models import Answer, Assessment
from referrals import actions as referrals
from referrals.models import LedgerLine, Referral
from tests import cast
from tests.conftest import Mailbox
from tests.integration.test_console import console
from tests.integration.test_find import found, page
from waitlist.actions import deciding, erasing, readdressing
from waitlist.models import Entry, Launch, Tombstone, Trace
from waitlist.queries import total_waiting
from waitlist.tokens import entry_of, person_token

pytestmark = pytest.mark.django_db
__all__ = ["console"]
SECRETS = ("zoe.marker", "Zoë Marker", "marker of a use case")


def zoe(launch: Launch, *, inside: bool) -> Entry:
    """Zoe, of whom everything is kept that can be kept of somebody."""
    ben = cast.ben(launch)
    make = cast.registers if inside else cast.waits
    entry = make(launch, "zoe.marker", referral_code=ben.referral_code, use_case="marker of a use case " * 5)
    user = User.objects.create_user("zoe.marker@example.com", None, admitted_by="code:1", name="Zoë Marker")
    Entry.objects.filter(pk=entry.pk).update(name="Zoë Marker", user=user, host_user_id="zoe.marker")
    owe_sealed("zoe.marker@example.com", "hello", "Zoë Marker", subject_ref=f"user:{user.pk}", by="system")
    Assessment.objects.create(
        launch=launch, entry=entry, act="join", evidence={"x": "marker"}, rules=["program"], score=60, verdict="review"
    )
    if inside:
        Answer.objects.create(entry=entry, score=4, comment="I am Zoë Marker")
        told = {"id": "1", "email": entry.contact, "kind": "engaged", "at": timezone.now().isoformat()}
        hear(launch, [told], timezone.now(), by="key:1")
    ask = redeeming.Ask(cast.contact("zoe.marker"), code="nope", origin=cast.home("zoe"))
    redeeming.note_attempt(launch, ask, "code_unknown")
    referrals.share(cast.now(entry), cast.contact("zoe.marker.friend"), by=f"person:{entry.pk}")
    return cast.now(entry)


def everything() -> str:
    """All that the database says, but for hashes."""
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name != "django_session"]
        said = []
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" AS t')
            said += [row[0] for row in cursor.fetchall()]
    return "\n".join(said)


def press(client: Client, entry: Entry, typed: str = "") -> str:
    fields = {"typed": typed or f"erase {entry.pk}", "reason": "asked for it by letter"}
    return client.post(f"/admin/waitlist/entry/{entry.pk}/erase/", fields, follow=True).content.decode()


@pytest.mark.parametrize("inside", [False, True])
def test_nothing_that_names_the_person_is_left(inside: bool, console: Client, launch: Launch) -> None:
    entry = zoe(launch, inside=inside)
    keys = [key.hex() for key in address_keys("email", entry.canonical)]
    assert any(secret in everything() for secret in SECRETS)
    assert "Erased." in press(console, entry)
    left = everything()
    assert [secret for secret in SECRETS if secret in left] == []
    holders = {line for line in left.splitlines() if any(key in line for key in keys)}
    assert all("entry_id" in line and len(holders) == 1 for line in holders)  # the tombstone alone
    assert str(cast.home("zoe.marker").network) not in left
    assert not Trace.objects.filter(entry=entry).exists() and not User.objects.filter(name="Zoë Marker").exists()
    assert broken() == []
    Entry.objects.filter(pk=entry.pk).update(name="Zoë Marker")
    assert "of who was erased nothing is left that names them" in broken()[0]


def test_neither_a_new_code_after_a_leak_nor_an_address_of_before_leaves_a_key(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    leaked = Target(launch.pk, "code", str(Code.objects.filter(owner=ben)[0].pk), timezone.now())
    containing.contain(Decision(leaked), "leaked", by="staff:7")
    assert Delivery.objects.get(name="reissued").address_key
    ask = redeeming.Ask(cast.contact("ben"), code="nope", origin=cast.home("ben"))
    redeeming.note_attempt(launch, ask, "code_unknown")
    readdressing.readdress(ben.pk, cast.contact("benjamin"), "asked", vouched=True, by="staff:7")
    press(console, ben)
    keys = [key.hex() for name in ("ben", "benjamin") for key in address_keys("email", f"{name}@example.com")]
    assert [
        line for line in everything().splitlines() if any(key in line for key in keys) and "entry_id" not in line
    ] == []


def test_the_trail_stays_and_says_who_erased_and_why(console: Client, launch: Launch) -> None:
    entry = zoe(launch, inside=True)
    before = Event.objects.filter(subject=f"entry:{entry.pk}").count()
    press(console, entry)
    told = Event.objects.get(kind="entry.erased")
    assert told.data == {"was": "registered", "reason": "asked for it by letter"} and told.by.startswith("staff:")
    assert Event.objects.filter(subject=f"entry:{entry.pk}").count() >= before + 1
    said = console.get(page(entry)).content.decode()
    assert "This person was erased on" in said and "Erase…" not in said


def test_it_asks_for_the_words_first_and_says_that_nothing_brings_them_back(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    said = console.get(f"/admin/waitlist/entry/{ada.pk}/erase/").content.decode()
    assert "This cannot be undone" in said and f"erase {ada.pk}" in said
    assert "or leave this page" in press(console, ada, typed="erase")
    assert cast.now(ada).status == "waiting"


def test_friends_and_who_brought_them_keep_what_they_earned(launch: Launch) -> None:
    ben = cast.ben(launch)
    friend = cast.registers(launch, "friend", referral_code=ben.referral_code)
    referrals.grant_due([ben.pk], by="system")
    had, lines = cast.now(ben).priority, LedgerLine.objects.count()
    erasing.erase([friend.pk], "asked", by="staff:1")
    referrals.grant_due([ben.pk], by="system")
    assert (cast.now(ben).priority, LedgerLine.objects.count()) == (had, lines)
    assert Referral.objects.get(referee=friend).status == "qualified"
    erasing.erase([ben.pk], "asked", by="staff:1")
    assert broken() == []


def test_somebody_in_doubt_earns_nobody_anything_by_being_erased(launch: Launch) -> None:
    ben = cast.ben(launch)
    friend = cast.registers(launch, "friend", referral_code=ben.referral_code)
    deciding.hold([friend.pk], "odd", by="staff:1")
    erasing.erase([friend.pk], "asked", by="staff:1")
    assert cast.now(friend).held_at and not cast.now(friend).held_reason


def test_who_is_erased_leaves_the_queue_and_their_links_and_codes_die(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    eve, token = cast.waits(launch, "eve"), person_token(cast.waits(launch, "eve"))
    ben = cast.ben(launch)
    erasing.erase([ada.pk, eve.pk, ben.pk], "asked", by="staff:1")
    assert total_waiting(launch) == 0 and entry_of(token) is None
    assert not Code.objects.filter(status="active", uses=0).exists()
    assert offer.pk and Redemption.objects.get().network is None
    assert broken() == []


def test_nothing_is_written_to_them_any_more(launch: Launch, mailbox: Mailbox) -> None:
    entry = zoe(launch, inside=True)
    erasing.erase([entry.pk], "asked", by="staff:1")
    assert not [kept for kept in mailbox.all() if "zoe.marker" in kept.to]
    assert not Delivery.objects.exclude(sealed=None).exists()


def test_who_wanted_no_mail_gets_none_when_they_come_again(launch: Launch, mailbox: Mailbox) -> None:
    ada = cast.ada(launch)
    suppress(address_key("email", ada.canonical), "bounced", by="relay")
    erasing.erase([ada.pk], "asked", by="staff:1")
    assert Suppression.objects.count() == 1
    again = cast.joins(launch, "ada")
    assert again.pk != ada.pk and not mailbox.all("ada@example.com")


def test_a_use_that_was_kept_for_them_is_free_again(launch: Launch) -> None:
    ben, ada = cast.ben(launch), cast.ada(launch)
    redeeming.redeem(launch, redeeming.Ask(cast.contact("ada"), code=cast.code_of(ben)), by="public")
    assert Reservation.objects.get().status == "open"
    erasing.erase([ada.pk], "asked", by="staff:1")
    assert Reservation.objects.get().status == "released"
    assert broken() == []


def test_erasing_twice_is_erasing_once(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert [erasing.erase([ada.pk], "asked", by="staff:1") for _n in range(2)] == [1, 0]
    assert Event.objects.filter(kind="entry.erased").count() == 1
    assert "Nobody and nothing" in found(console, "ada@example.com").content.decode()


def test_staff_who_waited_keep_their_own_log_in(launch: Launch) -> None:
    ada, dev = cast.ada(launch), cast.dev()
    Entry.objects.filter(pk=ada.pk).update(user=dev)
    erasing.erase([ada.pk], "asked", by="staff:1")
    assert User.objects.get() == dev


def test_a_restored_dump_is_cleaned_and_who_joined_anew_stays(launch: Launch, tmp_path: Path) -> None:
    ada, eve = cast.ada(launch), cast.waits(launch, "eve")
    before: dict[str, Any] = dict(Entry.objects.filter(pk=ada.pk).values().get())
    erasing.erase([ada.pk, eve.pk], "asked", by="staff:1")
    listed = StringIO()
    call_command("erase_again", list=True, stdout=listed)
    kept = tmp_path / "tombstones"
    kept.write_text(listed.getvalue())
    Tombstone.objects.all().delete()
    Entry.objects.filter(pk=ada.pk).update(**{name: before[name] for name in before if name != "id"})
    anew = cast.joins(launch, "eve")
    said = StringIO()
    call_command("erase_again", str(kept), stdout=said)
    assert said.getvalue() == "1 erased again.\n"
    assert (cast.now(ada).status, cast.now(anew).status) == ("erased", "pending")
    kept.write_text("nonsense")
    with pytest.raises(CommandError):
        call_command("erase_again", str(kept))


def test_every_table_that_names_a_person_is_thought_of() -> None:
    """A table that comes later must say here whether it goes, and what is left of it."""
    thought_of: dict[Any, str] = {
        **dict.fromkeys(("Points", "Trace", "Comment", "Activity", "Answer"), "deleted"),
        **dict.fromkeys(("Assessment", "Redemption", "Reservation", "Code", "Invite"), "blanked"),
        **dict.fromkeys(("Referral", "Reward", "LedgerLine", "Entry"), "numbers"),
    }
    naming = {relation.related_model for relation in Entry._meta.related_objects}
    known = {model.__name__ for model in naming if isinstance(model, type) and issubclass(model, models.Model)}
    assert known <= set(thought_of), known - set(thought_of)
