"""What owners change about a launch."""

from typing import Any

from outbox.facts import Said
from outbox.states import verb
from waitlist import queries, signals
from waitlist.models import Launch, PointsWeight


@verb
def tune(launch: Launch, changes: dict[str, Any], *, by: str) -> None:
    """Changes settings of the launch; each old and new value stands in the trail."""
    kept = Launch.objects.select_for_update(no_key=True).get(pk=launch.pk)
    before = {name: getattr(kept, name) for name in changes}
    for name, value in changes.items():
        setattr(kept, name, value)
    kept.full_clean()
    kept.save(update_fields=list(changes))
    different = {name: [str(before[name]), str(changes[name])] for name in changes if before[name] != changes[name]}
    queries.forget_kept()
    if different:
        signals.launch_tuned.announce([Said(f"launch:{launch.pk}", {"changes": different})], by=by)


@verb
def weigh(launch: Launch, rule: str, key: str, points: int, *, by: str, arm: str = "a") -> None:
    """Sets the points that a rule gives on this launch; who joined before keeps what they have."""
    PointsWeight.objects.update_or_create(launch=launch, rule=rule, key=key, arm=arm, defaults={"points": points})
    queries.forget_kept()
    said = Said(f"launch:{launch.pk}", {"changes": {weight_named(rule, key, arm): points}})
    signals.launch_tuned.announce([said], by=by)


def weight_named(rule: str, key: str, arm: str) -> str:
    """How the trail names a weight."""
    return " ".join(part for part in ("points", rule, key, "in table B" if arm == "b" else "") if part)


@verb
def unweigh(weight: PointsWeight, *, by: str) -> None:
    """The rule gives its default points again."""
    named = weight_named(weight.rule, weight.key, weight.arm)
    said = Said(f"launch:{weight.launch_id}", {"changes": {named: "default"}})
    weight.delete()
    queries.forget_kept()
    signals.launch_tuned.announce([said], by=by)


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
