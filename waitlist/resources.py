"""Entries as CSV. Out: a whitelist of columns, nothing secret among them. In: joins, decisions and points, through the verbs."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from import_export import resources

from outbox import registry
from outbox.errors import Refused
from outbox.keys import SHORT as SHORT_KEY
from outbox.keys import address_keys
from outbox.queries import suppressed_for
from outbox.reading import Unreadable, folded
from waitlist import channels, queries, uploads
from waitlist.actions import bringing, uploading
from waitlist.actions.joining import Application
from waitlist.models import Entry, Upload
from waitlist.policy import why_not
from waitlist.uploads import CHANGED, DONE, NEW, Act, Column, Finding, Kind, Said, refused

ALREADY = gettext_noop("Is on the list: %(status)s.")
SILENT = gettext_noop("Asked for no more mail, or mail to it comes back; only they themselves can join again.")
NOBODY = gettext_noop("Nobody on the list has this address or number.")
MOST_POINTS = 200
SHORT, LONG = 200, 2000  # characters


class EntryResource(resources.ModelResource):
    """One line a person."""

    class Meta:
        model = Entry
        fields = (
            *("id", "contact", "name", "status", "priority", "place", "persona", "use_case", "source", "tier"),
            *("locale", "referral_code", "referred_by", "held_at", "held_reason", "created_at", "confirmed_at"),
            *("invited_at", "registered_at"),
        )
        export_order = fields


COLUMNS = (
    Column("id", _("number (id)"), ("номер", "ид", "entryid")),
    Column(
        "contact",
        _("address: e-mail or phone"),
        (
            *("email", "mail", "emailaddress", "address", "contactemail", "youremail", "useremail"),
            *("почта", "электроннаяпочта", "адрес", "адресэлектроннойпочты", "емейл", "имейл", "емаил", "контакт"),
        ),
    ),
    Column("phone", _("phone"), ("phonenumber", "mobile", "tel", "telephone", "телефон", "номертелефона", "мобильный")),
    Column("name", _("name"), ("fullname", "firstname", "имя", "фио", "имяифамилия", "полноеимя")),
    Column("use_case", _("what for"), ("usecase", "comment", "message", "зачем", "комментарий", "сообщение", "задача")),
    Column("persona", _("persona"), ("role", "type", "роль", "ктовы")),
    Column("source", _("source"), ("utmsource", "channel", "источник", "канал")),
    Column("locale", _("language"), ("language", "lang", "язык")),
    Column(
        "referral_code",
        _("friend's code"),
        ("referralcode", "ref", "referrer", "invitedby", "реферальныйкод", "ктопригласил"),
    ),
    Column("status", _("where they stand"), ("state", "статус", "состояние", "решение", "decision")),
    Column("points", _("points"), ("score", "bonus", "баллы", "очки", "приоритет")),
)
SOMEBODY = ("id", "contact", "phone")
JOINING = ("contact", "phone", "name", "use_case", "persona", "source", "locale", "referral_code")
ACTS: Mapping[str, Act] = {
    "join": Act(_("Put people on the list"), ("waitlist.import_entry",), JOINING, (("contact", "phone"),)),
    "status": Act(
        _("Approve, reject or block, as the column “status” says"),
        ("waitlist.approve_entry", "waitlist.reject_entry", "waitlist.block_entry"),
        (*SOMEBODY, "status"),
        (SOMEBODY, ("status",)),
    ),
    "points": Act(
        _("Give points, as the column “points” says"),
        ("waitlist.prioritise_entry",),
        (*SOMEBODY, "points"),
        (SOMEBODY, ("points",)),
    ),
    "approved": Act(_("Approve everybody in the file"), ("waitlist.approve_entry",), SOMEBODY, (SOMEBODY,)),
    "rejected": Act(_("Reject everybody in the file"), ("waitlist.reject_entry",), SOMEBODY, (SOMEBODY,)),
    "blocked": Act(_("Block everybody in the file"), ("waitlist.block_entry",), SOMEBODY, (SOMEBODY,)),
    "hold": Act(_("Hold everybody in the file"), ("waitlist.hold_entry",), SOMEBODY, (SOMEBODY,)),
    "release": Act(_("Release everybody in the file from hold"), ("waitlist.release_entry",), SOMEBODY, (SOMEBODY,)),
}
# What people write for a status, folded.
WORDS = {value: value for value in Entry.Status.values} | {
    **dict.fromkeys(
        ("approve", "yes", "ok", "accepted", "одобрен", "одобрена", "одобрено", "одобрить", "да"), "approved"
    ),
    **dict.fromkeys(("reject", "no", "declined", "отклонен", "отклонена", "отклонено", "отклонить", "нет"), "rejected"),
    **dict.fromkeys(("block", "spam", "banned", "заблокирован", "заблокирована", "заблокировать", "спам"), "blocked"),
    **dict.fromkeys(("ждет", "вочереди"), "waiting"),
    **dict.fromkeys(("приглашен", "приглашена"), "invited"),
    **dict.fromkeys(("зарегистрирован", "зарегистрирована"), "registered"),
}


def somebody_in(values: dict[str, str]) -> Said:
    """Whom the row names: by an address, a phone or our own number. ValueError when nobody."""
    text = values.get("contact") or values.get("phone")
    if text:
        contact = channels.read("email" if "@" in text or any(map(str.isalpha, text)) else "phone", text)
        return {"kind": contact.kind, "typed": contact.as_typed, "canonical": contact.canonical}
    number = values.get("id", "")
    if number.isdecimal() and len(number) < 18:
        return {"id": int(number)}
    raise Unreadable(gettext_noop("The row names nobody: it has no address, phone or number."))


def read(upload: Upload, values: dict[str, str]) -> tuple[Said, str]:
    """What a row says, and whom it is about."""
    said = somebody_in(values)
    who = f"{said['kind']}:{said['canonical']}" if "canonical" in said else f"id:{said['id']}"
    if upload.act == "join":
        texts = {name: values[name] for name in JOINING[2:] if values.get(name)}
        said |= {name: text[: LONG if name == "use_case" else SHORT] for name, text in texts.items()}
    elif upload.act == "points":
        said["points"] = points_in(values.get("points", ""))
    else:
        said["to"] = status_in(values.get("status", "")) if upload.act == "status" else upload.act
    return said, who


def points_in(text: str) -> int:
    """Points as a file writes them ("15", "15,0"). ValueError when they are none."""
    number = text.replace(" ", "").replace("\xa0", "").replace(",", ".")
    whole = number.removesuffix(".0").removeprefix("+")
    if not whole.removeprefix("-").isdecimal() or len(whole) > 9 or abs(int(whole)) > MOST_POINTS:
        raise Unreadable(gettext_noop("Points are a whole number from -%(most)d to %(most)d."), most=MOST_POINTS)
    return int(whole)


def status_in(text: str) -> str:
    """The status that a word stands for. ValueError for a word that stands for none."""
    word = folded(text)
    if word not in WORDS:
        raise Unreadable(gettext_noop("“%(word)s” is no status. Write approved, rejected or blocked."), word=text[:40])
    return WORDS[word]


def look(upload: Upload, said: Sequence[Said]) -> list[Finding]:
    """What would come of these rows now."""
    found = queries.found_in(upload.launch, said)
    if upload.act == "join":
        silent = silent_in(said)
        known = {n: Finding("same", ALREADY, {"status": row.status}) for n, row in found.items()}
        return [known.get(n) or (refused(SILENT) if n in silent else NEW) for n in range(len(said))]
    return [look_at(found.get(n), row) for n, row in enumerate(said)]


def look_at(entry: Any, row: Said) -> Finding:
    """What would come of one row about somebody who should be on the list."""
    if entry is None:
        return refused(NOBODY)
    if "points" in row:
        return CHANGED if entry.points != row["points"] else Finding("same")
    verdict, why, told = why_not(entry.status, held=entry.held, to=row["to"])
    return Finding(verdict, why, told)


def bring(upload: Upload, said: Sequence[Said], reason: str, *, by: str) -> list[Finding]:
    """Does what the rows say; what came of each."""
    if upload.act == "join":
        return join(upload, said, by=by)
    before = look(upload, said)
    found = queries.found_in(upload.launch, said)
    able = {found[n].id: row for n, row in enumerate(said) if before[n].verdict == "changed"}
    if upload.act == "points":
        bringing.mark({pk: row["points"] for pk, row in able.items()}, reason, by=by)
    else:
        bringing.decide({pk: row["to"] for pk, row in able.items()}, reason, by=by)
    after = look(upload, said)
    return [
        DONE if one.verdict == "changed" and now.verdict == "same" else now
        for one, now in zip(before, after, strict=True)
    ]


def join(upload: Upload, said: Sequence[Said], *, by: str) -> list[Finding]:
    """Puts people on the list, but for who came onto it meanwhile."""
    rules = queries.rules_of(upload.launch.slug)
    if rules is None:
        raise Refused("launch_closed")
    now = look(upload, said)
    able = [n for n, one in enumerate(now) if one == NEW]
    people = [application_in(said[n]) for n in able]
    fresh = {able[at] for at in bringing.join_many(rules, people, confirmed=upload.confirmed, by=by)}
    met = Finding("same", gettext_noop("Came onto the list meanwhile."))
    return [DONE if n in fresh else met if one == NEW else one for n, one in enumerate(now)]


def silent_in(said: Sequence[Said]) -> set[int]:
    """Which rows name an address that was erased, wants no more mail, or gets none: only its owner brings it back, by joining."""
    keys = {n: address_keys(row["kind"], row["canonical"]) for n, row in enumerate(said)}
    every = [key for each in keys.values() for key in each]
    wishes, gone = suppressed_for(every), queries.erased_among(every)
    return {n for n, each in keys.items() if any(key[:SHORT_KEY] in wishes or key in gone for key in each)}


def application_in(row: Said) -> Application:
    """What a row says, as if its person had joined. Who comes from no named place was put there by staff."""
    texts = {name: row[name] for name in JOINING[2:] if name in row}
    contact = channels.Contact(row["kind"], row["typed"], row["canonical"])
    return Application(contact, vouched="source" in texts, **{"source": "manual"} | texts)


def shown(row: Said) -> str:
    """Whom a row is about; where the list compares another form of the address, that as well."""
    if "typed" not in row:
        return f"id {row['id']}" if "id" in row else ""
    return row["typed"] if row["typed"] == row["canonical"] else f"{row['typed']} → {row['canonical']}"


uploads.kinds["entries"] = Kind(_("People"), "waitlist.import_entry", COLUMNS, ACTS, read, look, bring, shown)
registry.works["waitlist.import_entry"] = registry.Work(_("Bring in people from a file"), uploading.bring_lines)
