"""Contains a leak: switches its codes off at once, puts the suspicious branch out, gives new codes to who is unaffected; and
takes that back within a day.

A revoked code never comes back, so for the first day codes are paused, which lets nobody in either; `settle` revokes them for
good. The rest is a job over the containment's own rows, so that a worker that dies loses nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from invites import leaks, messages, signals
from invites.actions import changing, making, reserving
from invites.leaks import Blast, Target
from invites.models import Code, CodeRun, Containment, ContainmentPart, Invite, Reservation
from invites.suspicion import Judged
from outbox import actions as outbox
from outbox.errors import Refused
from outbox.facts import Said
from outbox.models import Event, Job
from outbox.states import StaleState, move, verb
from waitlist.actions import deciding
from waitlist.models import Entry

CONTAIN, UNDO = "invites.contain_code", "invites.undo_containment"
UNDONE_WITHIN = timedelta(hours=24)
FEW = 500  # rows; they are done before the answer, more are left to a worker
OUT = frozenset({"rejected", "blocked", "suspended", "left", "erased"})
Kind, Done = ContainmentPart.Kind, ContainmentPart.Done


@dataclass(frozen=True, slots=True)
class Decision:
    """What the moderator decided at the dry run; `seen` are the people whose boxes they saw, `ticked` those to put out."""

    target: Target
    leaked_at: datetime | None = None
    net: str = Containment.Net.MARKED
    members: str = Containment.Members.HOLD
    reissue: bool = True
    seen: frozenset[int] = field(default_factory=frozenset)
    ticked: frozenset[int] = field(default_factory=frozenset)

    def judged(self, blast: Blast) -> Judged:
        """Who is put out: as the rules say, but of the people that were seen exactly those that were ticked."""
        word = {"spared": self.seen - self.ticked, "added": self.ticked}
        return blast.judged(self.leaked_at, self.net, **word)


# Contain


def contain(decision: Decision, reason: str, *, by: str) -> tuple[Containment, bool]:
    """Contains a leak: (the containment, whether this call made it). When this returns its codes let nobody in any more.

    The same leak contained twice is the first containment. Not one transaction: the codes are dead before the rest begins.
    """
    row, fresh = _begin(decision, reason, by=by)
    if fresh:
        _hurry(row.job)
    row.refresh_from_db()
    return row, fresh


def _hurry(job: Job | None) -> None:
    """Does a few rows at once; the job's own delivery then finds nothing left."""
    while job and job.total <= FEW and outbox.step_job(job.pk):
        pass


@verb
def _begin(decision: Decision, reason: str, *, by: str) -> tuple[Containment, bool]:
    target = decision.target
    if standing := leaks.open_for(target):
        return standing, False
    row, fresh = Containment.objects.get_or_create(
        launch_id=target.launch_id,
        what=target.what,
        undone_at=None,
        settled_at=None,
        defaults={
            "title": leaks.title_of(target),
            "by": by,
            "reason": reason,
            "asked_at": target.asked_at,
            "leaked_at": decision.leaked_at,
            "net": decision.net,
            "members": decision.members,
            "reissue": decision.reissue,
        },
    )
    if fresh:
        _switch_off(row, decision)
    return row, fresh


def _switch_off(row: Containment, decision: Decision) -> None:
    """The leaked codes first, then those of the suspicious branch until none is left that lets somebody in; what follows is
    planned from what the database says after that, so nobody who slipped in meanwhile is missed."""
    chosen = decision.target.chosen
    leaked = _pause(row, chosen, Kind.LEAKED)
    blast = leaks.blast_of(decision.target)
    judged = decision.judged(blast)
    branch: list[int] = []
    while found := _pause(row, leaks.unused_of(list(judged.suspicious)), Kind.BRANCH):
        branch += found
        blast = leaks.blast_of(decision.target)
        judged = decision.judged(blast)
    dead = [code.pk for code in blast.codes if code.pk not in set(leaked)]
    ContainmentPart.objects.bulk_create(
        ContainmentPart(containment=row, kind=Kind.LEAKED, code_id=pk, done=Done.LEFT, at=Now()) for pk in dead
    )
    planned = [*_people(row, judged), *_kept(row, blast, branch), *_fresh(row, blast, judged, leaked)]
    made = ContainmentPart.objects.bulk_create(planned)
    counts = {"codes": len(leaked), "dead": len(dead), "branch": len(branch), "came": len(blast.people)}
    _note_begun(row, made, counts | {"suspicious": len(judged.suspicious)})


def _pause(row: Containment, chosen: Q, kind: str) -> list[int]:
    """Switches off those of the codes that are on, and notes each; their ids."""
    alive = Code.objects.select_for_update(no_key=True).filter(chosen, status="active").order_by("pk")
    ids = list(alive.values_list("pk", flat=True))
    changing.pause(Q(pk__in=ids), row.reason, by=row.by)
    ContainmentPart.objects.bulk_create(
        ContainmentPart(containment=row, kind=kind, code_id=pk, done=Done.PAUSED, at=Now()) for pk in ids
    )
    return ids


def _people(row: Containment, judged: Judged) -> list[ContainmentPart]:
    return [
        ContainmentPart(containment=row, kind=Kind.PERSON, entry_id=pk, why=why)
        for pk, why in sorted(judged.suspicious.items())
    ]


def _kept(row: Containment, blast: Blast, branch: Sequence[int]) -> list[ContainmentPart]:
    codes = [*(code.pk for code in blast.codes), *branch]
    kept = Reservation.objects.filter(code__in=codes, status="open").order_by("pk")
    return [
        ContainmentPart(containment=row, kind=Kind.KEPT, kept_id=pk, code_id=code_id)
        for pk, code_id in kept.values_list("pk", "code_id")
    ]


def _fresh(row: Containment, blast: Blast, judged: Judged, leaked: Sequence[int]) -> list[ContainmentPart]:
    """A new code for each that was switched off now and is not a suspicious person's own, with the uses that honest people
    have not spent: what the leak took is given back."""
    if not row.reissue:
        return []
    honest = _honest_uses(blast, judged)
    holders = dict(Invite.objects.filter(code__in=[code.pk for code in blast.codes]).values_list("code", "entry"))
    planned, now = [], timezone.now()
    alive = set(leaked)
    for code in (code for code in blast.codes if code.pk in alive):
        holder = code.owner_id or holders.get(code.pk)
        uses = code.max_uses - honest.get(code.pk, 0)
        if (
            code.status != Code.Status.REVOKED
            and code.expires_at > now
            and uses > 0
            and holder not in judged.suspicious
        ):
            part = ContainmentPart(containment=row, kind=Kind.FRESH, code_id=code.pk, entry_id=holder, uses=uses)
            planned.append(part)
    return planned


def _honest_uses(blast: Blast, judged: Judged) -> dict[int, int]:
    """How often each code was used by people who stay in."""
    counts: dict[int, int] = {code.pk: code.uses for code in blast.codes}
    for one in blast.people:
        if one.code_id and one.id in judged.suspicious:
            counts[one.code_id] -= 1
    return counts


def _note_begun(row: Containment, made: Sequence[ContainmentPart], counts: dict[str, int]) -> None:
    data = {"launch": row.launch_id, "kind": row.what.partition(":")[0], "reason": row.reason}
    data |= {"codes": counts["codes"] + counts["branch"], "people": counts["suspicious"]}
    signals.code_contained.announce([Said(f"containment:{row.pk}", data)], by=row.by)
    row.counts = counts
    if made:
        back = reverse("leak", args=[row.pk])
        row.job = outbox.start_job(CONTAIN, [part.pk for part in made], row.reason, by=row.by, back=back)
    else:
        row.finished_at = timezone.now()
    row.contained_at = timezone.now()  # its codes are off since the statements before this one
    row.save(update_fields=["counts", "job", "finished_at", "contained_at"])


@verb
def carry_out(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Does what these rows of a containment plan; how many changed something. Of one that was undone meanwhile nothing is
    left to do, also where somebody lets its stopped job go on."""
    parts = _parts(ids, done=Done.PLANNED, containment__undone_at=None)
    if not parts:
        return 0
    _lock_entries(parts)
    _put_out([part for part in parts if part.kind == Kind.PERSON], reason, by=by)
    _give_back([part for part in parts if part.kind == Kind.KEPT], by=by)
    for part in parts:
        if part.kind == Kind.FRESH:
            _replace(part, by=by)
    _finish(parts[0].containment, by=by)
    return ContainmentPart.objects.filter(pk__in=ids).exclude(done__in=[Done.PLANNED, Done.LEFT]).count()


def _parts(ids: Sequence[int], **where: Any) -> list[ContainmentPart]:
    chosen = ContainmentPart.objects.filter(pk__in=ids, **where).select_related("containment", "code", "fresh", "kept")
    return list(chosen.order_by("pk"))


def _lock_entries(parts: Iterable[ContainmentPart]) -> None:
    """Everybody the parts are about, in the order of their ids: entries before codes, everywhere."""
    ids = {part.entry_id for part in parts if part.entry_id}
    list(Entry.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))


def _put_out(people: Sequence[ContainmentPart], reason: str, *, by: str) -> None:
    """Holds them, or suspends who is in where the moderator said so. Who is out or held already stays as they are."""
    found = Entry.objects.in_bulk([part.entry_id for part in people])
    suspending = bool(people) and people[0].containment.members == Containment.Members.SUSPEND
    of: dict[str, list[int]] = {Done.HELD: [], Done.SUSPENDED: [], Done.LEFT: []}
    for pk, entry in found.items():
        if suspending and entry.status == Entry.Status.REGISTERED:
            of[Done.SUSPENDED].append(pk)
        else:
            of[Done.LEFT if entry.held_at or entry.status in OUT else Done.HELD].append(pk)
    deciding.hold(of[Done.HELD], reason, by=by)
    deciding.suspend(of[Done.SUSPENDED], reason, by=by)
    for done, ids in of.items():
        _mark([part.pk for part in people if part.entry_id in set(ids)], done)


def _mark(ids: Collection[int], done: str) -> None:
    ContainmentPart.objects.filter(pk__in=ids).update(done=done, at=Now())


def _give_back(parts: Sequence[ContainmentPart], *, by: str) -> None:
    """Kept uses of dead codes are free; nobody can spend them any more."""
    still = Reservation.objects.select_for_update(no_key=True).filter(
        pk__in=[part.kept_id for part in parts], status="open"
    )
    rows = dict(still.order_by("pk").values_list("pk", "code_id"))
    move(Reservation.objects.filter(pk__in=list(rows)), to="released")
    for code_id in sorted(rows.values()):
        Code.objects.filter(pk=code_id).update(reserved=F("reserved") - 1)
    said = [Said(f"code:{code_id}", {"reservation": pk}) for pk, code_id in rows.items()]
    signals.use_given_back.announce(said, by=by)
    _mark([part.pk for part in parts if part.kept_id in rows], Done.GIVEN_BACK)
    _mark([part.pk for part in parts if part.kept_id not in rows], Done.LEFT)


def _replace(part: ContainmentPart, *, by: str) -> None:
    """Makes the new code: an invite's person and a member are written to, the codes of a campaign are for staff to read."""
    old, row = part.code, part.containment
    assert old
    invite = Invite.objects.filter(code=old).first()
    if part.entry_id and not _may_hold(part.entry_id, invite):
        _mark([part.pk], Done.LEFT)
        return
    fresh = _made_like(old, part.uses, None if part.entry_id else _run_of(row), by=by)
    if invite:
        Invite.objects.filter(pk=invite.pk).update(code=fresh, token_version=F("token_version") + 1)
    ContainmentPart.objects.filter(pk=part.pk).update(fresh=fresh)
    _mark([part.pk], Done.REISSUED)
    data = {"containment": row.pk, "instead_of": old.pk, "uses": part.uses}
    signals.code_reissued.announce([Said(f"code:{fresh.pk}", data | _holder(part))], by=by)
    if part.entry_id:
        outbox.owe([messages.reissued(fresh.pk, Entry.objects.get(pk=part.entry_id))])


def _may_hold(entry_id: int, invite: Invite | None) -> bool:
    """Whether the old code was theirs to use: a member in good standing, or who has an invite that stands open."""
    able = "invited" if invite else "registered"
    stands = invite is None or invite.status in ("issued", "sent", "bounced")
    return stands and Entry.objects.filter(pk=entry_id, status=able, held_at=None).exists()


def _holder(part: ContainmentPart) -> dict[str, int]:
    return {"entry": part.entry_id} if part.entry_id else {}


def _made_like(old: Code, uses: int, run: CodeRun | None, *, by: str) -> Code:
    """A code that is in all but its characters and its uses what the leaked one was."""
    spec = making.Spec(
        count=1,
        expires_at=old.expires_at,
        kind=old.kind,
        campaign=old.campaign,
        channel=old.channel,
        format=old.format,
        max_uses=uses,
        starts_at=old.starts_at,
        tier=old.tier,
        bind_domain=old.bound_domain,
        owner_id=old.owner_id,
    )
    [pk] = making.make(old.launch, spec, run_id=run.pk if run else None, by=by)
    Code.objects.filter(pk=pk).update(bound_key=old.bound_key)
    return Code.objects.get(pk=pk)


def _run_of(row: Containment) -> CodeRun:
    """The run that holds the new codes which staff hand out."""
    asked = {"containment": row.pk}
    run, fresh = CodeRun.objects.get_or_create(
        launch=row.launch, batch_id=f"reissue-{row.pk}", defaults={"asked": asked, "by": row.by}
    )
    if fresh:
        Containment.objects.filter(pk=row.pk).update(run=run)
    return run


def _finish(row: Containment, *, by: str) -> None:
    if row.parts.filter(done=Done.PLANNED).exists():
        return
    counts = dict(row.parts.values_list("done").annotate(n=Count("pk")).order_by("done"))
    kept = {str(done): counts.get(done, 0) for done in Done.values if done}
    Containment.objects.filter(pk=row.pk).update(finished_at=Now(), counts=row.counts | kept)
    signals.containment_finished.announce([Said(f"containment:{row.pk}", kept)], by=by)


@verb
def show_codes(pk: int, *, by: str) -> CodeRun:
    """The new codes that staff hand out, this once. Raises StaleState when they were read, or there are none."""
    row = Containment.objects.select_for_update(no_key=True, of=("self",)).select_related("run").get(pk=pk)
    if row.run is None or row.shown_at or row.undone_at:
        raise StaleState("These codes were shown already, or there are none.")
    Containment.objects.filter(pk=pk).update(shown_at=Now())
    signals.containment_shown.announce([Said(f"containment:{pk}", {"codes": row.run.codes.count()})], by=by)
    return row.run


# Undo, or settle


def undo(pk: int, reason: str, *, by: str) -> Containment:
    """Takes a containment back within its day: what still stands as it left it. Raises Refused later, StaleState twice."""
    row = _plan_undo(pk, reason, by=by)
    _hurry(row.undo_job)
    row.refresh_from_db()
    return row


@verb
def _plan_undo(pk: int, reason: str, *, by: str) -> Containment:
    running = Job.objects.filter(pk__in=Containment.objects.filter(pk=pk).values("job"), status="running").first()
    if running:
        outbox.stop_job(
            running.pk, reason, by=by
        )  # the chunk under way is waited for; jobs are locked before their rows
    row = Containment.objects.select_for_update(no_key=True).get(pk=pk)
    if row.undone_at:
        raise StaleState("It was undone already.")
    if is_over(row, timezone.now()):
        raise Refused("too_late", "A day has passed: the codes are revoked for good. Release people one by one.")
    row.undone_at, row.undone_by, row.undo_reason = timezone.now(), by, reason
    changed = row.parts.exclude(done__in=[Done.PLANNED, Done.LEFT])
    ids = [*changed.filter(kind__in=[Kind.LEAKED, Kind.BRANCH]).values_list("pk", flat=True).order_by("pk")]
    ids += changed.exclude(kind__in=[Kind.LEAKED, Kind.BRANCH]).values_list("pk", flat=True).order_by("pk")
    back = reverse("leak", args=[pk])
    row.undo_job = outbox.start_job(UNDO, ids, reason, by=by, back=back) if ids else None
    row.save(update_fields=["undone_at", "undone_by", "undo_reason", "undo_job"])
    signals.containment_undone.announce([Said(f"containment:{pk}", {"reason": reason})], by=by)
    return row


def is_over(row: Containment, now: datetime) -> bool:
    """Whether it can be undone no more."""
    return row.settled_at is not None or now >= row.contained_at + UNDONE_WITHIN


@verb
def take_back(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Undoes these rows of a containment; how many. What somebody has changed since is left as it is, and marked so."""
    parts = _parts(ids, undone="")
    _lock_entries(parts)
    codes = Code.objects.select_for_update(no_key=True).filter(pk__in=[part.code_id for part in parts if part.code_id])
    list(codes.order_by("pk").values_list("pk"))
    back = [
        *_let_go(_of(parts, Done.HELD), ("entry.held", "entry.released"), reason, by=by),
        *_let_go(_of(parts, Done.SUSPENDED), ("entry.suspended", "entry.restored"), reason, by=by),
        *_let_go(_of(parts, Done.PAUSED), ("code.paused", "code.resumed", "code.revoked"), reason, by=by),
        *[part.pk for part in _of(parts, Done.REISSUED) if _void(part, reason, by=by)],
        *[part.pk for part in _of(parts, Done.GIVEN_BACK) if _keep_anew(part, by=by)],
    ]
    ContainmentPart.objects.filter(pk__in=[part.pk for part in parts]).update(undone="left")
    return ContainmentPart.objects.filter(pk__in=back).update(undone="undone")


def _of(parts: Iterable[ContainmentPart], done: str) -> list[ContainmentPart]:
    return [part for part in parts if part.done == done]


def _let_go(parts: Sequence[ContainmentPart], kinds: Sequence[str], reason: str, *, by: str) -> list[int]:
    """Those on whose rows the containment has the last word in this matter are as they were before it."""
    last = _last_words({_subject(part) for part in parts}, kinds)
    ours = [part for part in parts if _is_ours(last.get(_subject(part)), part, kinds[0])]
    entries, codes = [part.entry_id or 0 for part in ours], [part.code_id for part in ours]
    if kinds[0] == "entry.held":
        deciding.release(entries, reason, by=by)
    elif kinds[0] == "entry.suspended":
        deciding.restore(entries, reason, by=by)
    else:
        changing.resume(Q(pk__in=codes), reason, by=by)
    return [part.pk for part in ours]


def _subject(part: ContainmentPart) -> str:
    return f"entry:{part.entry_id}" if part.kind == Kind.PERSON else f"code:{part.code_id}"


def _last_words(subjects: Collection[str], kinds: Sequence[str]) -> dict[str, Event]:
    """The newest event of these kinds about each subject."""
    said = Event.objects.filter(subject__in=subjects, kind__in=kinds).order_by("subject", "-id").distinct("subject")
    return {event.subject: event for event in said}


def _is_ours(event: Event | None, part: ContainmentPart, kind: str) -> bool:
    """Whether the last word is the containment's own: it was written just before the part was marked."""
    row, at = part.containment, part.at
    if event is None or at is None or event.at > at:
        return False
    return (event.kind, event.by, event.data.get("reason")) == (kind, row.by, row.reason)


def _void(part: ContainmentPart, reason: str, *, by: str) -> bool:
    """Revokes the new code where nobody used it, and gives an invite its old one again."""
    fresh, old = part.fresh, part.code
    unused = Q(pk=part.fresh_id, status="active", uses=0, reserved=0)
    if fresh is None or old is None or not changing.revoke(unused, reason, by=by):
        return False
    Invite.objects.filter(code=fresh).update(code=old, token_version=F("token_version") - 1)
    return True


def _keep_anew(part: ContainmentPart, *, by: str) -> bool:
    """Somebody on the list has their use kept again for the time it had left. A caller that asked by hold_id asks again."""
    kept = part.kept
    if kept is None or kept.entry is None or kept.expires_at <= timezone.now():
        return False
    if not reserving.open_uses(kept.code_id).exists():
        return False
    left = kept.expires_at - timezone.now()
    made = reserving.keep_use(kept.code_id, kept.entry.pk, left, network=None, by=by)
    if kept.entry.held_at is None:
        outbox.owe([messages.complete(made, reserving.contact_of(kept.entry))])
    return True


@verb
def settle(now: datetime, *, by: str = "system") -> int:
    """Revokes for good what was contained a day ago and still stands; of how many containments."""
    open_now = Containment.objects.select_for_update(skip_locked=True, no_key=True).filter(
        undone_at=None, settled_at=None
    )
    due = list(open_now.filter(contained_at__lte=now - UNDONE_WITHIN).order_by("pk"))
    for row in due:
        parts = list(row.parts.filter(done=Done.PAUSED).select_related("containment"))
        last = _last_words({_subject(part) for part in parts}, ("code.paused", "code.resumed", "code.revoked"))
        ours = [part.code_id for part in parts if _is_ours(last.get(_subject(part)), part, "code.paused")]
        revoked = changing.revoke(Q(pk__in=ours), row.reason, by=by)
        Containment.objects.filter(pk=row.pk).update(settled_at=Now())
        signals.containment_settled.announce([Said(f"containment:{row.pk}", {"revoked": revoked})], by=by)
    return len(due)
