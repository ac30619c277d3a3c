"""The person's page: why they are where they are, one timeline, and a button for each complaint."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from config.invariants import broken
from config.person import acts, takeout
from config.person import codes as explaining
from config.person.state import explained, known_of
from config.roles import MODERATORS
from invites.actions import changing, inviting, making, redeeming
from invites.models import Code, Containment, ContainmentPart, Invite, Reservation
from invites.queries import text_of
from outbox.actions import suppress
from outbox.keys import address_key
from outbox.models import Delivery, Event, Suppression
from referrals.models import LedgerLine, Reward
from tests import cast
from tests.conftest import Mailbox
from tests.integration.test_console import console
from tests.integration.test_find import page, staff
from waitlist.actions import deciding, readdressing, tuning
from waitlist.channels import read
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db
__all__ = ["console"]


def why(entry: Entry) -> str:
    return " ".join(explained(known_of(cast.now(entry))))


def press(client: Client, entry: Entry, act: str, **said: Any) -> str:
    """Presses a button with a reason; what the page says."""
    fields = {f"{act}-{name}": value for name, value in ({"reason": "because"} | said).items()}
    return client.post(page(entry), {"act": act} | fields, follow=True).content.decode()


def sent(*names: str) -> None:
    """What was owed has gone out."""
    Delivery.objects.filter(name__in=names or ["confirm", "invited", "already", "welcome"]).update(
        status="done", done_at=timezone.now()
    )


# Why


def test_the_first_sentence_says_why_somebody_waits(launch: Launch) -> None:
    said = why(cast.ada(launch))
    assert said.startswith("They wait at position 1 of 1 with 5 points. Up to 100 people are invited a day")


def test_it_says_that_nobody_approved_them_where_that_is_needed(launch: Launch) -> None:
    tuning.tune(launch, {"approval": "manual"}, by="staff:1")
    assert "only people who were approved, and nobody has approved them" in why(cast.ada(launch))


def test_it_names_who_holds_them_and_why(launch: Launch, console: Client) -> None:
    ada = cast.ada(launch)
    press(console, ada, "hold", reason="twelve from one desk")
    said = why(ada)
    assert "by dev@example.com: twelve from one desk. Until somebody releases them they are passed over." in said


def test_it_says_what_became_of_the_message_to_confirm(launch: Launch) -> None:
    eve = cast.joins(launch, "eve")
    assert "have not confirmed it" in why(eve) and "has not gone out yet" in why(eve)
    Delivery.objects.update(status="given_up", last_error="550 no such mailbox")
    suppress(address_key("email", eve.canonical), "bounced", by="relay")
    assert "given up: 550 no such mailbox" in why(eve) and "gets no messages since" in why(eve)


def test_it_says_who_invited_them_and_until_when(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    said = why(ada)
    assert f"have not used the code …{offer.code.last4}. It can be used until" in said


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (deciding.reject, "They are rejected since"),
        (deciding.block, "They are blocked since"),
    ],
)
def test_it_says_who_turned_them_away_and_why(verb: Any, said: str, launch: Launch) -> None:
    ada = cast.ada(launch)
    verb([ada.pk], "spam", by="staff:1")
    assert said in why(ada) and ": spam." in why(ada)


def test_it_says_with_which_code_somebody_came_in_and_that_they_were_suspended(launch: Launch) -> None:
    ben = cast.ben(launch)
    assert f"with the code …{Invite.objects.get().code.last4}, waitlist." in why(ben)
    deciding.suspend([ben.pk], "sold codes", by="staff:1")
    assert "their access is suspended since" in why(ben) and "sold codes" in why(ben)


# The timeline


def test_everything_stands_in_one_timeline(console: Client, launch: Launch, mailbox: Mailbox) -> None:
    ben = cast.ben(launch)
    cast.waits(launch, "friend", referral_code=ben.referral_code)
    deciding.hold([ben.pk], "a look", by=f"staff:{Event.objects.count() and 0}")
    mailbox.all()
    said = console.get(page(ben)).content.decode()
    for words in (
        *("Joined the list", "Confirmed the address", "Was granted a place", "Used the code …", "Is in, with the tier"),
        *("handed over to the mail server", "Brought a friend by link", "Was held: the brake is on.", "a look"),
    ):
        assert words in said, words
    times = [one for one in said.split("<time") if "timeline" not in one]
    assert len(times) > 8


def test_a_long_life_is_paged_without_losing_a_line(console: Client, launch: Launch) -> None:
    ada, began = cast.ada(launch), timezone.now()
    for n in range(100):
        Event.objects.create(
            kind="entry.held",
            by="staff:1",
            subject=f"entry:{ada.pk}",
            data={"reason": f"look {n}."},
            at=began + timedelta(n),
        )
    seen, path = "", page(ada)
    while path:
        said = console.get(path).content.decode()
        seen += said.partition('id="timeline"')[2]
        older = said.partition('href="?before=')[2].partition('#timeline"')[0]
        path = f"{page(ada)}?before={older}" if older else ""
    assert [n for n in range(100) if seen.count(f"look {n}.") != 1] == []
    assert "Joined the list" in seen


@pytest.mark.parametrize("before", ["x", "2020-13-99", "2020-01-01T00:00:00Z", ""])
def test_any_moment_may_be_asked_for(before: str, console: Client, launch: Launch) -> None:
    assert console.get(page(cast.ada(launch)), {"before": before}).status_code == 200


def test_the_page_asks_as_many_questions_for_a_long_life_as_for_a_short_one(
    console: Client, launch: Launch, django_assert_max_num_queries: Any
) -> None:
    ben = cast.ben(launch)
    for n in range(40):
        Event.objects.create(kind="entry.held", by=f"staff:{n}", subject=f"entry:{ben.pk}", data={"code": n})
    console.get(page(ben))
    with django_assert_max_num_queries(48):
        console.get(page(ben))


# It did not arrive


def test_an_invite_sent_again_has_one_live_code_and_the_old_deadline(
    console: Client, launch: Launch, mailbox: Mailbox
) -> None:
    ada, offer = cast.invited(launch, "ada")
    mailbox.all()
    old, until = text_of(offer.code), offer.code.expires_at
    assert "is on its way again" in press(console, ada, "resend")
    offer.refresh_from_db()
    assert Code.objects.filter(kind="waitlist", status="active").count() == 1
    assert offer.code.expires_at == until
    new = text_of(offer.code)
    assert new != old and new in mailbox.newest("ada@example.com").text
    assert explaining.explained(cast.now(ada), old).text.startswith("It was revoked by dev@example.com")
    assert "works for them" in explaining.explained(cast.now(ada), new).text
    told = Event.objects.get(kind="message.resent").data
    assert told["reason"] == "because" and told["code"] == offer.code.pk
    assert broken() == []


def test_who_is_pending_gets_the_digits_anew(console: Client, launch: Launch, mailbox: Mailbox) -> None:
    eve = cast.joins(launch, "eve")
    mailbox.all()
    press(console, eve, "resend")
    assert len(mailbox.all("eve@example.com")) == 2


def test_what_has_not_gone_out_yet_is_not_sent_twice(console: Client, launch: Launch) -> None:
    ada, _offer = cast.invited(launch, "ada")
    assert "has not gone out yet" in press(console, ada, "resend")
    assert Code.objects.filter(status="revoked").count() == 0


def test_a_suppressed_address_is_said_and_lifted_from_the_page(console: Client, launch: Launch) -> None:
    ada, _offer = cast.invited(launch, "ada")
    sent()
    suppress(address_key("email", ada.canonical), "bounced", by="relay")
    assert "gets no mail: it bounced" in press(console, ada, "resend")
    assert "Let messages go there again" in console.get(page(ada)).content.decode()
    press(console, ada, "lift")
    assert not Suppression.objects.exists()
    assert "is on its way again" in press(console, ada, "resend")


def test_after_twelve_messages_a_day_nothing_is_sent_and_the_old_code_lives(console: Client, launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    sent()
    for _n in range(12):
        Delivery.objects.create(
            handler="mail", name="x", subject="x:1", address_key=address_key("email", ada.canonical)
        )
    assert "12 messages within a day" in press(console, ada, "resend")
    offer.code.refresh_from_db()
    assert offer.code.status == "active"


def test_who_is_in_gets_their_own_codes_again_and_no_use_is_doubled(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    sent()
    assert "welcome, with their own codes" in press(console, ben, "resend")
    assert Invite.objects.get().code.uses == 1


# The code does not work


def because(entry: Entry, text: str) -> explaining.Answer:
    return explaining.explained(cast.now(entry), text)


def bulk(launch: Launch, **said: Any) -> str:
    common: dict[str, Any] = {"count": 1, "expires_at": timezone.now() + timedelta(days=9)}
    spec = making.Spec(**(common | said))
    [pk] = making.make(launch, spec, run_id=None, by="staff:1")
    return text_of(Code.objects.get(pk=pk))


def test_a_code_that_does_not_work_says_why_and_what_helps(launch: Launch) -> None:
    ada, code = cast.ada(launch), bulk(launch)
    assert "works for them at this moment" in because(ada, code).text
    for change, said in (
        (lambda one: changing.pause(one, "a leak?", by="staff:1"), "It was paused by staff:1"),
        (lambda one: changing.revoke(one, "a leak", by="staff:1"), "It was revoked by staff:1"),
    ):
        change(Q(kind="bulk"))
        assert said in because(ada, code).text and "a leak" in because(ada, code).text
    assert because(ada, code).act == "invite"
    assert "There is no such code. Read as “VE5XY”" in because(ada, "ves-xy").text
    late = bulk(launch, expires_at=timezone.now() - timedelta(days=1))
    assert because(ada, late).text.startswith("It ran out on")
    other = bulk(launch, bind=cast.contact("eve"))
    assert "for another address" in because(ada, other).text and because(ada, other).act == "readdress"
    assert "only for addresses at corp.example" in because(ada, bulk(launch, bind_domain="corp.example")).text
    early = bulk(launch, starts_at=timezone.now() + timedelta(days=1))
    assert "It begins to work on" in because(ada, early).text


def test_a_used_code_says_by_whom(launch: Launch) -> None:
    ben = cast.ben(launch)
    used = text_of(Invite.objects.get().code)
    Code.objects.filter(kind="waitlist").update(bound_key=None)
    assert f"used up: by entry {ben.pk} on" in because(cast.ada(launch), used).text


def test_a_held_person_is_the_reason(launch: Launch, console: Client) -> None:
    cleo, code = cast.cleo(launch), bulk(launch)
    assert "they are held: looks odd" in because(cleo, code).text
    said = console.post(page(cleo), {"code": code.lower()}).content.decode()
    assert "they are held: looks odd" in said and said.count('value="release"') == 2


def test_a_wait_after_wrong_codes_is_the_reason(launch: Launch) -> None:
    ada, code = cast.ada(launch), bulk(launch)
    for _n in range(10):
        from_home = cast.home("ada")
        ask = redeeming.Ask(cast.contact("ada"), code="nope", origin=from_home)
        redeeming.note_attempt(launch, ask, "code_unknown")
    assert "Too many wrong codes" in because(ada, code).text


# Another address


def test_a_new_address_keeps_place_and_points_and_is_confirmed_first(
    console: Client, launch: Launch, mailbox: Mailbox
) -> None:
    ada = cast.ada(launch)
    mailbox.all()
    press(console, ada, "readdress", address="ada@new.example")
    after = cast.now(ada)
    assert (after.status, after.place, after.priority) == ("pending", ada.place, ada.priority)
    assert after.link_version == ada.link_version + 1
    assert "ada@new.example" not in mailbox.newest("ada@example.com").text
    assert mailbox.newest("ada@new.example").subject
    assert "have not confirmed the new address" in why(ada)
    assert broken() == []


def test_staff_vouch_for_an_address_and_the_place_is_kept_waiting(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    press(console, ada, "readdress", address="ada@new.example", vouched="on")
    assert (cast.now(ada).status, cast.now(ada).canonical) == ("waiting", "ada@new.example")


def test_an_open_invite_follows_with_a_new_code(console: Client, launch: Launch, mailbox: Mailbox) -> None:
    ada, offer = cast.invited(launch, "ada")
    mailbox.all()
    old = text_of(offer.code)
    press(console, ada, "readdress", address="ada@new.example")
    offer.refresh_from_db()
    assert text_of(offer.code) in mailbox.newest("ada@new.example").text
    assert "It was revoked" in because(ada, old).text
    assert "works for them" in because(ada, text_of(offer.code)).text
    assert broken() == []


def test_a_code_bound_by_hand_follows_the_address(console: Client, launch: Launch) -> None:
    ada, code = cast.ada(launch), bulk(launch, bind=cast.contact("ada"))
    press(console, ada, "readdress", address="ada@new.example", vouched="on")
    assert "works for them" in because(ada, code).text


def test_an_address_on_the_list_is_refused_with_the_way_to_who_has_it(console: Client, launch: Launch) -> None:
    ada, ben = cast.ada(launch), cast.ben(launch)
    said = press(console, ada, "readdress", address="BEN@example.com")
    assert "Somebody on this list has that address already." in said and f'href="{page(ben)}"' in said
    assert cast.now(ada).canonical == "ada@example.com"


def test_a_stranger_s_mailbox_that_nobody_proved_is_told_nothing(console: Client, launch: Launch) -> None:
    eve = cast.joins(launch, "eve")
    press(console, eve, "readdress", address="eve@new.example")
    assert not Delivery.objects.filter(name="moved").exists()


def test_what_is_no_address_is_said_beside_the_field(console: Client, launch: Launch) -> None:
    assert "not an e-mail address" in press(console, cast.ada(launch), "readdress", address="ada@")


# Given by hand


def test_a_reward_by_hand_stands_in_the_ledger_once_and_can_be_taken_back(console: Client, launch: Launch) -> None:
    ben, asked = cast.ben(launch), str(uuid4())
    had = Code.objects.filter(owner=ben).count()
    for _twice in range(2):
        press(console, ben, "give", kind="codes", amount="2", asked=asked)
    assert Code.objects.filter(owner=ben).count() == had + 2
    line = LedgerLine.objects.get()
    assert (line.amount, line.kind, line.reason) == (2, "codes", "because")
    reward = Reward.objects.get()
    chosen = {"action": "claw_back", "_selected_action": [reward.pk], "apply": "1", "reason": "a slip"}
    console.post("/admin/referrals/reward/", chosen)
    assert sum(LedgerLine.objects.values_list("amount", flat=True)) == 0
    assert broken() == []


def test_points_and_a_tier_are_given_too(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    press(console, ada, "give", kind="points", amount="7", asked=str(uuid4()))
    assert "Name the tier." in press(console, ada, "give", kind="tier", amount="1", asked=str(uuid4()))
    said = press(console, ada, "give", kind="tier", amount="3", tier="gold", asked=str(uuid4()))
    assert "Given: the tier gold." in said
    assert (cast.now(ada).priority, cast.now(ada).tier) == (ada.priority + 7, "gold")
    assert broken() == []


def test_who_is_held_is_given_nothing(console: Client, launch: Launch) -> None:
    cleo = cast.cleo(launch)
    assert "is given nothing" in press(console, cleo, "give", kind="points", amount="7", asked=str(uuid4()))


# Their data


def test_a_copy_of_everything_is_one_file_and_stands_in_the_trail(console: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    answer = console.post(f"/admin/waitlist/entry/{ben.pk}/takeout/")
    assert answer.streaming and "attachment" in answer["Content-Disposition"]
    found = json.loads(b"".join(answer))
    assert found["person"]["contact"] == "ben@example.com"
    for part in (
        "points",
        "traces",
        "assessments",
        "codes",
        "invites",
        "redemptions",
        "referrals",
        "messages",
        "trail",
    ):
        assert part in found, part
    assert len(found["redemptions"]) == 1
    assert Event.objects.get(kind="entry.taken_out").subject == f"entry:{ben.pk}"
    assert console.get(f"/admin/waitlist/entry/{ben.pk}/takeout/").status_code == 405


def test_tables_that_nothing_leads_to_from_the_person_are_in_it_too(launch: Launch) -> None:
    ada, now = cast.ada(launch), timezone.now()
    leak = Containment.objects.create(launch=launch, what="code:1", title="x", by="staff:1", reason="x", asked_at=now)
    ContainmentPart.objects.create(containment=leak, kind="person", entry=ada, done="held")
    theirs = {"contact_kind": ada.contact_kind, "contact": ada.contact, "canonical": ada.canonical}
    Reservation.objects.create(
        code=Code.objects.filter(owner=cast.ben(launch))[0], hold_id=uuid4(), expires_at=now, **theirs
    )
    found = dict(takeout.tables_of(ada))
    assert len(found["containment parts"]) == len(found["reservations"]) == 1


# Who may


@pytest.mark.parametrize("name", acts.ACTS)
def test_each_button_needs_its_own_permission(name: str, launch: Launch) -> None:
    cast.dev()
    ada = cast.ada(launch)
    said = {"act": name, f"{name}-reason": "because"}
    assert staff("viewer").post(page(ada), said).status_code == 403
    allowed = acts.ACTS[name].needs in MODERATORS
    assert (staff("moderator").post(page(ada), said).status_code != 403) is allowed


def test_an_owner_alone_erases_and_takes_out(launch: Launch) -> None:
    ada = cast.ada(launch)
    for client in (staff("viewer"), staff("moderator")):
        assert client.get(f"/admin/waitlist/entry/{ada.pk}/erase/").status_code == 403
        assert client.post(f"/admin/waitlist/entry/{ada.pk}/takeout/").status_code == 403


def test_a_viewer_does_not_see_the_id_in_the_product_which_may_be_an_address(launch: Launch) -> None:
    ben = cast.ben(launch)
    Entry.objects.filter(pk=ben.pk).update(host_user_id="ben@example.com")
    assert "ben@example.com" in staff("moderator").get(page(ben)).content.decode()
    assert "ben@example.com" not in staff("viewer").get(page(ben)).content.decode()


def test_a_viewer_sees_no_button(launch: Launch) -> None:
    said = staff("viewer").get(page(cast.ada(launch))).content.decode()
    assert 'name="act" value=' not in said


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("approve", "approved"),
        ("invite", "invited"),
        ("reject", "rejected"),
        ("block", "blocked"),
    ],
)
def test_the_verbs_of_the_list_are_buttons_here(act: str, status: str, console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert "Done." in press(console, ada, act)
    assert cast.now(ada).status == status
    assert "because" in console.get(page(ada)).content.decode()


def test_without_a_reason_nothing_happens_and_the_form_says_so(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert "This field is required" in press(console, ada, "block", reason="")
    assert cast.now(ada).status == "waiting"


def test_two_at_once_one_is_told(console: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    deciding.reject([ada.pk], "spam", by="staff:1")
    assert "Somebody was faster" in press(console, ada, "approve")


def test_the_address_of_nobody_else_is_taken_by_the_verb(launch: Launch) -> None:
    ada, offer = cast.invited(launch, "ada")
    readdressing.readdress(ada.pk, read("email", "ADA@example.com"), "capital", vouched=True, by="staff:1")
    assert not Delivery.objects.filter(name="moved").exists()
    inviting.revoke_invites_of([ada.pk], by="staff:1")
    assert offer.pk
