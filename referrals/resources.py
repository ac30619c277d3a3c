"""Referrals as CSV. Out: who brought whom, and what became of it. In: who brought whom, and what counts no more."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from import_export import resources

from outbox import registry, sql
from outbox.reading import Unreadable
from referrals import actions, hot
from referrals.models import Referral
from waitlist import channels, uploads
from waitlist.actions import uploading
from waitlist.models import Launch, Upload
from waitlist.queries import found_in, referrers_by_code
from waitlist.uploads import CHANGED, DONE, NEW, Act, Column, Finding, Kind, Said, refused

GONE = ("rejected", "blocked", "left", "suspended")


class ReferralResource(resources.ModelResource):
    """One line a friend."""

    class Meta:
        model = Referral
        fields = (
            *("id", "referrer", "referrer__contact", "referee", "referee__contact", "status", "via", "created_at"),
            *("confirmed_at", "qualified_at", "void_reason", "void_for_good"),
        )
        export_order = fields


COLUMNS = (
    Column(
        "friend",
        _("the friend who was brought: address or number"),
        (
            "referee",
            "refereecontact",
            "invitee",
            "email",
            "friendemail",
            "друг",
            "приглашенный",
            "когопривели",
            "почта",
        ),
    ),
    Column(
        "referrer",
        _("who brought them: address, number or friend's code"),
        (
            "referrercontact",
            "inviter",
            "referredby",
            "invitedby",
            "ктопривел",
            "пригласивший",
            "ктопригласил",
            "реферер",
        ),
    ),
)
ACTS: Mapping[str, Act] = {
    "bring": Act(
        _("Note who brought whom"), ("referrals.import_referral",), ("friend", "referrer"), (("friend",), ("referrer",))
    ),
    "void": Act(
        _("Void the referrals of these friends"), ("referrals.void_referral",), ("friend", "referrer"), (("friend",),)
    ),
}


def read(upload: Upload, values: dict[str, str]) -> tuple[Said, str]:
    """Whom a row names: the friend, and who brought them."""
    said = {"friend": somebody_in(values.get("friend", ""))}
    if upload.act == "bring" or values.get("referrer"):
        said["referrer"] = somebody_in(values.get("referrer", ""), by_code=True)
    return said, json.dumps(said["friend"])


def somebody_in(text: str, *, by_code: bool = False) -> Said:
    """An address, a phone, our number of somebody, or the code they share. ValueError for nobody."""
    if not text:
        raise Unreadable(gettext_noop("The row names nobody."))
    if text.isdecimal() and len(text) < 18:
        return {"id": int(text)}
    if by_code and "@" not in text and not text.startswith("+"):
        return {"code": text.lower()[:40]}
    contact = channels.read_any(text)
    return {"kind": contact.kind, "canonical": contact.canonical, "typed": contact.as_typed}


def found_of(launch: Launch, people: Sequence[Said]) -> dict[int, int]:
    """The entries of these people, by their number among them."""
    by_code = referrers_by_code(launch, {one["code"] for one in people if "code" in one})
    named = [{"id": by_code.get(one["code"])} if "code" in one else one for one in people]
    return {n: row.id for n, row in found_in(launch, named).items()}


def pairs_of(upload: Upload, said: Sequence[Said]) -> list[tuple[int | None, int | None]]:
    """(friend, referrer) of each row, None for who is not on the list."""
    friends = found_of(upload.launch, [row["friend"] for row in said])
    referrers = found_of(upload.launch, [row.get("referrer", {}) for row in said])
    return [(friends.get(n), referrers.get(n)) for n in range(len(said))]


def look(upload: Upload, said: Sequence[Said]) -> list[Finding]:
    """What would come of these rows now."""
    pairs = pairs_of(upload, said)
    asked = [{"n": n, "friend": friend, "referrer": referrer} for n, (friend, referrer) in enumerate(pairs)]
    known = {row.n: row for row in sql.rows(hot.FIND_PAIRS, {"asked": json.dumps(asked)})}
    look_at = look_at_bringing if upload.act == "bring" else look_at_voiding
    return [look_at(row, pair, known.get(n)) for n, (row, pair) in enumerate(zip(said, pairs, strict=True))]


def look_at_bringing(row: Said, pair: tuple[int | None, int | None], known: Any) -> Finding:
    """What would come of "she brought him"."""
    friend, referrer = pair
    if friend is None or referrer is None or known is None:
        who = gettext_noop("Nobody on the list is the friend; bring in the people first.")
        return refused(
            who
            if friend is None
            else gettext_noop("Nobody on the list is who brought them; bring in the people first.")
        )
    if friend == referrer:
        return refused(gettext_noop("Nobody brings themselves."))
    if known.live:
        mine = known.brought_by == referrer
        return Finding("same") if mine else refused(gettext_noop("Somebody else brought them."))
    if known.named not in (None, referrer):
        return refused(gettext_noop("Somebody else brought them."))
    if known.void_reason is not None:
        return refused(gettext_noop("Staff said that this one counts no more: %(because)s"), because=known.void_reason)
    if known.back:
        return refused(gettext_noop("The friend brought them, not the other way round."))
    if known.friend_status in GONE or known.referrer_status in GONE:
        return refused(gettext_noop("One of the two is gone: rejected, blocked, suspended, or left."))
    return NEW


def look_at_voiding(row: Said, pair: tuple[int | None, int | None], known: Any) -> Finding:
    """What would come of "this one counts no more"."""
    friend, referrer = pair
    if friend is None or known is None:
        return refused(gettext_noop("Nobody on the list is the friend."))
    if known.live is None:
        return Finding("same")
    if "referrer" in row and known.brought_by != referrer:
        return refused(gettext_noop("Somebody else brought them."))
    return CHANGED


def bring(upload: Upload, said: Sequence[Said], reason: str, *, by: str) -> list[Finding]:
    """Does what the rows say; what came of each."""
    before, pairs = look(upload, said), pairs_of(upload, said)
    able = {friend: referrer for (friend, referrer), one in zip(pairs, before, strict=True) if one in (NEW, CHANGED)}
    if upload.act == "bring":
        actions.bring({friend: referrer for friend, referrer in able.items() if friend and referrer}, reason, by=by)
    else:
        live = Referral.objects.filter(referee__in=[friend for friend in able if friend]).exclude(status="voided")
        actions.void(list(live.values_list("pk", flat=True)), reason, by=by)
    after = look(upload, said)
    return [
        DONE if one in (NEW, CHANGED) and now.verdict == "same" else now for one, now in zip(before, after, strict=True)
    ]


def shown(row: Said) -> str:
    """Whom a row is about."""
    return " ← ".join(called(row[name]) for name in ("friend", "referrer") if name in row)


def called(one: Said) -> str:
    """Somebody, as the file names them."""
    return str(one.get("typed") or one.get("code") or f"id {one.get('id')}")


uploads.kinds["referrals"] = Kind(_("Referrals"), "referrals.import_referral", COLUMNS, ACTS, read, look, bring, shown)
registry.works["referrals.import_referral"] = registry.Work(_("Bring in referrals from a file"), uploading.bring_lines)
