"""What owners change about a launch: one setting or many, with who, when and why; and each change put back."""

from collections.abc import Mapping
from typing import Any

from outbox.facts import Said
from outbox.models import Event
from outbox.states import StaleState, verb
from waitlist import queries, signals
from waitlist.models import Launch, PointsWeight, Turn

Weights = Mapping[tuple[str, str, str], int | None]  # (rule, key, arm) -> points; None: the default again


def lock(launch_id: int) -> Launch:
    """The launch as it stands, nobody else changing it or granting its places until this transaction ends."""
    return Launch.objects.select_for_update(no_key=True).get(pk=launch_id)


@verb
def tune(
    launch: Launch,
    changes: Mapping[str, Any],
    *,
    by: str,
    reason: str = "",
    weights: Weights | None = None,
    seen: int | None = None,
) -> None:
    """Changes settings of the launch and points of its rules; each old and new value stands in the trail.

    `seen` is the newest change that the caller knows of: StaleState when somebody else was faster. Weights act on who joins
    from now on; who joined before keeps what they have until they are scored anew.
    """
    kept = lock(launch.pk)
    if seen is not None and queries.newest_change(launch) > seen:
        raise StaleState("Somebody else changed this launch meanwhile.")
    different = set_to(kept, changes)
    weighed = [_weigh(kept, named, points) for named, points in (weights or {}).items()]
    weighed = [one for one in weighed if one[3] != one[4]]
    _leave_to_owner(kept, set(different))
    queries.forget_kept()
    told = {name: [said(old), said(new)] for name, (old, new) in different.items()}
    told |= {weight_named(*one[:3]): ["default" if points is None else points for points in one[3:]] for one in weighed}
    if told:
        found = {"changes": told} | ({"weights": weighed} if weighed else {}) | ({"reason": reason} if reason else {})
        signals.launch_tuned.announce([Said(f"launch:{launch.pk}", found)], by=by)


@verb
def set_to(kept: Launch, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Writes these settings of a locked launch; old and new of those that differ. Raises ValidationError with its sentences."""
    before = {name: getattr(kept, name) for name in values}
    for name, value in values.items():
        setattr(kept, name, value)
    kept.full_clean()
    different = {name: (old, getattr(kept, name)) for name, old in before.items() if getattr(kept, name) != old}
    kept.save(update_fields=list(different))
    return different


def said(value: Any) -> Any:
    """A value as the trail keeps it: a list as it is, everything else in its own letters."""
    return list(value) if isinstance(value, list | tuple) else str(value)


def _leave_to_owner(launch: Launch, names: set[str]) -> None:
    """What an owner sets by hand is theirs: a turn that ends later leaves it as it is."""
    for turn in Turn.objects.filter(launch=launch, ended_at=None).order_by("pk"):
        if names & set(turn.after):
            turn.left = sorted({*turn.left, *(names & set(turn.after))})
            turn.save(update_fields=["left"])


def _weigh(launch: Launch, named: tuple[str, str, str], points: int | None) -> list[Any]:
    """[rule, key, arm, points before, points now], None for the default."""
    rule, key, arm = named
    row = PointsWeight.objects.filter(launch=launch, rule=rule, key=key, arm=arm).first()
    if points is None and row:
        row.delete()
    elif points is not None:
        weight = row or PointsWeight(launch=launch, rule=rule, key=key, arm=arm)
        old, weight.points = weight.points if row else None, points
        weight.full_clean()
        weight.save()
        return [rule, key, arm, old, points]
    return [rule, key, arm, row.points if row else None, None]


@verb
def weigh(launch: Launch, rule: str, key: str, points: int | None, *, by: str, arm: str = "a") -> None:
    """Sets the points that a rule gives on this launch; None gives the default again."""
    tune(launch, {}, weights={(rule, key, arm): points}, by=by)


def weight_named(rule: str, key: str, arm: str) -> str:
    """How the trail names a weight."""
    return " ".join(part for part in ("points", rule, key, "in table B" if arm == "b" else "") if part)


@verb
def put_back(launch: Launch, change_id: int, reason: str, *, by: str, seen: int | None = None) -> None:
    """Sets what a change of the trail changed to what it was before: a change like any other. StaleState where it cannot be."""
    event = Event.objects.filter(pk=change_id, subject=f"launch:{launch.pk}", kind=signals.launch_tuned.name).first()
    if event is None:
        raise StaleState("This is no change of this launch.")
    known = {field.name: field for field in Launch._meta.fields}
    old = {name: pair[0] for name, pair in event.data["changes"].items() if name in known and isinstance(pair, list)}
    changes = {name: known[name].to_python(value) for name, value in old.items()}
    weights = {(rule, key, arm): was for rule, key, arm, was, _now in event.data.get("weights", [])}
    if not changes and not weights:
        raise StaleState("This change was written before changes could be put back.")
    tune(launch, changes, weights=weights, reason=reason, by=by, seen=seen)


@verb
def open_first_launch(name: str = "Vestibule", *, by: str = "system") -> Launch:
    """Makes the launch that is the default everywhere, where there is none yet: enabled, mode both, confirmation on."""
    found = Launch.objects.order_by("pk").first()
    return found or make_launch("default", name, by=by)


@verb
def make_launch(slug: str, name: str, *, by: str, **settings: Any) -> Launch:
    """Makes a launch."""
    launch = Launch.objects.create(slug=slug, name=name, **settings)
    queries.forget_kept()
    signals.launch_made.announce([Said(f"launch:{launch.pk}")], by=by)
    return launch
