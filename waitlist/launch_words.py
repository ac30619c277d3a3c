"""Changes of a launch in plain words: what was turned, from what to what, by whom."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from accounts.actors import named
from outbox.models import Event
from waitlist import signals
from waitlist.launch_form import LABELS
from waitlist.models import Turn


def setting(name: str) -> str:
    """A setting as the form calls it."""
    return str(LABELS.get(name, name))


def value(said: Any) -> str:
    """A value of the trail as people read it."""
    if isinstance(said, list):
        return ", ".join(str(one) for one in said) or "–"
    return {"True": _("on"), "False": _("off"), "": "–", "default": _("the default")}.get(str(said), str(said))


def lines_of(event: Event) -> list[str]:
    """One line for each setting that it changed."""
    pairs = {name: said if isinstance(said, list) else ["–", said] for name, said in event.data["changes"].items()}
    lines = [f"{setting(name)}: {value(old)} → {value(new)}" for name, (old, new) in pairs.items()]
    left = [setting(name) for name in event.data.get("left", ())]
    return [*lines, _("left as an owner set it: %(names)s") % {"names": ", ".join(left)}] if left else lines


def title_of(event: Event) -> str:
    """What kind of change it was, "" for settings by hand."""
    kind = event.data.get("kind")
    if kind is None:
        return ""
    title = str(Turn.Kind(kind).label)
    return _("taken back: %(what)s") % {"what": title} if event.kind == signals.launch_turned_back.name else title


def can_be_put_back(event: Event) -> bool:
    """Whether there is a button for it: what was turned at once has its own."""
    return event.kind == signals.launch_tuned.name and all(
        isinstance(one, list) for one in event.data["changes"].values()
    )


def shown(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Changes as the page lists them."""
    changes = list(events)
    names = named(event.by for event in changes)
    return [
        {
            "pk": event.pk,
            "at": event.at,
            "who": names[event.by],
            "title": title_of(event),
            "lines": lines_of(event),
            "why": event.data.get("reason", ""),
            "can_be_put_back": can_be_put_back(event),
        }
        for event in changes
    ]
