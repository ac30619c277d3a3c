"""All that is kept about a person, as one file to hand to them. It follows the tables, so what is added later is in it."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.fields.reverse_related import ForeignObjectRel

from config.person.timeline import about
from invites.models import Reservation
from outbox.keys import SHORT, address_keys
from outbox.models import Delivery, Event, Suppression
from waitlist.models import Entry

LOG_IN = ("email", "name", "date_joined", "last_login", "is_active")
MESSAGE = ("name", "status", "created_at", "done_at", "message_id")


def taken(entry: Entry) -> dict[str, Any]:
    """Everything, by what it is. Keyed hashes say nothing to anybody and are left out; so are other people's names."""
    person = about(entry)
    subjects = [f"entry:{entry.pk}", *(f"invite:{pk}" for pk in person.invites)]
    subjects += [f"reservation:{pk}" for pk in person.reservations]
    messages = Delivery.objects.filter(subject__in=subjects, handler__in=["mail", "sms"]).order_by("pk")
    trail = Event.objects.filter(subject=f"entry:{entry.pk}").order_by("id")
    keys = [key[:SHORT] for key in address_keys(entry.contact_kind, entry.canonical)]
    found = {
        "person": row_of(entry),
        "log-in": {name: getattr(entry.user, name) for name in LOG_IN} if entry.user else None,
        "messages": list(messages.values(*MESSAGE)),
        "no more messages since": list(Suppression.objects.filter(address_key__in=keys).values("reason", "at")),
        "trail": [{"what": one.kind, "at": one.at, "said": one.data} for one in trail],
    }
    return found | dict(tables_of(entry))


def tables_of(entry: Entry) -> Iterator[tuple[str, Any]]:
    """The rows of each table that names the person, also where nothing leads back from the person to it."""
    of_table: dict[Any, Q] = {Reservation: Q(contact_kind=entry.contact_kind, canonical=entry.canonical)}
    for relation in Entry._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and relation.related_model is not Entry:
            model: Any = relation.related_model
            of_table[model] = of_table.get(model, Q()) | Q(**{relation.field.name: entry.pk})
    for model, theirs in of_table.items():
        rows = model._default_manager.filter(theirs).order_by("pk")
        yield str(model._meta.verbose_name_plural), [row_of(row) for row in rows]


def row_of(row: models.Model) -> dict[str, Any]:
    """A row, column by column."""
    shown = [one for one in row._meta.concrete_fields if not isinstance(one, models.BinaryField)]
    return {str(one.verbose_name): one.value_from_object(row) for one in shown}


def written(found: dict[str, Any]) -> Iterator[str]:
    """The file, piece by piece."""
    yield from json.JSONEncoder(default=DjangoJSONEncoder().default, indent=2, ensure_ascii=False).iterencode(found)
    yield "\n"
