"""The handlers "mail" and "sms": deliveries become letters, letters become messages, one at a time and each settled at once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from outbox import keys, registry, sms
from outbox.faults import Fault, apart
from outbox.mail import Mail, Post, mail_of, sealed_mail, text_message
from outbox.models import Delivery
from outbox.policy import End, described, reaches
from outbox.queries import suppressed_for
from outbox.registry import Later, Letter, Outcome, sender

# Letters are written so many at a time, just before they go: what the writer read (a pause, an invite taken back) is at
# most a moment old, and after a pause is answered at most this many still go from each worker.
LOOK = 2
Written = Mapping[int, Letter | Later]


@sender("mail")
@sender("sms")
def send_letters(deliveries: Sequence[Delivery]) -> Iterator[Outcome]:
    """Sends the batch over one connection. Whether it goes by mail or by text message is the letter's own kind."""
    with Post() as post:
        for name, group in groupby(sorted(deliveries, key=name_of), key=name_of):
            for few in looks(list(group)):
                yield from send_sealed(post, few) if name == "account" else send_few(post, name, few)


def name_of(delivery: Delivery) -> str:
    return delivery.name


def looks(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """The deliveries a few at a time, without those whose lease was lost meanwhile."""
    for start in range(0, len(deliveries), LOOK):
        yield [one for one in deliveries[start : start + LOOK] if one.leased_until is not None]


def send_few(post: Post, name: str, few: Sequence[Delivery]) -> Iterator[Outcome]:
    """Has the letters written and sends them."""
    if name not in registry.writers:
        yield from (Outcome(one, End.FAILED, f"nothing here writes {name!r}") for one in few)
        return
    for part, written in apart(registry.writers[name], few):
        if isinstance(written, Exception):
            yield Outcome(part[0], End.FAILED, described(written))
        else:
            yield from send_written(post, part, written)


def send_written(post: Post, few: Sequence[Delivery], written: Written) -> Iterator[Outcome]:
    barred = Barred.among(few, written)
    for delivery in few:
        found = written.get(delivery.pk)
        if isinstance(found, Later):
            yield Outcome(delivery, End.LATER, until=found.until)
        elif found is None:
            yield Outcome(delivery, End.DROPPED, "not sent: there is nothing to say any more")
        elif why := barred.why(delivery):
            yield Outcome(delivery, End.DROPPED, f"not sent: this address {why}")
        else:
            yield sent(post, delivery, found)


def sent(post: Post, delivery: Delivery, letter: Letter) -> Outcome:
    """Writes one message from its templates and sends it; templates that break fail this one alone."""
    with Fault() as fault:
        message = message_of(delivery, letter)
    if fault.error is not None:
        return Outcome(delivery, End.FAILED, described(fault.error))
    return post.carry(delivery, message) if isinstance(message, Mail) else send_text(delivery, letter.address, message)


def message_of(delivery: Delivery, letter: Letter) -> Mail | str:
    return text_message(delivery, letter) if letter.kind == "phone" else mail_of(delivery, letter)


def send_text(delivery: Delivery, to: str, text: str) -> Outcome:
    """Sends one text message."""
    backend = sms.backend()
    if backend is None:
        return Outcome(delivery, End.UNREACHED, "SMS_BACKEND is not set: no text message can be sent")
    try:
        backend.send(to, text)
    except sms.NotSent as error:
        return Outcome(delivery, End.BOUNCED, described(error))
    except OSError as error:
        return Outcome(delivery, End.UNREACHED, described(error))
    return Outcome(delivery)


def send_sealed(post: Post, few: Sequence[Delivery]) -> Iterator[Outcome]:
    """Mails that somebody else wrote: unsealed here, and blanked when they are settled."""
    barred = Barred.among(few, {})
    for delivery in few:
        if not delivery.sealed:
            yield Outcome(delivery, End.REFUSED, "its text was blanked when it was given up; ask for a new one")
        elif why := barred.why(delivery):
            yield Outcome(delivery, End.DROPPED, f"not sent: this address {why}")
        else:
            yield opened(post, delivery)


def opened(post: Post, delivery: Delivery) -> Outcome:
    try:
        written = json.loads(keys.unseal(bytes(delivery.sealed or b"")))
    except ValueError as error:
        return Outcome(delivery, End.FAILED, described(error))
    return post.carry(delivery, sealed_mail(delivery, written))


@dataclass(frozen=True, slots=True)
class Barred:
    """Which of a few deliveries go to an address that gets no mail, and why."""

    keys_of: Mapping[int, list[bytes]] = field(default_factory=dict)
    reasons: Mapping[bytes, str] = field(default_factory=dict)

    @classmethod
    def among(cls, few: Sequence[Delivery], written: Written) -> "Barred":
        keys_of = {one.pk: keys_for(one, written.get(one.pk)) for one in few}
        return cls(keys_of, suppressed_for(key for found in keys_of.values() for key in found))

    def why(self, delivery: Delivery) -> str | None:
        """The reason that stops this message, None when it may go."""
        found = (self.reasons.get(key[: keys.SHORT]) for key in self.keys_of[delivery.pk])
        return next((why for why in found if not reaches(delivery.name, why)), None)


def keys_for(delivery: Delivery, letter: Letter | Later | None) -> list[bytes]:
    """The address's keys: the one it was owed under, and that of every version still kept where the letter names it."""
    own = [bytes(delivery.address_key)] if delivery.address_key else []
    return own + (
        keys.address_keys(letter.kind, letter.canonical) if isinstance(letter, Letter) and letter.canonical else []
    )
