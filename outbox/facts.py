"""Facts: what happened, in the past tense. Announcing one writes its Events and calls its receivers, in the verb's transaction."""

import json
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
            sql.rows(INSERT, self.columns(said, by=by))
            self.reach(said, by=by)

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
