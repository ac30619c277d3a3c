"""The mail that an alert owes to staff: one for each person and alert when it is raised, none when it is over."""

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from accounts.queries import staff_with
from outbox.actions import DAILY_CAP, Owed
from outbox.keys import address_key
from outbox.models import Delivery
from outbox.registry import Letter, writer
from quality.models import Alert
from quality.watches import title_of

TOLD = ("moderator", "owner")
STRANGERS_CAP = 8  # so many mails a day leave some for what no stranger brings about, such as a closed gate


def to_staff(alert_ids: Sequence[int], *, cap: int = DAILY_CAP) -> list[Owed]:
    """A mail to every moderator and owner. A storm of alerts is no mail-bomb: the cap of a day holds, also within one look."""
    staff = list(staff_with(*TOLD)) if alert_ids else []
    return [
        Owed(
            "mail",
            "alert",
            f"alert:{alert_id}",
            {"user": user.pk},
            address_key=address_key("email", user.email.casefold()),
            cap=cap,
            dedupe=f"alert:{alert_id}:{user.pk}",
        )
        for alert_id in alert_ids[:cap]
        for user in staff
    ]


@writer("alert")
def write_alert(deliveries: Sequence[Delivery]) -> Mapping[int, Letter]:
    """What is seen and since when, to who is still staff."""
    ids = {one.pk: int(one.subject.partition(":")[2]) for one in deliveries}
    alerts = Alert.objects.select_related("launch").in_bulk(set(ids.values()))
    staff = staff_with(*TOLD).in_bulk({int(one.data["user"]) for one in deliveries})
    return {
        one.pk: letter_to(staff[one.data["user"]], alerts[ids[one.pk]])
        for one in deliveries
        if one.data["user"] in staff and ids[one.pk] in alerts
    }


def letter_to(user: User, alert: Alert) -> Letter:
    """In the language of the install: staff have no language of their own here."""
    context = {
        "launch": alert.launch or {"name": "Vestibule"},
        "alert": alert,
        "title": title_of(alert.code),
        "link": settings.PUBLIC_BASE_URL + reverse("admin:quality_alert_change", args=[alert.pk]),
    }
    return Letter("email", user.email, settings.LANGUAGE_CODE, context, canonical=user.email.casefold())
