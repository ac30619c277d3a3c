"""What a voided friend takes back, what waits while somebody is in doubt, and the ledger that shows both lines."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from config.invariants import broken
from invites.actions import changing, making
from invites.models import Code
from invites.queries import codes_of, run_texts, unspent
from outbox import relay
from outbox.facts import Said
from outbox.models import Delivery, Event
from quality.models import Assessment
from quality.signals import assessment_overruled, entry_assessed
from referrals import actions, queries
from referrals.models import LedgerLine, Referral, Reward
from tests import cast
from tests.integration.test_referrals import brought, by_link, comes_in, milestones_paid, priority, states
from waitlist.actions import awarding, confirming, deciding, registering
from waitlist.models import Entry, Launch
from waitlist.tokens import PERSON_COOKIE, person_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def bulk(launch: Launch) -> str:
    """A code of a campaign that lets many in and belongs to nobody."""
    spec = making.Spec(1, timezone.now() + timedelta(9), batch_id="many", max_uses=1000)
    return next(iter(run_texts(making.generate(launch, spec, by="staff:1")[0].pk)))


@pytest.fixture
def ben(launch: Launch) -> Entry:
    """Ben is in, and brings friends."""
    return cast.ben(launch)


def assessed(entry: Entry, verdict: str) -> None:
    """The rules looked at somebody, and say so."""
    look = Assessment(launch=entry.launch, entry=entry, act="again", evidence={}, rules=[], score=60, verdict=verdict)
    look.save()
    said = Said(f"entry:{entry.pk}", {"verdict": verdict, "score": 60, "rules": [], "act": "again"})
    if verdict != "allow":
        with transaction.atomic():
            entry_assessed.announce([said], by="rules")


def in_review(entry: Entry) -> None:
    """The rules doubt somebody, who is held for it."""
    assessed(entry, "review")
    deciding.hold([entry.pk], "the rules doubt them", by="rules")


def released(entry: Entry) -> None:
    deciding.release([entry.pk], "they are real", by="staff:1")
    relay.drain()


def void(referrer: Entry, count: int) -> None:
    """Staff void so many of the friends who are in."""
    ids = Referral.objects.filter(referrer=referrer, status="qualified").order_by("pk").values_list("pk", flat=True)
    actions.void(list(ids[:count]), "a ring of fakes", by="staff:1")
    relay.drain()


def ledger(referrer: Entry) -> list[tuple[str, int, str]]:
    lines = LedgerLine.objects.filter(referrer=referrer).order_by("pk")
    return list(lines.values_list("kind", "amount", "reason"))


# Both lines


def test_a_voided_friend_takes_the_points_back_and_both_lines_stand(launch: Launch) -> None:
    ada = cast.ada(launch)
    cleo = by_link(ada, "cleo")
    deciding.reject([cleo.pk], "fake", by="staff:1")
    relay.drain()
    assert priority(ada) == 5
    assert ledger(ada) == [("points", 5, "friend confirmed"), ("points", -5, "friend voided: friend is gone")]
    assert set(LedgerLine.objects.values_list("friend", flat=True)) == {cleo.pk}
    assert broken() == []


def test_voided_friends_take_the_milestone_back_as_far_as_it_is_unspent(ben: Entry, bulk: str) -> None:
    brought(ben, bulk, 3)
    comes_in(ben.launch, "zoe", str(codes_of(ben)[5]["code"]))  # one of the three is spent, and who came in stays in
    relay.drain()
    void(ben, 2)
    assert queries.rewards_of(ben) == []
    assert [line for line in ledger(ben) if line[0] == "codes"] == [
        ("codes", 3, "3 friends are in"),
        ("codes", -2, "friends were voided, 2 are left"),
    ]
    assert unspent(ben) == 3  # the three that every member has
    assert cast.now(Entry.objects.get(canonical="zoe@example.com")).status == "registered"
    assert broken() == []


def test_the_highest_milestone_goes_first_and_lower_ones_stay(ben: Entry, bulk: str) -> None:
    brought(ben, bulk, 5)
    void(ben, 1)
    assert milestones_paid(ben) == [3]
    void(ben, 2)
    assert milestones_paid(ben) == []
    assert unspent(ben) == 3


def test_what_the_count_took_back_returns_with_it_and_never_twice(ben: Entry, bulk: str) -> None:
    brought(ben, bulk, 3)
    void(ben, 1)
    brought(ben, bulk, 2, start=3)
    actions.grant_due([ben.pk], by="system")
    assert milestones_paid(ben) == [3]
    assert Code.objects.filter(owner=ben, channel__startswith="reward:").count() == 3  # the same codes
    assert [amount for kind, amount, _why in ledger(ben) if kind == "codes"] == [3, -3, 3]
    assert Delivery.objects.filter(name="milestone").count() == 1
    given = Event.objects.filter(kind="reward.granted", subject=f"entry:{ben.pk}").order_by("pk")
    assert [event.data.get("again") for event in given] == [None, True]
    assert broken() == []


def test_what_was_spent_is_not_given_again(ben: Entry, bulk: str) -> None:
    brought(ben, bulk, 3)
    comes_in(ben.launch, "zoe", str(codes_of(ben)[5]["code"]))
    relay.drain()
    void(ben, 2)
    brought(ben, bulk, 2, start=3)
    assert [amount for kind, amount, _why in ledger(ben) if kind == "codes"] == [3, -2, 2]
    assert unspent(ben) == 3 + 2


def test_codes_that_staff_switch_by_hand_do_not_upset_the_ledger(ben: Entry, bulk: str) -> None:
    brought(ben, bulk, 3)
    codes = Q(owner=ben, channel__startswith="reward:")
    one = Code.objects.filter(codes).earliest("pk")
    changing.pause(Q(pk=one.pk), "a question", by="staff:1")
    void(ben, 1)
    brought(ben, bulk, 2, start=3)
    assert [amount for kind, amount, _why in ledger(ben) if kind == "codes"] == [3, -2, 2]
    void(ben, 2)
    changing.resume(codes, "by mistake", by="staff:1")
    brought(ben, bulk, 2, start=5)
    void(ben, 2)
    assert broken() == []


def test_the_ledger_outlives_who_is_erased(launch: Launch, client: Client) -> None:
    ada = cast.ada(launch)
    by_link(ada, "cleo").delete()
    actions.grant_due([ada.pk], by="system")
    assert ledger(ada) == [("points", 5, "friend confirmed")]
    assert priority(ada) == 10
    client.force_login(cast.dev())
    for page in (f"waitlist/entry/{ada.pk}/change/", "referrals/ledgerline/"):
        assert "friend confirmed" in client.get(f"/admin/{page}").content.decode()


def test_what_staff_took_back_does_not_return(ben: Entry, bulk: str) -> None:
    brought(ben, bulk, 3)
    void(ben, 1)
    assert actions.claw_back([Reward.objects.get().pk], "a ring", by="staff:1") == 1
    brought(ben, bulk, 2, start=3)
    assert milestones_paid(ben) == []
    assert unspent(ben) == 3
    assert queries.next_step(ben) is not None
    assert queries.next_step(ben)[0].count == 5  # type: ignore[index]


def test_points_and_a_tier_are_taken_back_and_returned(launch: Launch, bulk: str) -> None:
    ada = cast.ada(launch)
    actions.set_milestone(launch, 1, kind="points", amount=20, by="staff:1")
    actions.set_milestone(launch, 2, kind="tier", tier="pro", by="staff:1")
    registering.raise_tier(ada.pk, "early", by="staff:1")
    brought(ada, bulk, 2)
    void(ada, 2)
    assert (priority(ada), cast.now(ada).tier) == (5, "early")
    brought(ada, bulk, 2, start=2)
    assert (priority(ada), cast.now(ada).tier) == (5 + 2 * 5 + 20, "pro")
    assert [amount for kind, amount, _why in ledger(ada) if kind == "tier"] == [1, -1, 1]
    assert broken() == []


def test_a_tier_that_staff_gave_since_is_left(launch: Launch, bulk: str) -> None:
    ada = cast.ada(launch)
    actions.set_milestone(launch, 1, kind="tier", tier="pro", by="staff:1")
    brought(ada, bulk, 1)
    registering.raise_tier(ada.pk, "vip", by="staff:1")
    void(ada, 1)
    assert cast.now(ada).tier == "vip"


def test_a_friend_whom_staff_voided_counts_no_more_whatever_they_do(launch: Launch, bulk: str) -> None:
    ada = cast.ada(launch)
    by_link(ada, "cleo")
    actions.void([Referral.objects.get().pk], "a fake", by="staff:1")
    comes_in(launch, "cleo", bulk)
    relay.drain()
    assert states(ada) == ["voided"]
    assert priority(ada) == 5


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE referrals_ledgerline SET amount = 500",
        "DELETE FROM referrals_ledgerline",
        "DELETE FROM referrals_ledgerline WHERE id = 0",
    ],
)
def test_the_ledger_cannot_be_altered(tampering: str, launch: Launch) -> None:
    by_link(cast.ada(launch), "cleo")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(tampering)
    assert LedgerLine.objects.get().amount == 5


# Denied


def test_a_denied_friend_is_voided_and_takes_back_what_they_earned(launch: Launch) -> None:
    ada = cast.ada(launch)
    cleo = by_link(ada, "cleo")
    assessed(cleo, "review")
    assert states(ada) == ["confirmed"]
    assessed(cleo, "deny")
    relay.drain()
    assert states(ada) == ["voided"]
    assert ledger(ada)[-1] == ("points", -5, "friend voided: friend was denied")


def test_a_denied_friend_is_not_counted_by_confirming(launch: Launch) -> None:
    ada = cast.ada(launch)
    cleo = cast.joins(launch, "cleo", referral_code=ada.referral_code)
    assessed(cleo, "deny")
    confirming.confirm(cleo.pk, by="public")
    relay.drain()
    assert states(ada) == ["voided"]
    assert priority(ada) == 5


def test_a_denied_friend_whom_staff_release_counts_anew(launch: Launch) -> None:
    ada = cast.ada(launch)
    cleo = by_link(ada, "cleo")
    deciding.hold([cleo.pk], "denied", by="rules")
    assessed(cleo, "deny")
    relay.drain()
    released(cleo)
    assert states(ada) == ["voided", "confirmed"]
    assert priority(ada) == 10
    assert [line[1] for line in ledger(ada)] == [5, -5, 5]


# In doubt


def test_rewards_of_a_referrer_in_review_wait_until_staff_release_them(ben: Entry, bulk: str) -> None:
    in_review(ben)
    brought(ben, bulk, 3)
    assert Reward.objects.get().status == "due"
    released(ben)
    assert milestones_paid(ben) == [3]


def test_a_referrer_in_review_waits_also_when_nobody_holds_them(ben: Entry, bulk: str) -> None:
    assessed(ben, "review")
    brought(ben, bulk, 3)
    assert Reward.objects.get().status == "due"
    with transaction.atomic():
        assessment_overruled.announce([Said(f"entry:{ben.pk}", {"reason": "they are real"})], by="staff:1")
    relay.drain()
    assert milestones_paid(ben) == [3]


def test_a_later_look_that_allows_ends_the_doubt(ben: Entry, bulk: str) -> None:
    assessed(ben, "review")
    assessed(ben, "allow")
    brought(ben, bulk, 3)
    assert milestones_paid(ben) == [3]


def test_a_doubt_after_the_release_counts(ben: Entry, bulk: str) -> None:
    in_review(ben)
    released(ben)
    assessed(ben, "review")
    brought(ben, bulk, 3)
    assert milestones_paid(ben) == []


def test_a_milestone_waits_for_a_friend_in_doubt(ben: Entry, bulk: str) -> None:
    friends = brought(ben, bulk, 2)
    in_review(friends[0])
    brought(ben, bulk, 1, start=2)
    assert not Reward.objects.exists()
    released(friends[0])
    assert milestones_paid(ben) == [3]


def test_a_milestone_waits_for_a_suspended_friend(ben: Entry, bulk: str) -> None:
    friends = brought(ben, bulk, 2)
    deciding.suspend([friends[0].pk], "looks odd", by="staff:1")
    brought(ben, bulk, 1, start=2)
    assert milestones_paid(ben) == []
    deciding.restore([friends[0].pk], "all is well", by="staff:1")
    relay.drain()
    assert milestones_paid(ben) == [3]


def test_a_doubt_alone_takes_nothing_back(ben: Entry, bulk: str) -> None:
    friends = brought(ben, bulk, 3)
    in_review(friends[0])
    actions.grant_due([ben.pk], by="system")
    assert milestones_paid(ben) == [3]


def test_points_wait_for_a_friend_in_doubt(launch: Launch) -> None:
    ada = cast.ada(launch)
    cleo = cast.joins(launch, "cleo", referral_code=ada.referral_code)
    in_review(cleo)
    confirming.confirm(cleo.pk, by="public")
    assert (states(ada), priority(ada)) == (["confirmed"], 5)
    released(cleo)
    assert priority(ada) == 10


def test_quality_counts_friends_in_review_against_who_brought_them(launch: Launch, bulk: str) -> None:
    ada = cast.ada(launch)
    friends = brought(ada, bulk, 3)
    in_review(friends[0])
    assert queries.friends_decided(ada).in_review == 1
    assert queries.quality_of(ada)["quality_score"] == 0.6
    released(friends[0])
    assert queries.quality_of(ada)["quality_score"] == 0.8


def test_a_moderators_own_hold_is_no_finding_of_the_rules(launch: Launch, bulk: str) -> None:
    ada = cast.ada(launch)
    friends = brought(ada, bulk, 3)
    deciding.hold([friends[0].pk], "a question", by="staff:1")
    assert queries.quality_of(ada)["quality_score"] == 0.8


# The page and the console


def test_the_persons_page_tells_the_truth_after_it_was_taken_back(ben: Entry, bulk: str) -> None:
    brought(ben, bulk, 3)
    void(ben, 1)
    client = Client()
    client.cookies[PERSON_COOKIE] = person_token(ben)
    page = client.get("/me").content.decode()
    assert "3 friends of yours are in" not in page
    assert "1 more friend who comes in earns you:" in page


@pytest.fixture
def console(client: Client) -> Client:
    """Dev, logged in."""
    client.force_login(cast.dev())
    return client


def test_the_console_shows_both_lines_and_how_quality_is_made(console: Client, ben: Entry, bulk: str) -> None:
    cleo = brought(ben, bulk, 3)[0]
    void(ben, 1)
    entry = console.get(f"/admin/waitlist/entry/{ben.pk}/change/").content.decode()
    assert "0.60 = (2 stayed + 1) / (3 decided + 2)" in entry
    assert "friends were voided, 2 are left" in entry
    reward = console.get(f"/admin/referrals/reward/{Reward.objects.get().pk}/change/").content.decode()
    assert "3 friends are in" in reward
    assert "friends were voided, 2 are left" in reward
    voided = Referral.objects.get(referee=cleo)
    referral = console.get(f"/admin/referrals/referral/{voided.pk}/change/").content.decode()
    assert "+5 points: friend confirmed" in referral
    assert "-5 points: friend voided: a ring of fakes" in referral
    assert console.get("/admin/referrals/ledgerline/").status_code == 200


def test_the_ledger_opens_with_what_stood_before_it(launch: Launch) -> None:
    ada = cast.ada(launch)
    awarding.award(ada.pk, "friend_confirmed", 5, key="77", by="system")
    with connection.cursor() as cursor:
        cursor.execute(import_module("referrals.migrations.0002_ledger").OPENING)
    assert list(LedgerLine.objects.values_list("referrer", "friend", "amount")) == [(ada.pk, 77, 5)]
    assert broken() == []
