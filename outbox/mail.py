"""How a mail looks on the wire, and the one connection a batch of mails goes through."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from anymail.exceptions import AnymailError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.utils import translation

from outbox import keys
from outbox.models import Delivery
from outbox.policy import End, verdict
from outbox.registry import Letter, Outcome

LINE = 998  # RFC 5322. A List-Unsubscribe link on a folded line is not found by every mail program.
BROKEN_AFTER = 2  # sends in a row that found nobody: the rest of the batch is not tried


class Mail(EmailMultiAlternatives):
    """A message with a text and an HTML part whose headers are not folded."""

    def message(self, **options: Any) -> Any:
        made: Any = super().message(**options)
        made.policy = made.policy.clone(max_line_length=LINE)
        return made


def message_id(delivery: Delivery) -> str:
    """The Message-ID of a delivery: the same at every try, so a mail that went twice is shown once. It names the delivery to
    who has the key, so that one which somebody forwards to staff is found without an index."""
    return delivery.message_id or f"<{keys.numbered('message-id', delivery.pk)}@{settings.PUBLIC_HOST}>"


def delivery_named(message_id: str) -> Delivery | None:
    """The delivery whose Message-ID this is, or None."""
    found = re.fullmatch(r"<?([0-9a-f]{32})@[^<>@]+>?", message_id.strip())
    number = keys.number_in("message-id", found[1]) if found else None
    return Delivery.objects.filter(pk=number, message_id__contains=found[1]).first() if found and number else None


def headers(delivery: Delivery, unsubscribe_url: str) -> dict[str, str]:
    """Ours: who sent it can be told from the trail, machines do not answer it, and one click ends it (RFC 3834, 8058)."""
    ours = {"Message-ID": message_id(delivery), "Auto-Submitted": "auto-generated"}
    if unsubscribe_url:
        ours["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        ours["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return ours


def unsubscribe_url(delivery: Delivery) -> str:
    """The link that ends mail to this delivery's address; "" when the address is not known by a key."""
    if not delivery.address_key:
        return ""
    return f"{settings.PUBLIC_BASE_URL}/unsubscribe/{keys.unsubscribe_token(bytes(delivery.address_key))}"


def part(delivery: Delivery, file: str, context: Mapping[str, Any]) -> str:
    return render_to_string(f"messages/{delivery.name}/{file}", dict(context))


def mail_of(delivery: Delivery, letter: Letter) -> Mail:
    """The mail of a letter, written from its templates in the person's language."""
    link = unsubscribe_url(delivery)
    context = {**letter.context, "unsubscribe_url": link}
    with translation.override(letter.locale):
        subject = " ".join(part(delivery, "subject.txt", context).split())
        mail = Mail(subject, part(delivery, "email.txt", context).strip() + "\n", to=[letter.address])
        mail.attach_alternative(part(delivery, "email.html", context), "text/html")
    mail.extra_headers = headers(delivery, link)
    return mail


def sealed_mail(delivery: Delivery, written: Mapping[str, str]) -> Mail:
    """The mail that somebody else wrote, from the row's sealed text. It answers an action, so it has nothing to unsubscribe."""
    mail = Mail(
        " ".join(written["subject"].split()), written["text"], to=[written["to"]], headers=headers(delivery, "")
    )
    if written.get("html"):
        mail.attach_alternative(written["html"], "text/html")
    return mail


def text_message(delivery: Delivery, letter: Letter) -> str:
    """The text message of a letter, on one line."""
    with translation.override(letter.locale):
        return " ".join(part(delivery, "sms.txt", letter.context).split())


@dataclass
class Post:
    """One connection for a whole batch: opened with the first mail, opened anew when the server ends it."""

    backend: BaseEmailBackend | None = None
    unreached: int = 0  # sends in a row that found the server gone
    down: str = ""  # why the rest of the batch is not tried

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Says good-bye; a server that is gone already is as good."""
        backend, self.backend = self.backend, None
        if backend is not None:
            try:
                backend.close()
            except OSError as error:
                self.down = self.down or verdict(error)[1]

    def carry(self, delivery: Delivery, mail: Mail) -> Outcome:
        """Sends one mail and says how it went."""
        backend = self.opened()
        if backend is None:
            return Outcome(delivery, End.UNREACHED, self.down, message_id=message_id(delivery))
        try:
            backend.send_messages([mail])
        except (OSError, ValueError, AnymailError) as error:
            return self.unsent(delivery, *verdict(error))
        self.unreached = 0
        return Outcome(delivery, message_id=message_id(delivery))

    def opened(self) -> BaseEmailBackend | None:
        """The open connection; None when the server cannot be reached, which holds for the rest of the batch."""
        if self.backend is None and not self.down:
            backend = get_connection()
            try:
                backend.open()
            except OSError as error:
                self.down = verdict(error)[1]
            else:
                self.backend = backend
        return self.backend

    def unsent(self, delivery: Delivery, end: End, note: str) -> Outcome:
        """Notes a mail that did not go. A server that went away is tried once more, on a new connection."""
        self.unreached = self.unreached + 1 if end == End.UNREACHED else 0
        if self.unreached:
            self.close()
        if self.unreached >= BROKEN_AFTER:
            self.down = note
        return Outcome(delivery, end, note, message_id=message_id(delivery))
