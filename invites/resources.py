"""Codes and redemptions as CSV. Out: never a whole code. In: codes that were made elsewhere, and codes to revoke or pause."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from import_export import resources
from import_export.fields import Field

from invites import codes, queries
from invites.actions import bringing, changing
from invites.actions.making import LONGEST_DAYS
from invites.models import Code, Redemption
from outbox import registry
from outbox.keys import address_key
from outbox.reading import Unreadable
from waitlist import channels, uploads
from waitlist.actions import uploading
from waitlist.models import Launch, Upload
from waitlist.uploads import CHANGED, DONE, NEW, Act, Column, Finding, Kind, Said, refused

SHORTEST, LONGEST = 6, 64  # characters of a folded code
MOST_USES = 1_000_000
UNKNOWN = gettext_noop("No code of this launch reads so.")
HERE = gettext_noop("Is here already, ending in %(last4)s; extend, pause or revoke it in the list of codes.")


class CodeResource(resources.ModelResource):
    """One line a code: its last four characters, never the whole."""

    state = Field(column_name="state")

    class Meta:
        model = Code
        fields = (
            *("id", "last4", "kind", "campaign", "channel", "state", "uses", "max_uses", "reserved", "tier", "format"),
            *("starts_at", "expires_at", "bound_domain", "owner", "run__batch_id", "created_at", "by"),
        )
        export_order = fields

    def dehydrate_state(self, code: Code) -> str:
        """What the row and the clock say together."""
        return queries.state_of(code, timezone.now())


class RedemptionResource(resources.ModelResource):
    """One line a use: who, with which code, when and by which door."""

    class Meta:
        model = Redemption
        fields = (
            "id",
            "at",
            "entry",
            "entry__contact",
            "code",
            "code__last4",
            "code__kind",
            "code__campaign",
            "door",
            "by",
        )
        export_order = fields


COLUMNS = (
    Column("id", _("number (id)"), ("номер", "ид", "codeid")),
    Column(
        "code", _("code"), ("invitecode", "promocode", "coupon", "voucher", "код", "промокод", "инвайт", "инвайткод")
    ),
    Column("campaign", _("campaign"), ("кампания", "акция")),
    Column("channel", _("channel"), ("source", "канал", "источник")),
    Column("max_uses", _("uses"), ("maxuses", "uses", "limit", "использований", "количествоиспользований", "лимит")),
    Column("starts_at", _("valid from"), ("startsat", "from", "validfrom", "start", "начало", "действуетс")),
    Column(
        "expires_at",
        _("valid until"),
        ("expiresat", "expires", "expiry", "until", "validuntil", "end", "до", "действуетдо", "срок", "истекает"),
    ),
    Column("tier", _("tier"), ("plan", "тариф", "уровень")),
    Column("bound", _("for this address alone"), ("email", "mail", "boundto", "address", "почта", "адрес", "длякого")),
    Column("bound_domain", _("for this domain alone"), ("bounddomain", "domain", "домен")),
)
NAMED = ("code", "id")
ACTS: Mapping[str, Act] = {
    "bring": Act(
        _("Take in codes that were made elsewhere"),
        ("invites.import_code", "invites.make_code"),
        tuple(column.name for column in COLUMNS[1:]),
        (("code",),),
    ),
    "paused": Act(_("Pause the codes in the file"), ("invites.pause_code",), NAMED, (NAMED,)),
    "active": Act(_("Let the paused codes in the file go on"), ("invites.resume_code",), NAMED, (NAMED,)),
    "revoked": Act(_("Revoke the codes in the file for ever"), ("invites.revoke_code",), NAMED, (NAMED,)),
}
VERBS = {"paused": changing.pause, "active": changing.resume, "revoked": changing.revoke}


def read(upload: Upload, values: dict[str, str]) -> tuple[Said, str]:
    """What a row says of a code. ValueError when it would be eternal, guessable or nonsense."""
    said = code_in(values)
    if upload.act == "bring":
        bound = values.get("bound")
        contact = channels.read_any(bound) if bound else None
        said |= {
            "max_uses": uses_in(values.get("max_uses", "")),
            "starts_at": told(moment_in(values.get("starts_at", ""))),
            "expires_at": told(end_in(values.get("expires_at", ""), upload.launch)),
            "bound_key": address_key(contact.kind, contact.canonical).hex() if contact else None,
            "bound_domain": values.get("bound_domain", "").removeprefix("@").casefold()[:200],
            **{name: values.get(name, "")[:40] for name in ("campaign", "channel")},
            "tier": values.get("tier", "")[:40] or "standard",
        }
        refuse_guessable(said)
    return said, said.get("code") or f"id:{said['id']}"


def code_in(values: dict[str, str]) -> Said:
    """The code that a row names, folded, or our number of it."""
    code, number = codes.fold(values.get("code", "")), values.get("id", "")
    if not code and number.isdecimal() and len(number) < 18:
        return {"id": int(number)}
    if not SHORTEST <= len(code) <= LONGEST:
        raise Unreadable(
            gettext_noop("A code has %(least)d to %(most)d letters and digits."), least=SHORTEST, most=LONGEST
        )
    return {"code": code}


def uses_in(text: str) -> int:
    """How often it may be used; once unless said."""
    number = text.replace(" ", "").replace("\xa0", "") or "1"
    if not number.isdecimal() or len(number) > 9 or not 1 <= int(number) <= MOST_USES:
        raise Unreadable(gettext_noop("Uses are a whole number from 1 to %(most)d."), most=MOST_USES)
    return int(number)


def moment_in(text: str) -> datetime | None:
    """The moment in a cell: 2026-12-31, 31.12.2026, or either with a time; UTC unless said."""
    if not text:
        return None
    day, _space, rest = text.partition(" ")
    parts = day.split(".")
    iso = "-".join(reversed(parts)) if len(parts) == 3 else day
    try:
        at = parse_datetime(f"{iso} {rest}".strip()) if rest or "T" in iso else None
        on = parse_date(iso) if at is None else None
    except ValueError:
        at = on = None
    if at is None and on is None:
        raise Unreadable(gettext_noop("“%(text)s” is no date. Write it as 2026-12-31 or 31.12.2026."), text=text[:40])
    found = at or datetime.combine(on or date.min, datetime.min.time())
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def end_in(text: str, launch: Launch) -> datetime:
    """When it ends: as the row says, else after the launch's days. Never in the past, never over a year away."""
    now = timezone.now()
    end = moment_in(text) or now + timedelta(days=launch.code_days)
    if end <= now:
        raise Unreadable(gettext_noop("Ended already, on %(day)s."), day=end.date().isoformat())
    if end > now + timedelta(days=LONGEST_DAYS):
        raise Unreadable(gettext_noop("No code lives longer than %(most)d days."), most=LONGEST_DAYS)
    return end


def told(at: datetime | None) -> str | None:
    """A moment as text."""
    return at.isoformat() if at else None


def refuse_guessable(said: Said) -> None:
    """Raises ValueError for a short code that lives long and is bound to nobody."""
    short_lived = datetime.fromisoformat(said["expires_at"]) <= timezone.now() + timedelta(
        days=codes.SHORT_LIFE_DAYS, minutes=1
    )
    if len(said["code"]) < codes.SAFE_LENGTH and not short_lived and not said["bound_key"]:
        why = gettext_noop(
            "Codes of fewer than %(least)d characters can be guessed: name the one address that may use it, or let it live at "
            "most %(days)d days."
        )
        raise Unreadable(why, least=codes.SAFE_LENGTH, days=codes.SHORT_LIFE_DAYS)


def look(upload: Upload, said: Sequence[Said]) -> list[Finding]:
    """What would come of these rows now."""
    found = queries.found_by(upload.launch, said)
    if upload.act == "bring":
        return [Finding("same", HERE, {"last4": found[n].last4}) if n in found else NEW for n in range(len(said))]
    return [look_at(found.get(n), upload.act) for n in range(len(said))]


def look_at(code: Code | None, to: str) -> Finding:
    """What would come of one row about a code that should be here."""
    if code is None:
        return refused(UNKNOWN)
    if code.status == to:
        return Finding("same")
    if to not in Code.MOVES[Code.Status(code.status)]:
        return refused(gettext_noop("A code that was revoked stays so."))
    return CHANGED


def bring(upload: Upload, said: Sequence[Said], reason: str, *, by: str) -> list[Finding]:
    """Does what the rows say; what came of each."""
    if upload.act == "bring":
        made = bringing.bring_codes(upload.launch, f"file-{upload.pk}", said, by=by)
        return [DONE if n in made else Finding("same", gettext_noop("Is here already.")) for n in range(len(said))]
    before, found = look(upload, said), queries.found_by(upload.launch, said)
    able = [found[n].pk for n, one in enumerate(before) if one.verdict == "changed"]
    if able:
        VERBS[upload.act](Q(pk__in=able), reason, by=by)
    after = look(upload, said)
    return [
        DONE if one.verdict == "changed" and now.verdict == "same" else now
        for one, now in zip(before, after, strict=True)
    ]


def shown(row: Said) -> str:
    """Which code a row is about: its last four, never the whole."""
    return f"…{row['code'][-4:]}" if "code" in row else f"id {row['id']}" if "id" in row else ""


uploads.kinds["codes"] = Kind(_("Codes"), "invites.import_code", COLUMNS, ACTS, read, look, bring, shown)
registry.works["invites.import_code"] = registry.Work(_("Bring in codes from a file"), uploading.bring_lines)
