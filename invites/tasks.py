"""What Celery runs for invites: a poke and nothing else; the rows decide."""

from celery import shared_task
from django.utils import timezone

from invites import policy, queries
from invites.actions import changing, containing, counting, inviting, redeeming, releasing, reserving
from outbox.errors import Refused
from waitlist.actions import keeping
from waitlist.models import Launch


@shared_task(name="invites.daily")
def release_daily() -> None:
    """Releases the daily batch of every launch whose hour has come; poked every few minutes, once a local date."""
    releasing.finish_batches(by="system")
    for launch_id in Launch.objects.filter(enabled=True, mode__in=["waitlist", "both"]).values_list("pk", flat=True):
        launch = Launch.objects.get(pk=launch_id)
        if policy.is_release_time(launch, timezone.now()) and not queries.released_today(launch, timezone.now()):
            release_as_paced(launch)


def release_as_paced(launch: Launch) -> None:
    """Releases the daily batch; where a gate is on the pace may say wait, which stands in a row of its own."""
    try:
        releasing.release(launch, by="beat")
    except Refused as refused:
        if refused.reason != "pace_waits":
            raise


@shared_task(name="invites.lapse")
def lapse() -> None:
    """Unused invites, kept uses and codes whose time ran out: told once each. What was contained a day ago is revoked for good."""
    while inviting.lapse():
        pass
    while changing.tell_expired():
        pass
    reserving.sweep_reservations(by="system")
    reserving.forget_contacts()
    containing.settle(timezone.now())


@shared_task(name="invites.count_campaigns")
def count_campaigns() -> None:
    """What became of each campaign and channel is counted anew."""
    counting.count_campaigns()


@shared_task(name="waitlist.purge_traces")
def purge_traces() -> None:
    """Networks and browsers, of what was done and of what was refused, are deleted after the launch's days."""
    keeping.purge_traces(timezone.now())
    redeeming.purge_attempts(timezone.now())
