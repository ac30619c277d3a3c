"""How many are let in a day, set beside the number itself."""

from outbox.states import StaleState, verb
from waitlist.actions.tuning import tune
from waitlist.models import Launch


@verb
def set_quota(launch_id: int, quota: int, seen: int, *, by: str) -> None:
    """Sets the daily quota of who saw it as `seen`; StaleState when somebody else changed it meanwhile."""
    launch = Launch.objects.select_for_update(no_key=True).get(pk=launch_id)
    if launch.daily_quota != seen:
        raise StaleState(f"the quota is {launch.daily_quota} by now")
    tune(launch, {"daily_quota": quota}, by=by)
