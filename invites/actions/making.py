"""Makes codes."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from invites import codes, hot, signals
from invites.models import CodeRun
from outbox import sql
from outbox.errors import Refused
from outbox.facts import Said
from outbox.keys import address_key, newest
from outbox.states import verb
from waitlist.channels import Contact
from waitlist.models import Launch

LONGEST_DAYS = 365


@dataclass(frozen=True, slots=True)
class Spec:
    """Which codes to make. Times are absolute; `bind` is one address, `bind_domain` a whole domain."""

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


def check_spec(spec: Spec, now: datetime) -> None:
    """Raises Refused, with a sentence, when such codes would be eternal, guessable or nonsense."""
    if spec.expires_at > now + timedelta(days=LONGEST_DAYS, minutes=1):
        raise Refused("too_long_lived", "No code lives longer than 365 days.")
    if spec.format not in codes.FORMATS:
        raise Refused("unknown_format", f"The formats are: {', '.join(codes.FORMATS)}.")
    short = codes.FORMATS[spec.format].length < codes.SAFE_LENGTH
    long_lived = spec.expires_at > now + timedelta(days=codes.SHORT_LIFE_DAYS, minutes=1)
    if short and long_lived and spec.bind is None:
        raise Refused(
            "guessable",
            f"Codes of fewer than {codes.SAFE_LENGTH} characters can be guessed: bind them to one address, "
            f"let them live at most {codes.SHORT_LIFE_DAYS} days, or take a longer format.",
        )


@verb
def generate(launch: Launch, spec: Spec, *, by: str) -> tuple[CodeRun, bool]:
    """Makes codes together; the same batch_id and request again finds the same ones: (run, whether this call made them)."""
    check_spec(spec, timezone.now())
    asked = _asked(spec)
    run, fresh = CodeRun.objects.get_or_create(
        launch=launch, batch_id=spec.batch_id, defaults={"asked": asked, "by": by}
    )
    if not fresh:
        if run.asked != asked:
            raise Refused("batch_differs", "This batch_id was used for another request; take a new one.")
        return run, False
    make(launch, spec, run_id=run.pk, by=by)
    data = {"launch": launch.pk, "batch_id": spec.batch_id, "count": spec.count, "campaign": spec.campaign}
    signals.codes_made.announce([Said(f"code_run:{run.pk}", data)], by=by)
    return run, True


def _asked(spec: Spec) -> dict[str, Any]:
    """What was asked, comparable: the address as a keyed hash, the end to the day (a retry comes seconds later)."""
    bind = address_key(spec.bind.kind, spec.bind.canonical).hex() if spec.bind else ""
    asked = asdict(replace(spec, bind=None)) | {
        "bind": bind,
        "expires_at": spec.expires_at.astimezone(UTC).date().isoformat(),
    }
    return asked | {"starts_at": spec.starts_at.isoformat() if spec.starts_at else None}


@verb
def make(launch: Launch, spec: Spec, *, run_id: int | None, by: str) -> list[int]:
    """Makes the codes of a spec; their ids. Unique by constraint: a conflict is drawn again."""
    prefix, version = codes.prefix_of(spec.format, spec.campaign, timezone.now().date()), newest()
    common = {
        "launch": launch.pk,
        "kind": spec.kind,
        "format": spec.format,
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
        "bound_key": address_key(spec.bind.kind, spec.bind.canonical) if spec.bind else None,
        "bound_domain": spec.bind_domain.casefold(),
        "by": by,
    }
    wanted: list[int] = sql.one(hot.NEXT_IDS, {"count": spec.count}).ids
    missing, attempt = wanted, 0
    while missing:
        drawn = [codes.derive(pk, attempt, spec.format, prefix, version) for pk in missing]
        columns = {
            "ids": sql.joined(missing),
            "digests": sql.joined(code.digest for code in drawn),
            "last4": sql.joined(code.last4 for code in drawn),
        }
        left_out = sql.rows(hot.MAKE_CODES, common | columns | {"attempt": attempt})
        missing, attempt = [row.id for row in left_out], attempt + 1
    return wanted
