"""Facts: what happened, in the past tense. Announcing one writes its Events, with a Delivery for each endpoint that listens,
and calls its receivers, all in the verb's transaction."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from outbox import sql

catalogue: dict[str, "Fact"] = {}


@dataclass(frozen=True, slots=True)
class Said:
    """One announcement: what it is about ("entry:12") and its ids. `data` is kept; `extra` reaches receivers only."""

    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    extra: Any = None

    @property
    def id(self) -> int:
        """The number in the subject."""
        return int(self.subject.partition(":")[2])


Receiver = Callable[[Sequence[Said], str], None]

INSERT = """
INSERT INTO outbox_event (kind, by, subject, data)
SELECT %(kind)s, %(by)s, said.subject, said.data
FROM unnest(string_to_array(%(subjects)s, E'\\x1f'), string_to_array(%(said)s, E'\\x1f')::jsonb[]) AS said(subject, data)
"""

# Where an endpoint listens, the same statement owes it each event. It reads the endpoints itself, so what is owed is exact
# whatever was kept in memory.
TOLD = f"WITH told AS ({INSERT} RETURNING id, subject)"
OWED_TO_ENDPOINTS = """
INSERT INTO outbox_delivery (handler, name, subject, data)
SELECT 'webhook', %(kind)s, told.subject, jsonb_build_object('endpoint', endpoint.id, 'event', told.id)
FROM told CROSS JOIN outbox_endpoint AS endpoint
WHERE endpoint.status = 'active' AND (endpoint.events = '{}' OR %(kind)s::text = ANY(endpoint.events))
"""
INSERT_HEARD = TOLD + OWED_TO_ENDPOINTS

KEPT_SECONDS = 1.0  # a new endpoint is heard within a second in every process
EVERYTHING = "*"
LISTENED_TO = """
SELECT DISTINCT heard.name
FROM outbox_endpoint AS endpoint
CROSS JOIN unnest(CASE WHEN endpoint.events = '{}' THEN ARRAY['*'] ELSE endpoint.events END) AS heard(name)
WHERE endpoint.status = 'active'
"""
_kept: tuple[float, frozenset[str]] = (0.0, frozenset())


def forget_kept() -> None:
    """Reads anew what is listened to at the next look: after an endpoint changed, and between tests."""
    global _kept
    _kept = (0.0, frozenset())


def _listened_to() -> frozenset[str]:
    """The facts that an active endpoint wants, at most a second old: the hot paths pay for no endpoint where none is."""
    global _kept
    until, names = _kept
    if until < time.monotonic():
        names = frozenset(row.name for row in sql.rows(LISTENED_TO))
        _kept = (time.monotonic() + KEPT_SECONDS, names)
    return names


class Fact:
    """A named fact. `public` ones may be subscribed to from outside; internal ones are for the trail alone."""

    def __init__(self, name: str, when: str, *, public: bool = False) -> None:
        self.name, self.when, self.public = name, when, public
        self.receivers: dict[str, Receiver] = {}
        if name in catalogue:
            raise ValueError(f"the fact {name} is declared twice")
        catalogue[name] = self

    def connect(self, receiver: Receiver) -> Receiver:
        """Decorator: hear this fact. Named by its place, so loading a module twice hears it once."""
        self.receivers[f"{receiver.__module__}.{receiver.__name__}"] = receiver
        return receiver

    def announce(self, said: Sequence[Said], *, by: str) -> None:
        """Writes one Event each and calls the receivers with the whole list. Saying nothing does nothing."""
        if said:
            sql.rows(INSERT_HEARD if self.heard() else INSERT, self.columns(said, by=by))
            self.reach(said, by=by)

    def heard(self) -> bool:
        """Whether an endpoint outside listens to this fact."""
        return self.public and not _listened_to().isdisjoint((EVERYTHING, self.name))

    def columns(self, said: Sequence[Said], *, by: str) -> dict[str, str]:
        """The parameters of INSERT."""
        subjects = sql.joined(one.subject for one in said)
        texts = {id(data): json.dumps(data) for data in {id(one.data): one.data for one in said}.values()}
        data = sql.joined(texts[id(one.data)] for one in said)  # what is said of many alike is written out once
        return {"kind": self.name, "by": by, "subjects": subjects, "said": data}

    def reach(self, said: Sequence[Said], *, by: str) -> None:
        """Calls the receivers."""
        for receiver in self.receivers.values():
            receiver(said, by)
