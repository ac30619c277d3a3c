"""Makes codes: at once, or in the background where they are many."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invites import codes, hot, policy, signals
from invites.actions import counting
from invites.models import Code, CodeRun
from outbox import registry, sql
from outbox.actions import start_job
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_key, newest
from outbox.states import verb
from waitlist.channels import Contact
from waitlist.models import Launch

LONGEST_DAYS = 365
AT_ONCE = 1_000  # more is a job
MAKING = "invites.make_code"  # the job's name, and the permission


@dataclass(frozen=True, slots=True)
class Spec:
    """Which codes to make. Times are absolute; `bind` is one address, `bind_domain` a whole domain, `vanity` a chosen word."""

    count: int
    expires_at: datetime
    batch_id: str = ""
    kind: str = "bulk"
    campaign: str = ""
    channel: str = ""
    format: str = "standard"
    max_uses: int = 1
    starts_at: datetime | None = None
    tier: str = "standard"
    bind: Contact | None = None
    bind_domain: str = ""
    owner_id: int | None = None
    vanity: str = ""


def check_spec(spec: Spec, now: datetime) -> None:
    """Raises Refused, with a sentence, when such codes would be eternal, guessable or nonsense."""
    if spec.expires_at > now + timedelta(days=LONGEST_DAYS, minutes=1):
        raise Refused("too_long_lived", _("No code lives longer than 365 days."))
    if spec.expires_at <= max(now, spec.starts_at or now):
        raise Refused("never_valid", _("Such a code would end before it begins."))
    if spec.vanity:
        _check_vanity(spec)
    elif spec.format not in codes.FORMATS:
        raise Refused("unknown_format", f"The formats are: {', '.join(codes.FORMATS)}.")
    length = len(codes.fold(spec.vanity)) if spec.vanity else codes.FORMATS[spec.format].length
    long_lived = spec.expires_at > now + timedelta(days=codes.SHORT_LIFE_DAYS, minutes=1)
    if length < codes.SAFE_LENGTH and long_lived and spec.bind is None:
        said = _(
            "Codes of fewer than %(safe)d characters can be guessed: bind them to one address, "
            "let them live at most %(days)d days, or take a longer format."
        )
        raise Refused("guessable", said % {"safe": codes.SAFE_LENGTH, "days": codes.SHORT_LIFE_DAYS})


def _check_vanity(spec: Spec) -> None:
    if why := policy.vanity_refusal(codes.fold(spec.vanity)):
        raise Refused("vanity_guessable", str(why))
    if spec.count != 1:
        raise Refused("vanity_twice", _("A chosen word makes one code; let it have more uses instead."))


@verb
def generate(launch: Launch, spec: Spec, *, by: str) -> tuple[CodeRun, bool]:
    """Makes codes together; the same batch_id and request again finds the same ones: (run, whether this call made them)."""
    run, fresh = _run_of(launch, spec, by=by)
    if fresh:
        make(launch, spec, run_id=run.pk, by=by)
        _finish(run, spec)
    return run, fresh


@verb
def generate_later(launch: Launch, spec: Spec, reason: str, *, by: str) -> CodeRun:
    """The same for many: a worker makes them, chunk by chunk; the run has the job that says how far it is."""
    run, fresh = _run_of(launch, spec, by=by)
    if fresh:
        run.job = start_job(
            MAKING, [run.pk] * spec.count, reason, by=by, back=reverse("admin:invites_coderun_change", args=[run.pk])
        )
        run.save(update_fields=["job"])
    return run


@verb
def make_more(run_ids: Sequence[int], reason: str, *, by: str) -> int:
    """A chunk of such a job: each id is one code to make, of the run with that id; how many were made."""
    for run_id, count in sorted(Counter(run_ids).items()):
        run = CodeRun.objects.select_related("launch").select_for_update(no_key=True, of=("self",)).get(pk=run_id)
        spec = _spec_of(run)
        make(run.launch, replace(spec, count=count), run_id=run.pk, by=run.by, bound_key=_bound_key_of(run))
        if Code.objects.filter(run=run).count() >= spec.count:
            _finish(run, spec)
    return len(run_ids)


registry.works[MAKING] = registry.Work(gettext_lazy("Make codes"), make_more)


def _run_of(launch: Launch, spec: Spec, *, by: str) -> tuple[CodeRun, bool]:
    check_spec(spec, timezone.now())
    asked = _asked(spec)
    run, fresh = CodeRun.objects.get_or_create(
        launch=launch, batch_id=spec.batch_id, defaults={"asked": asked, "by": by, "expires_at": spec.expires_at}
    )
    if run.asked != asked:
        raise Refused("batch_differs", "This batch_id was used for another request; take a new one.")
    return run, fresh


def _finish(run: CodeRun, spec: Spec) -> None:
    CodeRun.objects.filter(pk=run.pk).update(ready_at=Now())
    data = {"launch": run.launch_id, "batch_id": run.batch_id, "count": spec.count, "campaign": spec.campaign}
    signals.codes_made.announce([Said(f"code_run:{run.pk}", data)], by=run.by)


def _asked(spec: Spec) -> dict[str, Any]:
    """What was asked, comparable: the address as a keyed hash, the end to the day (a retry comes seconds later)."""
    bind = address_key(spec.bind.kind, spec.bind.canonical).hex() if spec.bind else ""
    asked = asdict(replace(spec, bind=None)) | {
        "bind": bind,
        "expires_at": spec.expires_at.astimezone(UTC).date().isoformat(),
    }
    if not spec.vanity:
        del asked["vanity"]  # runs from before there were chosen words compare alike
    return asked | {"starts_at": spec.starts_at.isoformat() if spec.starts_at else None}


def _spec_of(run: CodeRun) -> Spec:
    starts_at = run.asked["starts_at"]
    known = {"bind": None, "expires_at": run.expires_at, "starts_at": starts_at and parse_datetime(starts_at)}
    return Spec(**(run.asked | known))


def _bound_key_of(run: CodeRun) -> bytes | None:
    return bytes.fromhex(run.asked["bind"]) or None


@verb
def make(launch: Launch, spec: Spec, *, run_id: int | None, by: str, bound_key: bytes | None = None) -> list[int]:
    """Makes the codes of a spec; their ids. Unique by constraint: a conflict is drawn again, or refused of a chosen word."""
    prefix, version = "", newest()
    if not spec.vanity:
        prefix = codes.prefix_of(spec.format, spec.campaign, timezone.now().date())
    common = {
        "launch": launch.pk,
        "kind": spec.kind,
        "format": codes.VANITY if spec.vanity else spec.format,
        "prefix": prefix,
        "key_version": version,
        "max_uses": spec.max_uses,
        "starts_at": spec.starts_at,
        "expires_at": spec.expires_at,
        "tier": spec.tier,
        "campaign": spec.campaign,
        "channel": spec.channel,
        "run": run_id,
        "owner": spec.owner_id,
        "bound_key": address_key(spec.bind.kind, spec.bind.canonical) if spec.bind else bound_key,
        "bound_domain": spec.bind_domain.casefold(),
        "vanity": spec.vanity or None,
        "by": by,
    }
    wanted: list[int] = sql.one(hot.NEXT_IDS, {"count": spec.count}).ids
    missing, attempt = wanted, 0
    while missing:
        if spec.vanity and attempt:
            raise Refused("vanity_taken", _("There is such a code already. Choose another word."))
        drawn = [_drawn(pk, attempt, spec, prefix, version) for pk in missing]
        columns = {
            "ids": sql.joined(missing),
            "digests": sql.joined(code.digest for code in drawn),
            "last4": sql.joined(code.last4 for code in drawn),
        }
        left_out = sql.rows(hot.MAKE_CODES, common | columns | {"attempt": attempt})
        missing, attempt = [row.id for row in left_out], attempt + 1
    counting.note_issued(launch, spec.campaign, spec.channel, len(wanted))
    return wanted


def _drawn(pk: int, attempt: int, spec: Spec, prefix: str, version: int) -> codes.Derived:
    if not spec.vanity:
        return codes.derive(pk, attempt, spec.format, prefix, version)
    folded = codes.fold(spec.vanity)
    return codes.Derived("", folded, codes.digest(folded, version))
