"""Plays a launch with a drawn crowd, through the real verbs on the real database, and counts who was let in, held and denied.

All of it happens in one transaction that is rolled back: no mail leaves, and nothing is left behind.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from config.crowd import CHEATS, KINDS, Crowd, Person
from invites.actions import making, redeeming, releasing
from invites.models import Code, Invite
from invites.queries import text_of
from outbox.errors import Refused
from outbox.models import Delivery
from quality.actions import assessing
from quality.models import Assessment
from waitlist import queries
from waitlist.actions import confirming, joining, tuning
from waitlist.channels import read
from waitlist.models import Entry, Launch

LOOK_EVERY = 50  # joins; the worker that looks again at neighbours needs about a second
GUESTS = 40  # uses of the code that is leaked


@dataclass
class Count:
    """How one kind of people fared."""

    people: int = 0
    held: int = 0
    denied: int = 0
    let_in: int = 0

    @property
    def caught(self) -> int:
        """Held or denied."""
        return self.held + self.denied


@dataclass
class Play:
    """One simulated launch."""

    crowd: list[Person]
    opened: datetime
    launch: Launch
    entries: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    looked: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Everybody joins and confirms in their order; then the doors open, and a code leaks."""
        waiting = [person for person in self.crowd if person.kind != "leak"]
        for number, person in enumerate(waiting):
            self.join(person)
            if number % LOOK_EVERY == 0:
                self.look_again()
        self.look_again()
        releasing.release(self.launch, by="simulation")
        for person in waiting:
            self.redeem_invite(person)
        self.leak()
        self.look_again()

    def join(self, person: Person) -> None:
        """They type their address, and most of them open the mail."""
        rules = queries.rules_of(self.launch.slug)
        assert rules
        friend = self.entries.get(person.friend.email) if person.friend else None
        code = Entry.objects.values_list("referral_code", flat=True).get(pk=friend) if friend else ""
        said = joining.Application(read("email", person.email), person.name, person.use_case, referral_code=code)
        at = self.opened + person.at
        joined = joining.join(rules, said, by="simulation", origin=replace(person.origin, at=at))
        self.entries[person.email] = joined.entry_id
        if person.confirms:
            origin = replace(person.confirms_from or person.origin, at=at + timedelta(minutes=4))
            confirming.confirm(joined.entry_id, by="simulation", origin=origin)

    def look_again(self) -> None:
        """What a worker does about a second after somebody was caught; and what the database does about its own statistics."""
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE waitlist_trace, waitlist_entry, outbox_delivery, outbox_event, quality_assessment")
        owed = Delivery.objects.filter(handler="look_again", status="owed").exclude(pk__in=self.looked).order_by("pk")
        while rows := list(owed.values_list("pk", "subject")):
            for pk, subject in rows:
                self.looked.add(pk)
                assessing.look_again(int(subject.partition(":")[2]))
            owed = Delivery.objects.filter(handler="look_again", status="owed").exclude(pk__in=self.looked)

    def redeem_invite(self, person: Person) -> None:
        """Who was invited comes in."""
        offer = Invite.objects.filter(entry=self.entries[person.email]).select_related("code").first()
        if offer is not None:
            self.redeem(person, text_of(offer.code))

    def leak(self) -> None:
        """A code for guests, with uses for forty, is posted where everybody reads it."""
        expires_at = timezone.now() + timedelta(days=30)
        spec = making.Spec(count=1, expires_at=expires_at, kind="vip", max_uses=GUESTS, campaign="GUESTS")
        made = Code.objects.get(pk=making.make(self.launch, spec, run_id=None, by="simulation")[0])
        for person in self.crowd:
            if person.kind == "leak":
                self.redeem(person, text_of(made))

    def redeem(self, person: Person, code: str) -> None:
        """They type the code."""
        origin = replace(person.origin, at=self.opened + person.at + timedelta(hours=1))
        ask = redeeming.Ask(read("email", person.email), code=code, name=person.name, origin=origin)
        try:
            redeemed = redeeming.redeem(self.launch, ask, by="simulation")
        except Refused:
            self.refused.add(person.email)
            return
        self.entries.setdefault(person.email, redeemed.entry_id)
        if redeemed.caught == "deny":
            self.refused.add(person.email)

    def counts(self) -> dict[str, Count]:
        """How each kind fared, by the rows."""
        rows = Entry.objects.filter(launch=self.launch).values_list("pk", "status", "held_at")
        stands = {pk: (status, held_at) for pk, status, held_at in rows}
        denied = set(Assessment.objects.filter(launch=self.launch, verdict="deny").values_list("entry_id", flat=True))
        found = {kind: Count() for kind in KINDS}
        for person in self.crowd:
            count, entry_id = found[person.kind], self.entries.get(person.email, 0)
            status, held_at = stands.get(entry_id, ("", None))
            count.people += 1
            count.let_in += status == "registered" and held_at is None
            is_denied = entry_id in denied or (person.email in self.refused and held_at is None)
            count.denied += is_denied
            count.held += held_at is not None and not is_denied
        return found


def simulate(people: int, seed: int) -> dict[str, Count]:
    """Plays a launch with so many people and gives the counts of each kind; the database is as before."""
    now = timezone.now()
    with transaction.atomic():
        launch = tuning.make_launch(
            f"simulation-{seed}", "Simulation", by="simulation", daily_quota=min(1_000_000, people)
        )
        play = Play(Crowd(people, seed).everybody(), now - timedelta(days=5), launch)
        play.run()
        found = play.counts()
        transaction.set_rollback(True)
    queries.forget_kept()
    return found


def recall(count: Count) -> float:
    """The share of these people that was held or denied."""
    return count.caught / count.people if count.people else 0.0


def precision(found: dict[str, Count]) -> float:
    """The share of cheats among all who were held or denied."""
    caught = sum(count.caught for count in found.values())
    return sum(found[kind].caught for kind in CHEATS) / caught if caught else 1.0


def wrongly_held(found: dict[str, Count]) -> float:
    """The share of honest people, of offices and families too, who were held or denied."""
    honest = [count for kind, count in found.items() if kind not in CHEATS]
    return sum(count.caught for count in honest) / max(1, sum(count.people for count in honest))
