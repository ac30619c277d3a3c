"""Reads one event as the host product tells it. Pure: what does not fit is named by a code, and stops nobody else's event."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from quality.models import Activity
from waitlist.channels import read as read_contact

KINDS = frozenset(str(kind) for kind in Activity.Kind)
LONGEST_ID = 200
LONGEST_FEATURE = 100
CLOCK_SKEW = timedelta(minutes=5)  # how far a host's clock may run ahead of ours
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # what is older is a slip, such as seconds read as milliseconds
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)

# Why an event is turned away, each on its own.
REJECTIONS: dict[str, str] = {
    "not_an_object": "The event is no JSON object.",
    "bad_id": "It has no id of 1 to 200 characters.",
    "unknown_kind": "Its kind is none of ours.",
    "bad_time": "`at` is no RFC 3339 time with an offset, or lies before the year 2000.",
    "in_the_future": "`at` lies more than five minutes ahead of our clock.",
    "bad_feature": "`feature` is no text of at most 100 characters.",
    "no_person": "It names nobody: give `user_id` or `email`.",
    "unknown_person": "Nobody on this launch's list is known by that.",
    "not_a_member": "The person is on the list and has never registered.",
}


class Unfit(Exception):
    """The event cannot be kept; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Report:
    """One event, read. The person is named by the canonical address or by an id; the id counts where both are given."""

    event_id: str
    kind: str
    at: datetime
    canonical: str = ""
    user_id: str = ""
    feature: str = ""


def id_of(told: Any) -> str | None:
    """The id as it was told, so that a rejection can name it; None where there is none."""
    found = told.get("id") if isinstance(told, Mapping) else None
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST_ID else None


def read(told: Any, now: datetime) -> Report:
    """The report in an event; raises Unfit."""
    if not isinstance(told, Mapping):
        raise Unfit("not_an_object")
    event_id, kind = id_of(told), told.get("kind")
    if event_id is None:
        raise Unfit("bad_id")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Unfit("unknown_kind")
    at, feature = moment_of(told.get("at"), now), feature_of(told.get("feature"))
    user_id = told.get("user_id")
    if isinstance(user_id, str) and user_id:
        return Report(event_id, kind, at, user_id=user_id, feature=feature)
    return Report(event_id, kind, at, canonical=canonical_of(told.get("email")), feature=feature)


def moment_of(text: Any, now: datetime) -> datetime:
    """When it happened: long ago is welcome, the future is not."""
    if not (isinstance(text, str) and RFC_3339.fullmatch(text.upper())):
        raise Unfit("bad_time")
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise Unfit("bad_time") from error
    if at < EARLIEST:
        raise Unfit("bad_time")
    if at > now + CLOCK_SKEW:
        raise Unfit("in_the_future")
    return at


def feature_of(text: Any) -> str:
    """Which feature it was about; "" where none is named."""
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > LONGEST_FEATURE:
        raise Unfit("bad_feature")
    return text.strip()


def canonical_of(text: Any) -> str:
    """The address in its canonical form; what is no address belongs to nobody."""
    if not isinstance(text, str) or not text:
        raise Unfit("no_person")
    try:
        return read_contact("email", text).canonical
    except ValueError as error:
        raise Unfit("unknown_person") from error
