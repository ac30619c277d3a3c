"""The watches over codes and batches: what of redemptions, wrong codes and the day's quota a person should see."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invites import cooling
from invites.models import Batch
from invites.queries import wrong_codes_everywhere
from outbox import sql
from quality import spikes
from quality.watches import HOUR, LATELY, Seen, hours_of, spikes_in, watch
from waitlist.models import Launch
from waitlist.queries import granted_on, local_date

REDEMPTIONS, WRONG = 20, 50  # in an hour; fewer are no spike, whatever was usual
SCHEDULED = ("beat", "cron")  # who releases the day's own batch

# Codes of our own invites are left out: they follow our batches.
REDEMPTIONS_BY_CAMPAIGN = f"""
SELECT coalesce(nullif(code.campaign, ''), code.kind) AS what, {HOUR.format(at="redemption.at")} AS hour, count(*) AS n
FROM invites_redemption AS redemption JOIN invites_code AS code ON code.id = redemption.code_id
WHERE code.launch_id = %(launch)s AND code.kind <> 'waitlist' AND {LATELY.format(at="redemption.at")}
GROUP BY 1, 2
"""  # noqa: S608


@watch(gettext_lazy("Many codes of one campaign redeemed"), rows=("invites_redemption", ""), strangers=True)
def redemptions_from_campaign(launch: Launch, now: datetime) -> Seen:
    """A campaign that works, or a code that leaked: pause it, and see who came."""
    rows = sql.rows(REDEMPTIONS_BY_CAMPAIGN, {"launch": launch.pk, "now": now})
    return spikes_in(rows, hours_of(launch.created_at, now), REDEMPTIONS)


WRONG_CODES = f"""
SELECT '' AS what, {HOUR.format(at="at")} AS hour, count(*) AS n
FROM invites_attempt WHERE launch_id = %(launch)s AND reason = 'code_unknown' AND {LATELY.format(at="at")}
GROUP BY 2
"""  # noqa: S608


@watch(gettext_lazy("Many wrong codes"), rows=("invites_attempt", ""), strangers=True)
def wrong_codes(launch: Launch, now: datetime) -> Seen:
    """Somebody guesses. Codes are long enough for that; what can be done is to look where they come from."""
    rows = sql.rows(WRONG_CODES, {"launch": launch.pk, "now": now})
    return spikes_in(rows, hours_of(launch.created_at, now), WRONG)


@watch(gettext_lazy("Codes are guessed from everywhere"), everywhere=True, rows=("invites_attempt", ""))
def codes_guessed(_everywhere: None, now: datetime) -> Seen:
    """So many codes are refused at once that strangers have to work for each try. Nobody is stopped; look where they come from."""
    refused = wrong_codes_everywhere(now - cooling.BURST_WITHIN)
    text = _("%(n)d codes were refused in ten minutes: strangers are asked for a proof of work.")
    return {"": text % {"n": refused}} if refused >= cooling.BURST else {}


@watch(gettext_lazy("The day's quota is used up early"), rows=("invites_batch", ""))
def quota_early(launch: Launch, now: datetime) -> Seen:
    """Somebody let people in by hand or by the API before the day's own batch: those who wait in line get nothing today."""
    today = local_date(launch, now)
    begins, ends = (
        datetime.combine(day, datetime.min.time(), ZoneInfo(launch.time_zone)) for day in (today, today + timedelta(1))
    )
    batches = Batch.objects.filter(launch=launch, by__in=SCHEDULED, created_at__gte=begins, created_at__lt=ends)
    planned = batches.aggregate(released=Sum("released"))["released"] or 0
    granted = granted_on(launch, today)
    day_gone = (now.timestamp() - begins.timestamp()) / (ends.timestamp() - begins.timestamp())
    if not spikes.is_early(granted, planned, launch.daily_quota, day_gone):
        return {}
    said = {"granted": granted, "quota": launch.daily_quota, "others": granted - planned}
    return {"": _("%(granted)d of %(quota)d places are taken, %(others)d of them not by the day's own batch.") % said}
