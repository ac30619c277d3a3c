"""The verbs of invites: issue them, invite by name, decline, take back, let lapse."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from invites import codes, hot, messages, queries, signals
from invites.models import Code, Invite
from outbox import sql
from outbox.actions import owe
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_key, newest
from outbox.states import StaleState, move, move_one, sources, verb
from quality import gates
from quality.queries import gating
from waitlist.actions import deciding, granting
from waitlist.models import Entry, Launch

CHUNK = 2_000  # people a transaction: long enough to be cheap, short enough to be paused


@verb
def issue(
    launch: Launch,
    granted: Sequence[Any],
    *,
    batch_id: int | None,
    by: str,
    reason: str = "",
    paths: Mapping[int, str] | None = None,
) -> None:
    """One code and one invite for each granted row of granting.invite_next, and the mails that carry them.

    `paths` says by which share of the batch each entry came, for the trail.
    """
    ids = sql.one(hot.NEXT_IDS, {"count": len(granted)}).ids
    prefix, version = codes.prefix_of(launch.code_format, "", timezone.now().date()), newest()
    made = [codes.derive(pk, 0, launch.code_format, prefix, version) for pk in ids]
    keys = [address_key(row.contact_kind, row.canonical) for row in granted]
    params = {
        "launch": launch.pk,
        "batch": batch_id,
        "entries": sql.joined(row.id for row in granted),
        "ids": sql.joined(ids),
        "digests": sql.joined(code.digest for code in made),
        "last4": sql.joined(code.last4 for code in made),
        "bound": sql.joined(keys),
        "format": launch.code_format,
        "prefix": prefix,
        "key_version": version,
        "days": launch.invite_days,
        "by": by,
    }
    issued = sql.rows(hot.ISSUE, params)
    granting.announce_invited(launch, [row.id for row in granted], batch_id=batch_id, by=by)
    why = {"batch": batch_id} | ({"reason": reason} if reason else {})
    of_path = {path: why | {"path": path} for path in set((paths or {}).values())}
    because = {row.entry_id: of_path[paths[row.entry_id]] if paths else why for row in issued}
    said = [
        Said(f"entry:{row.entry_id}", {"invite": row.id, "code": row.code_id, **because[row.entry_id]})
        for row in issued
    ]
    signals.invite_issued.announce(said, by=by)
    owe(messages.invited(granted, {row.entry_id: row.id for row in issued}, keys))


@verb
def invite(launch: Launch, ids: Sequence[int], *, by: str, reason: str = "") -> int:
    """Invites these people now, whoever stands before them, within the gates and the day's quota; how many could be."""
    invited, refused = _invite_within_quota(launch, ids, by=by, reason=reason)
    if refused and not invited:
        raise refused
    return invited


@verb
def invite_approved(ids: Sequence[int], *, by: str) -> int:
    """Invites approved people at once where their launch wants it, as far as its gates and the day's quota go; how many."""
    eager = Launch.objects.filter(entry__in=ids, invite_on_approval=True).distinct().order_by("pk")
    return sum(_invite_within_quota(launch, ids, by=by, reason="approved")[0] for launch in eager)


def _invite_within_quota(launch: Launch, ids: Sequence[int], *, by: str, reason: str) -> tuple[int, Refused | None]:
    """(how many were invited, what kept the rest of those who could have been out)."""
    able = Entry.objects.filter(pk__in=ids, launch=launch, held_at=None, status__in=sources(Entry, "invited"))
    wanted = list(able.order_by("-priority", "place").values_list("pk", flat=True))
    if not wanted:
        return 0, None
    standing = gating.standing(launch.pk, timezone.now())
    if not standing.invites_open:
        return 0, Refused("gate_closed", gates.sentence(standing.closed))
    day, taken = granting.take(launch, len(wanted))
    granted = granting.invite_named(launch, wanted[:taken], by=by) if taken else []
    if len(granted) < taken:
        granting.give_back(launch, day, taken - len(granted))
    if granted:
        issue(launch, granted, batch_id=None, by=by, reason=reason)
    return len(granted), Refused("quota_reached") if taken < len(wanted) else None


@verb
def decline(entry: Entry, *, by: str) -> None:
    """The person says no to their invite and goes."""
    Entry.objects.select_for_update(no_key=True).get(pk=entry.pk)
    offer = queries.open_invite_of(entry)
    if offer is None:
        raise StaleState("There is no open invite to decline.")
    move_one(Invite.objects.filter(pk=offer.pk), to="declined")
    move(Code.objects.filter(pk=offer.code_id), to="revoked")
    signals.invite_declined.announce([Said(f"entry:{entry.pk}", {"invite": offer.pk})], by=by)
    deciding.leave(entry, by=by, reason="declined")


@verb
def revoke_invites_of(entry_ids: Sequence[int], *, by: str) -> None:
    """Whoever left or was turned away keeps no open invite."""
    invites = Invite.objects.filter(entry_id__in=entry_ids, status__in=["issued", "sent", "bounced"])
    code_ids = sorted(invites.values_list("code_id", flat=True))
    move(invites, to="revoked")
    move(Code.objects.filter(pk__in=code_ids), to="revoked")
    signals.code_revoked.announce([Said(f"code:{pk}", {"reason": "entry removed"}) for pk in code_ids], by=by)


@verb
def note_sent(invite_ids: Sequence[int]) -> None:
    """The mails of these invites were handed over."""
    move(Invite.objects.filter(pk__in=invite_ids), to="sent")


@verb
def note_bounced(invite_ids: Sequence[int]) -> None:
    """The addresses of these invites are no more; the person may still come by their page."""
    move(Invite.objects.filter(pk__in=invite_ids), to="bounced")


@verb
def lapse(*, by: str = "system", limit: int = CHUNK) -> int:
    """Unused invites whose time ran out: their people wait again; each is told in the trail and by mail, once. How many."""
    late = Invite.objects.filter(
        lapse_told=False, status__in=["issued", "sent", "bounced"], code__expires_at__lte=Now()
    )
    rows = list(late.order_by("entry_id").values_list("pk", "entry_id")[:limit])
    entry_ids = [entry_id for _pk, entry_id in rows]
    people = Entry.objects.select_for_update(no_key=True).filter(pk__in=entry_ids).order_by("pk")
    status_of = dict(people.values_list("pk", "status"))
    fresh = [row for row in rows if Invite.objects.filter(pk=row[0], lapse_told=False).update(lapse_told=True)]
    missed = [row for row in fresh if status_of[row[1]] == Entry.Status.INVITED]  # the others came in some other way
    if missed:
        granting.send_back([entry_id for _pk, entry_id in missed], by=by)
        signals.invite_lapsed.announce([Said(f"entry:{entry}", {"invite": pk}) for pk, entry in missed], by=by)
        owe(messages.lapsed([entry for _pk, entry in missed]))
    return len(fresh)
