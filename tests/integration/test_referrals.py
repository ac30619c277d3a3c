"""Who brought whom and what it pays: from a friend's link or code to the points, the codes and the mail."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.invariants import broken
from invites.actions import making, redeeming
from invites.models import Code
from invites.queries import codes_of, run_texts
from outbox import relay
from outbox.actions import suppress
from outbox.errors import Refused
from outbox.keys import address_key
from outbox.models import Delivery, Event
from referrals import actions, queries
from referrals.models import Milestone, Referral, Reward
from tests import cast
from tests.conftest import Api, Mailbox
from waitlist.actions import confirming, deciding, tuning
from waitlist.models import Entry, Launch, Points
from waitlist.tokens import person_token

pytestmark = pytest.mark.django_db
FRIENDS = ("cleo", "dev", "eve", "fay", "gus", "hal", "ivy", "joe", "kim", "lea", "max", "nia")


@pytest.fixture
def ada(launch: Launch) -> Entry:
    """Ada waits, with the 5 points that everybody has."""
    return cast.ada(launch)


@pytest.fixture
def bulk(launch: Launch) -> str:
    """A code of a campaign that lets many in and belongs to nobody."""
    spec = making.Spec(1, timezone.now() + timedelta(9), batch_id="many", max_uses=1000)
    return next(iter(run_texts(making.generate(launch, spec, by="staff:1")[0].pk)))


def by_link(referrer: Entry, name: str, **said: Any) -> Entry:
    """A friend joins with the referrer's link and confirms."""
    return cast.waits(referrer.launch, name, referral_code=referrer.referral_code, **said)


def comes_in(launch: Launch, name: str, code: str) -> Entry:
    """A person redeems a code; who they are is known by their mailbox."""
    redeemed = redeeming.redeem(launch, redeeming.Ask(cast.contact(name), code=code, proven=True), by="public")
    return cast.now(Entry(pk=redeemed.entry_id))


def brought(referrer: Entry, code: str, count: int, start: int = 0) -> list[Entry]:
    """So many friends join with the referrer's link, and are in; the workers have done their part."""
    friends = [by_link(referrer, name) for name in FRIENDS[start : start + count]]
    for friend in friends:
        comes_in(referrer.launch, friend.canonical.partition("@")[0], code)
    relay.drain()
    return friends


def states(referrer: Entry) -> list[str]:
    return list(Referral.objects.filter(referrer=referrer).order_by("pk").values_list("status", flat=True))


def priority(entry: Entry) -> int:
    return cast.now(entry).priority


def milestones_paid(referrer: Entry) -> list[int | None]:
    paid = Reward.objects.filter(referrer=referrer, status="granted").order_by("milestone")
    return list(paid.values_list("milestone", flat=True))


def kinds(subject: str) -> list[str]:
    return list(Event.objects.filter(subject=subject).order_by("pk").values_list("kind", flat=True))


# Who brought whom


def test_a_friends_link_attributes_confirms_and_qualifies(ada: Entry, bulk: str) -> None:
    cleo = cast.joins(ada.launch, "cleo", referral_code=ada.referral_code)
    assert states(ada) == ["attributed"]
    confirming.confirm(cleo.pk, by="public")
    assert states(ada) == ["confirmed"]
    comes_in(ada.launch, "cleo", bulk)
    assert states(ada) == ["qualified"]
    referral = Referral.objects.get()
    assert (referral.via, referral.referee_id) == ("link", cleo.pk)
    assert kinds(f"referral:{referral.pk}") == ["referral.attributed", "referral.confirmed", "referral.qualified"]


def test_a_members_code_qualifies_at_once(launch: Launch) -> None:
    ben = cast.ben(launch)
    eve = comes_in(launch, "eve", cast.code_of(ben))
    referral = Referral.objects.get()
    assert (referral.referrer_id, referral.referee_id) == (ben.pk, eve.pk)
    assert (referral.status, referral.via) == ("qualified", "code")
    assert kinds(f"referral:{referral.pk}") == ["referral.qualified"]


def test_the_first_who_brought_them_counts(ada: Entry) -> None:
    ben = cast.ben(ada.launch)
    cleo = by_link(ada, "cleo")
    comes_in(ada.launch, "cleo", cast.code_of(ben))
    assert states(ben) == []
    assert Referral.objects.get(referee=cleo).referrer_id == ada.pk


def test_a_code_of_nobody_qualifies_nobody(launch: Launch, bulk: str) -> None:
    comes_in(launch, "eve", bulk)
    assert not Referral.objects.exists()


def test_two_people_cannot_bring_each_other(ada: Entry, bulk: str) -> None:
    cleo = by_link(ada, "cleo")
    cleo = comes_in(ada.launch, "cleo", bulk)
    comes_in(ada.launch, "ada", cast.code_of(cleo))
    assert (states(ada), states(cleo)) == (["qualified"], [])


def test_nobody_brings_themselves(launch: Launch) -> None:
    ben = cast.ben(launch)
    deciding.suspend([ben.pk], "test", by="staff:1")
    assert not Referral.objects.exists()
    cast.joins(launch, "eve", referral_code=ben.referral_code)  # nor does who was turned away bring anybody
    assert not Referral.objects.exists()


def test_where_the_launch_is_open_a_friend_counts_without_a_code(ada: Entry) -> None:
    tuning.tune(ada.launch, {"mode": "open"}, by="staff:1")
    by_link(ada, "cleo")
    assert redeeming.let_in_openly(ada.launch, redeeming.Ask(cast.contact("cleo")), by="public")
    assert states(ada) == ["qualified"]


def test_where_nobody_confirms_a_friend_counts_from_the_join(ada: Entry) -> None:
    tuning.tune(ada.launch, {"confirm_contact": False}, by="staff:1")
    cast.joins(cast.now(ada).launch, "cleo", referral_code=ada.referral_code)
    assert states(ada) == ["confirmed"]
    relay.drain()
    assert priority(ada) == 10


def test_joining_costs_one_statement_of_ours_and_no_lock(ada: Entry) -> None:
    with CaptureQueriesContext(connection) as plain:
        cast.joins(ada.launch, "cleo")
    with CaptureQueriesContext(connection) as referred:
        cast.joins(ada.launch, "dev", referral_code=ada.referral_code)
    assert not [one for one in referred.captured_queries if "FOR NO KEY UPDATE" in one["sql"]]
    assert len(referred) <= len(plain) + 1  # whose referral code it is


# Points


def test_each_confirmed_friend_gives_five_points_and_starts_with_ten(ada: Entry) -> None:
    before = priority(ada)
    cleo = by_link(ada, "cleo")
    assert priority(ada) == before + 5
    assert Points.objects.get(entry=cleo, rule="came_by_referral").points == 10
    assert Points.objects.get(entry=ada, rule="friend_confirmed").key == str(cleo.pk)


def test_points_for_friends_end_at_the_cap(ada: Entry) -> None:
    for name in FRIENDS:
        by_link(ada, name)
    relay.drain()
    assert len(FRIENDS) == 12
    assert queries.had_for_friends(ada) == 50
    assert priority(ada) == 55
    assert broken() == []


def test_a_launch_sets_its_own_points_and_cap(ada: Entry) -> None:
    tuning.weigh(ada.launch, "friend_confirmed", "", 7, by="staff:1")
    tuning.tune(ada.launch, {"referral_cap": 10}, by="staff:1")
    for name in ("cleo", "dev", "eve"):
        by_link(cast.now(ada), name)
    assert list(Points.objects.filter(rule="friend_confirmed").values_list("points", flat=True)) == [7, 3]


def test_confirming_twice_counts_once(ada: Entry) -> None:
    cleo = by_link(ada, "cleo")
    confirming.confirm(cleo.pk, by="public")
    assert priority(ada) == 10


def test_a_friend_who_leaves_takes_the_points_along(ada: Entry) -> None:
    cleo = by_link(ada, "cleo")
    deciding.leave(cleo, by=f"person:{cleo.pk}")
    relay.drain()
    assert states(ada) == ["voided"]
    assert priority(ada) == 5
    said = Event.objects.filter(kind="points.awarded", subject=f"entry:{ada.pk}").order_by("pk")
    assert [one.data["points"] for one in said] == [5, -5]
    assert broken() == []


def test_a_friend_who_comes_back_counts_anew_and_once(ada: Entry) -> None:
    cleo = by_link(ada, "cleo")
    deciding.leave(cleo, by=f"person:{cleo.pk}")
    cast.waits(ada.launch, "cleo")
    relay.drain()
    assert states(ada) == ["voided", "confirmed"]
    assert priority(ada) == 10


def test_a_capped_friend_moves_up_when_another_goes(ada: Entry) -> None:
    tuning.tune(ada.launch, {"referral_cap": 5}, by="staff:1")
    cleo, dev = by_link(cast.now(ada), "cleo"), by_link(cast.now(ada), "dev")
    deciding.reject([cleo.pk], "fake", by="staff:1")
    relay.drain()
    assert Points.objects.get(entry=ada, rule="friend_confirmed").key == str(dev.pk)
    deciding.appeal([cleo.pk], "a mistake", by="staff:1")
    assert states(ada) == ["voided", "confirmed", "confirmed"]
    assert priority(ada) == 10


# Milestones


def test_three_friends_pay_three_codes_once_with_a_mail(launch: Launch, bulk: str, mailbox: Mailbox) -> None:
    ben = cast.ben(launch)
    brought(ben, bulk, 3)
    assert len(codes_of(ben)) == 6
    mails = [mail for mail in mailbox.all("ben@example.com") if "reward" in mail.subject]
    assert len(mails) == 1
    assert "3 friends" in mails[0].text
    assert "/me?token=" in mails[0].text
    assert queries.rewards_of(ben)[0]["type"] == "invite_codes"
    assert {"milestone.reached", "reward.granted"} < set(kinds(f"entry:{ben.pk}"))


def test_every_milestone_pays_its_codes(launch: Launch, bulk: str) -> None:
    ben = cast.ben(launch)
    brought(ben, bulk, 10)
    assert milestones_paid(ben) == [3, 5, 10]
    assert len(codes_of(ben)) == 3 + 9


def test_a_count_that_falls_and_crosses_again_pays_never_twice(launch: Launch, bulk: str) -> None:
    ben = cast.ben(launch)
    brought(ben, bulk, 3)
    actions.void([Referral.objects.filter(referrer=ben).first().pk], "a fake", by="staff:1")  # type: ignore[union-attr]
    relay.drain()
    assert queries.qualified_count(ben) == 2
    brought(ben, bulk, 2, start=3)
    assert queries.qualified_count(ben) == 4
    assert milestones_paid(ben) == [3]
    assert len(codes_of(ben)) == 6


def test_running_the_work_again_pays_nothing(launch: Launch, bulk: str, mailbox: Mailbox) -> None:
    ben = cast.ben(launch)
    brought(ben, bulk, 3)
    sent = len(mailbox.all("ben@example.com"))
    assert actions.grant_due([ben.pk], by="system") == 0
    assert len(mailbox.all("ben@example.com")) == sent
    assert len(codes_of(ben)) == 6


def test_who_is_held_is_paid_when_released(launch: Launch, bulk: str) -> None:
    ben = cast.ben(launch)
    deciding.hold([ben.pk], "looks odd", by="staff:1")
    brought(ben, bulk, 3)
    assert Reward.objects.get().status == "due"
    assert queries.rewards_of(ben) == []
    deciding.release([ben.pk], "all is well", by="staff:1")
    relay.drain()
    assert milestones_paid(ben) == [3]


def test_who_is_suspended_is_paid_when_restored(launch: Launch, bulk: str) -> None:
    ben = cast.ben(launch)
    cleo, dev, eve = (by_link(ben, name) for name in ("cleo", "dev", "eve"))
    deciding.suspend([ben.pk], "looks odd", by="staff:1")
    for friend in (cleo, dev, eve):
        comes_in(launch, friend.first_name.lower(), bulk)
    relay.drain()
    assert milestones_paid(ben) == []
    deciding.restore([ben.pk], "all is well", by="staff:1")
    relay.drain()
    assert milestones_paid(ben) == [3]


def test_what_is_due_waits_while_its_friends_are_gone(launch: Launch, bulk: str) -> None:
    ben = cast.ben(launch)
    deciding.hold([ben.pk], "looks odd", by="staff:1")
    brought(ben, bulk, 3)
    actions.void([Referral.objects.earliest("pk").pk], "a fake", by="staff:1")
    deciding.release([ben.pk], "all is well", by="staff:1")
    relay.drain()
    assert milestones_paid(ben) == []
    brought(ben, bulk, 1, start=3)
    assert milestones_paid(ben) == [3]


def test_a_launch_pays_by_its_own_table(ada: Entry, bulk: str) -> None:
    actions.set_milestone(ada.launch, 1, kind="points", amount=20, by="staff:1")
    actions.set_milestone(ada.launch, 2, kind="tier", tier="pro", by="staff:1")
    brought(ada, bulk, 2)
    assert priority(ada) == 5 + 2 * 5 + 20
    assert cast.now(ada).tier == "pro"
    assert [(one["type"], one["tier"]) for one in queries.rewards_of(ada)] == [("points", None), ("tier", "pro")]
    assert codes_of(ada) == []
    assert broken() == []


def test_the_first_change_keeps_the_other_defaults(launch: Launch) -> None:
    actions.set_milestone(launch, 10, kind="tier", tier="pro", by="staff:1")
    assert [step.count for step in queries.table_of(launch)] == [3, 5, 10, 25, 50]
    actions.unset_milestone(Milestone.objects.get(count=50), by="staff:1")
    assert [step.count for step in queries.table_of(launch)] == [3, 5, 10, 25]
    assert kinds(f"launch:{launch.pk}")[-2:] == ["milestone.set", "milestone.unset"]


def test_what_was_clawed_back_is_not_paid_again(launch: Launch, bulk: str) -> None:
    ben = cast.ben(launch)
    brought(ben, bulk, 3)
    comes_in(launch, "zoe", str(codes_of(ben)[5]["code"]))  # one of the three is spent
    assert actions.claw_back([Reward.objects.get().pk], "a ring of fakes", by="staff:1") == 1
    reward_codes = Code.objects.filter(owner=ben, channel__startswith="reward:").order_by("pk")
    assert [code.status for code in reward_codes] == ["revoked", "revoked", "active"]
    assert actions.grant_due([ben.pk], by="system") == 0
    assert queries.rewards_of(ben) == []
    assert "reward.clawed_back" in kinds(f"entry:{ben.pk}")


def test_points_and_tier_can_be_clawed_back(ada: Entry, bulk: str) -> None:
    actions.set_milestone(ada.launch, 1, kind="points", amount=20, by="staff:1")
    actions.set_milestone(ada.launch, 2, kind="tier", tier="pro", by="staff:1")
    brought(ada, bulk, 2)
    assert actions.claw_back([reward.pk for reward in Reward.objects.all()], "fakes", by="staff:1") == 2
    assert (priority(ada), cast.now(ada).tier) == (15, "standard")


def test_what_was_dropped_is_never_given(launch: Launch, bulk: str) -> None:
    ben = cast.ben(launch)
    deciding.hold([ben.pk], "looks odd", by="staff:1")
    brought(ben, bulk, 3)
    assert actions.drop([Reward.objects.get().pk], "a ring of fakes", by="staff:1") == 1
    deciding.release([ben.pk], "all is well", by="staff:1")
    assert actions.grant_due([ben.pk], by="system") == 0
    assert len(codes_of(ben)) == 3


# What people see


def test_friends_are_shown_by_first_name_and_progress(ada: Entry, bulk: str) -> None:
    cleo = cast.joins(ada.launch, "cleo", referral_code=ada.referral_code)
    Entry.objects.filter(pk=cleo.pk).update(name="Cleo Patra")
    by_link(ada, "dev")
    by_link(ada, "eve")
    comes_in(ada.launch, "eve", bulk)
    by_link(ada, "fay")
    deciding.leave(Entry.objects.get(canonical="fay@example.com"), by="public")
    assert queries.friends_of(ada) == [
        {"first_name": "Eve", "state": "registered"},
        {"first_name": "Dev", "state": "confirmed"},
        {"first_name": "Cleo", "state": "joined"},
    ]
    assert queries.referred_counts(ada) == {"joined": 3, "confirmed": 2, "registered": 1}


def test_quality_counts_who_is_gone_but_not_who_waits(ada: Entry, bulk: str) -> None:
    friends = brought(ada, bulk, 3)
    by_link(ada, "hal")
    assert queries.quality_of(ada)["quality_score"] == 0.8
    deciding.suspend([friends[0].pk], "a fake", by="staff:1")
    assert queries.quality_of(ada)["quality_score"] == 0.6
    assert queries.quality_of(ada)["referred_count"] == 4


def test_a_friend_who_came_back_is_not_counted_as_gone(ada: Entry, bulk: str) -> None:
    deciding.leave(by_link(ada, "cleo"), by="public")
    assert queries.quality_of(ada)["quality_score"] == 0.3333
    comes_in(ada.launch, "cleo", bulk)
    assert queries.quality_of(ada)["quality_score"] == 0.6667


# Telling a friend


def shared_to(name: str, mailbox: Mailbox) -> list[Any]:
    return mailbox.all(f"{name}@example.com")


def test_a_friend_gets_one_mail_with_the_link(ada: Entry, mailbox: Mailbox) -> None:
    first = actions.share(ada, cast.contact("cleo"), by=f"person:{ada.pk}")
    again = actions.share(ada, cast.contact("cleo"), by=f"person:{ada.pk}")
    assert first.pk == again.pk
    mail = shared_to("cleo", mailbox)[0]
    assert "Ada" in mail.text
    assert f"ref={ada.referral_code}" in mail.text
    assert len(shared_to("cleo", mailbox)) == 1


def test_no_address_stays_after_the_mail_has_gone(ada: Entry, mailbox: Mailbox) -> None:
    referral = actions.share(ada, cast.contact("cleo"), by="public")
    delivery = Delivery.objects.get(name="share")
    assert b"@" not in bytes(delivery.sealed or b"")
    shared_to("cleo", mailbox)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.sealed) == ("done", None)
    assert bytes(referral.recipient_key or b"") == address_key("email", "cleo@example.com")
    assert not Event.objects.filter(data__icontains="cleo").exists()


def test_who_is_on_the_list_gets_no_mail_and_the_inviter_learns_nothing(ada: Entry, mailbox: Mailbox) -> None:
    cast.waits(ada.launch, "cleo")
    before = len(shared_to("cleo", mailbox))
    with CaptureQueriesContext(connection) as known:
        actions.share(ada, cast.contact("cleo"), by="public")
    with CaptureQueriesContext(connection) as new:
        actions.share(ada, cast.contact("dev"), by="public")
    assert len(shared_to("cleo", mailbox)) == before
    assert len(shared_to("dev", mailbox)) == 1
    assert len(known) == len(new)


def test_who_wants_no_mail_gets_none(ada: Entry, mailbox: Mailbox) -> None:
    suppress(address_key("email", "cleo@example.com"), "unsubscribed", by="public")
    actions.share(ada, cast.contact("cleo"), by="public")
    assert shared_to("cleo", mailbox) == []


def test_one_person_tells_ten_friends_a_day(ada: Entry) -> None:
    for number in range(10):
        actions.share(ada, cast.contact(f"friend{number}"), by="public")
    with pytest.raises(Refused) as refused:
        actions.share(ada, cast.contact("friend10"), by="public")
    assert refused.value.reason == "rate_limited"
    assert actions.share(ada, cast.contact("friend0"), by="public")  # asking again is no new friend
    assert Delivery.objects.filter(name="share").count() == 10


def test_one_address_gets_two_of_these_a_day_whoever_asks(launch: Launch, mailbox: Mailbox) -> None:
    for name in ("ada", "ben", "dev"):
        assert actions.share(cast.waits(launch, name), cast.contact("cleo"), by="public").status == "shared"
    assert len(shared_to("cleo", mailbox)) == 2


def test_one_address_gets_five_of_these_ever(launch: Launch, mailbox: Mailbox) -> None:
    for name in FRIENDS[1:8]:
        actions.share(cast.waits(launch, name), cast.contact("cleo"), by="public")
        two_days_pass()
    assert len(shared_to("cleo", mailbox)) == 5


def two_days_pass() -> None:
    """What counts by the day has forgotten."""
    Referral.objects.update(mailed_at=F("mailed_at") - timedelta(days=2))
    Delivery.objects.update(created_at=F("created_at") - timedelta(days=2))


def test_no_text_of_the_inviter_stands_in_the_mail(launch: Launch, mailbox: Mailbox) -> None:
    eve = cast.waits(launch, "eve")
    Entry.objects.filter(pk=eve.pk).update(name="http://evil.example/prize Eve")
    actions.share(eve, cast.contact("cleo"), by="public")
    mail = shared_to("cleo", mailbox)[0]
    assert "evil" not in mail.raw.decode()
    assert "A friend thinks" in mail.text


def test_who_was_turned_away_tells_nobody(ada: Entry, mailbox: Mailbox) -> None:
    deciding.block([ada.pk], "spam", by="staff:1")
    actions.share(cast.now(ada), cast.contact("cleo"), by="public")
    assert shared_to("cleo", mailbox) == []


def test_a_told_friend_who_joins_by_any_way_counts_for_who_told_them(ada: Entry) -> None:
    referral = actions.share(ada, cast.contact("cleo"), by="public")
    cleo = cast.joins(ada.launch, "cleo")
    referral.refresh_from_db()
    assert (referral.status, referral.referee_id, referral.via) == ("attributed", cleo.pk, "share")


def test_a_told_friend_who_uses_the_link_counts_once(ada: Entry) -> None:
    actions.share(ada, cast.contact("cleo"), by="public")
    by_link(ada, "cleo")
    assert states(ada) == ["confirmed"]
    assert priority(ada) == 10


def test_a_told_friend_who_comes_with_another_link_counts_for_the_other(ada: Entry) -> None:
    ben = cast.waits(ada.launch, "ben")
    actions.share(ada, cast.contact("cleo"), by="public")
    by_link(ben, "cleo")
    assert (states(ada), states(ben)) == (["shared"], ["confirmed"])


def test_a_told_friend_who_comes_with_a_campaigns_code_counts(ada: Entry, bulk: str) -> None:
    actions.share(ada, cast.contact("cleo"), by="public")
    comes_in(ada.launch, "cleo", bulk)
    assert states(ada) == ["qualified"]


def test_who_told_first_counts(ada: Entry) -> None:
    ben = cast.waits(ada.launch, "ben")
    actions.share(ada, cast.contact("cleo"), by="public")
    actions.share(ben, cast.contact("cleo"), by="public")
    cast.joins(ada.launch, "cleo")
    assert (states(ada), states(ben)) == (["attributed"], ["shared"])


# The doors


def test_earning_by_the_api_grants_what_is_due_once(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    ben = cast.ben(launch)
    for name, code in zip(("cleo", "dev", "eve"), codes_of(ben), strict=True):
        comes_in(launch, name, str(code["code"]))
    api.with_key(key("referrals:write"))
    said = api.post("/api/referrals/earn", {"user_email": "BEN@example.com"}).json()
    assert (said["earned"], said["codes_available"]) == (True, 3)
    said = api.post("/api/referrals/earn", {"user_email": "ben@example.com"}).json()
    assert (said["earned"], said["codes_available"]) == (False, 3)


def test_earning_for_nobody_has_the_same_shape(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    said = api.with_key(key("referrals:write")).post("/api/referrals/earn", {"user_email": "zoe@example.com"})
    assert (said.status_code, set(said.json())) == (200, {"earned", "codes_available", "message"})
    assert (said.json()["earned"], said.json()["codes_available"]) == (False, 0)


def test_a_person_acts_for_themselves_alone(api: Api, ada: Entry) -> None:
    ben = cast.ben(ada.launch)
    api.with_token(person_token(ada))
    assert api.post("/api/referrals/earn", {}).status_code == 200
    assert api.post("/api/referrals/earn", {"user_email": "ada@example.com"}).status_code == 200
    for stranger in (ben.contact, "nobody@example.com"):
        assert api.post("/api/referrals/earn", {"user_email": stranger}).status_code == 403
        told = {"inviter_email": stranger, "recipient_email": "eve@example.com"}
        assert api.post("/api/referrals/share", told).status_code == 403
        assert api.get(f"/api/referrals/{stranger}/quality").status_code == 403
    assert api.get("/api/referrals/ada@example.com/quality").status_code == 200


def test_sharing_by_the_api_answers_alike_for_everybody(api: Api, ada: Entry, mailbox: Mailbox) -> None:
    cast.waits(ada.launch, "cleo")
    api.with_token(person_token(ada))
    answers = [
        api.post("/api/referrals/share", {"inviter_email": ada.contact, "recipient_email": f"{name}@example.com"})
        for name in ("cleo", "dev")
    ]
    told = [answer.json() for answer in answers]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [one.pop("referral_id") for one in told] == list(
        Referral.objects.order_by("pk").values_list("pk", flat=True)
    )
    assert told[0] == told[1]


def test_the_eleventh_friend_of_a_day_waits(api: Api, ada: Entry) -> None:
    api.with_token(person_token(ada))
    said = [api.post("/api/referrals/share", {"recipient_email": f"friend{n}@example.com"}) for n in range(11)]
    assert [one.status_code for one in said] == [200] * 10 + [429]
    assert said[10]["Retry-After"]


def test_quality_by_the_api(api: Api, ada: Entry, bulk: str, key: Callable[..., str]) -> None:
    brought(ada, bulk, 3)
    said = api.with_key(key("referrals:read")).get("/api/referrals/ada@example.com/quality").json()
    assert (said["referred_count"], said["quality_score"]) == (3, 0.8)
    assert {name: said["rewards"][0][name] for name in ("type", "amount", "reason")} == {
        "type": "invite_codes",
        "amount": 3,
        "reason": "3 friends of yours are in.",
    }


def test_the_quality_of_nobody_is_zero(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    said = api.with_key(key("referrals:read")).get("/api/referrals/zoe@example.com/quality").json()
    assert said == {"referred_count": 0, "quality_score": 0.0, "rewards": []}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("post", "/api/referrals/earn", "referrals:write"),
        ("post", "/api/referrals/share", "referrals:write"),
        ("get", "/api/referrals/ada@example.com/quality", "referrals:read"),
    ],
)
def test_a_door_asks_who_calls(
    method: str, path: str, scope: str, api: Api, launch: Launch, key: Callable[..., str]
) -> None:
    body = {"user_email": "ada@example.com", "inviter_email": "ada@example.com", "recipient_email": "b@example.com"}
    assert getattr(api, method)(path, body).status_code == 401
    assert getattr(api.with_key(key("codes:read")), method)(path, body).status_code == 403
    assert getattr(api.with_key(key(scope)), method)(path, body).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("earn", {}, "user_email"),
        ("earn", {"user_email": "nonsense"}, "email"),
        ("earn", {"user_email": 7}, "user_email"),
        ("share", {"inviter_email": "ada@example.com"}, "recipient_email"),
        ("share", {"inviter_email": "ada@example.com", "recipient_email": "nonsense"}, "recipient_email"),
        ("share", {"inviter_email": "ada@example.com", "recipient_email": ["b@example.com"]}, "recipient_email"),
        ("share", {"recipient_email": "b@example.com"}, "inviter_email"),
        ("share", {"inviter_email": "ada@example.com", "recipient_email": "b@e.com", "launch": "none"}, "launch"),
    ],
)
def test_bad_input_names_its_field(
    path: str, body: dict[str, Any], field: str, api: Api, launch: Launch, key: Callable[..., str]
) -> None:
    said = api.with_key(key("referrals:write")).post(f"/api/referrals/{path}", body)
    assert said.status_code == 400
    assert field in said.json()["errors"]
    assert not Referral.objects.exists()


def test_a_retry_with_a_key_shares_once(api: Api, ada: Entry) -> None:
    api.with_token(person_token(ada))
    body = {"recipient_email": "cleo@example.com"}
    said = [api.post("/api/referrals/share", body, HTTP_IDEMPOTENCY_KEY="once") for _n in range(2)]
    assert said[0].content == said[1].content
    assert Referral.objects.count() == 1


# The console


@pytest.fixture
def console(client: Client) -> Client:
    """Dev, logged in."""
    client.force_login(cast.dev())
    return client


def test_a_moderator_voids_with_a_reason(console: Client, ada: Entry) -> None:
    by_link(ada, "cleo")
    chosen = {"action": "void", "_selected_action": [Referral.objects.get().pk]}
    assert b"Reason" in console.post("/admin/referrals/referral/", chosen).content
    assert states(ada) == ["confirmed"]
    console.post("/admin/referrals/referral/", chosen | {"apply": "1", "reason": "a fake"})
    assert states(ada) == ["voided"]
    event = Event.objects.get(kind="referral.voided")
    assert (event.data["reason"], event.by.partition(":")[0]) == ("a fake", "staff")


def test_an_owner_sets_a_milestone_by_a_verb(console: Client, launch: Launch) -> None:
    row = {"launch": launch.pk, "count": 7, "kind": "tier", "amount": 1, "tier": "pro"}
    assert console.post("/admin/referrals/milestone/add/", row).status_code == 302
    made = Milestone.objects.get(count=7)
    console.post(f"/admin/referrals/milestone/{made.pk}/change/", {"kind": "codes", "amount": 4, "tier": ""})
    made.refresh_from_db()
    assert (made.kind, made.amount) == ("codes", 4)
    console.post(f"/admin/referrals/milestone/{made.pk}/delete/", {"post": "yes"})
    assert kinds(f"launch:{launch.pk}")[-3:] == ["milestone.set", "milestone.set", "milestone.unset"]


def test_a_tier_must_be_named(console: Client, launch: Launch) -> None:
    row = {"launch": launch.pk, "count": 7, "kind": "tier", "amount": 1, "tier": ""}
    assert console.post("/admin/referrals/milestone/add/", row).status_code == 200
    assert not Milestone.objects.exists()


@pytest.mark.parametrize("page", ["referral", "reward", "milestone"])
def test_the_console_shows_them(page: str, console: Client, ada: Entry, bulk: str) -> None:
    brought(ada, bulk, 3)
    assert console.get(f"/admin/referrals/{page}/").status_code == 200
