"""The development mailbox: every message that would leave is kept as a file in MAILBOX_DIR, to be read on /mailbox.

Mails are MIME files, text messages JSON files. The name of a file is the moment it came and a random part, so several
processes can write at once and the newest sorts last.
"""

import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage as Parsed
from email.parser import BytesParser
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.html import urlize

ID = re.compile(r"\d{20}-[0-9a-f]{8}")
LINK = re.compile(r"https?://[^\s<>\"']+")
SHOWN = 200


def keep(content: bytes, suffix: str) -> None:
    """Keeps one message for its owner's eyes alone; it appears whole or not at all."""
    folder = Path(settings.MAILBOX_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".")  # readable for the owner alone
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(draft).rename(folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}{suffix}")


class EmailBackend(BaseEmailBackend):
    """Django's mail backend that keeps instead of sending."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            keep(message.message().as_bytes(), ".eml")
        return len(email_messages)


class SmsBackend:
    """The text message backend that keeps instead of sending."""

    def send(self, to: str, text: str) -> None:
        keep(json.dumps({"to": to, "text": text}).encode(), ".json")


@dataclass
class Kept:
    """One kept message, read."""

    id: str
    kind: str  # "email" or "sms"
    to: str
    subject: str
    text: str
    html: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    raw: bytes = b""

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1e9, UTC)

    @property
    def html_url(self) -> str:
        return f"/mailbox/{self.id}/html" if self.html else ""

    @property
    def text_linked(self) -> str:
        """The text with its links to click."""
        return urlize(self.text, autoescape=True)

    @cached_property
    def links(self) -> list[str]:
        """The links in the text part, in their order."""
        return [link.rstrip(".,;:!?)") for link in LINK.findall(self.text)]

    def as_json(self) -> dict[str, Any]:
        """What scripts read."""
        shown = {name: getattr(self, name) for name in ("id", "kind", "to", "subject", "text", "links", "headers")}
        return {**shown, "at": self.at.isoformat()}


def newest(to: str = "", limit: int = SHOWN) -> list[Kept]:
    """The newest messages first; with `to`, those to that address or number."""
    found: list[Kept] = []
    for path in _paths():
        message = _read(path)
        if not to or to.casefold() in message.to.casefold():
            found.append(message)
        if len(found) == limit:
            break
    return found


def message(message_id: str) -> Kept | None:
    """The message of that id, None when there is none."""
    if ID.fullmatch(message_id):
        for path in Path(settings.MAILBOX_DIR).glob(f"{message_id}.*"):
            return _read(path)
    return None


def _paths() -> Iterator[Path]:
    folder = Path(settings.MAILBOX_DIR)
    names = sorted((entry.name for entry in os.scandir(folder)), reverse=True) if folder.is_dir() else []
    return (folder / name for name in names if ID.match(name))


def _read(path: Path) -> Kept:
    raw = path.read_bytes()
    if path.suffix == ".json":
        said = json.loads(raw)
        return Kept(path.stem, "sms", said["to"], "", said["text"], raw=raw)
    mail = BytesParser(_class=Parsed, policy=policy.default).parsebytes(raw)
    headers = [(name, str(value)) for name, value in mail.items()]
    return Kept(
        path.stem,
        "email",
        str(mail["To"]),
        str(mail["Subject"]),
        _part(mail, "plain"),
        _part(mail, "html"),
        headers,
        raw,
    )


def _part(mail: Parsed, subtype: str) -> str:
    part = mail.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""
