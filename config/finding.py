"""One box that finds people and codes by whatever somebody has in hand. What is typed is posted, so that it stands in no log."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invites import leaks
from invites.models import Code, Invite, Redemption
from outbox.console import may
from outbox.mail import delivery_named
from outbox.models import Event
from waitlist import finding
from waitlist.channels import Contact, read_any
from waitlist.models import Entry, Launch
from waitlist.shown import NEEDS, contact_for

MOST = 20  # of one kind: more is a reason to type more
LONGEST = 500  # a link with a signed token in it
SHORTEST = 2  # a single letter is a word by itself, and the beginning of nothing
DOMAIN = re.compile(r"@?([\w-]+(?:\.[\w-]+)+)")


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody, by their entry's id, or a code, and why they were found."""

    why: str | Promise
    entry_id: int = 0
    code: Code | None = None


Finder = Callable[[str], Iterator[Hit]]


def people(why: str | Promise, entries: Any) -> Iterator[Hit]:
    """These people, found for this reason."""
    return (Hit(why, pk) for pk in entries.values_list("pk", flat=True)[: MOST + 1])


def by_address(typed: str) -> Iterator[Hit]:
    """An address or a phone number, whole; a number also where somebody left the plus out."""
    contact = contact_in(typed) or contact_in(f"+{typed}")
    if contact:
        kind = {"contact_kind": contact.kind, "canonical": contact.canonical}
        yield from people(_("their address"), Entry.objects.filter(launch__in=launches(), **kind))


def contact_in(typed: str) -> Contact | None:
    """The contact somebody typed, or None."""
    try:
        return read_any(typed)
    except ValueError:
        return None


def launches() -> list[int]:
    """Every launch, so that the indexes that begin with one serve."""
    return list(Launch.objects.values_list("pk", flat=True))


def by_number(typed: str) -> Iterator[Hit]:
    """The number of an entry, or the id by which a member is known here or in the product."""
    if re.fullmatch(r"(?:entry[ :#]*|#)?\d{1,18}", typed.lower()):
        yield from people(_("the number of their entry"), Entry.objects.filter(pk=int(re.sub(r"\D", "", typed))))
    try:
        member = UUID(typed)
    except ValueError:
        member = None
    if member:
        yield from people(_("their member id"), Entry.objects.filter(member_id=member, registered_at__isnull=False))
    known = Entry.objects.filter(launch__in=launches(), host_user_id=typed).exclude(host_user_id="")
    yield from people(_("their id in the product"), known)
    yield from people(_("their referral code"), Entry.objects.filter(referral_code=typed.lower()))


def by_code(typed: str) -> Iterator[Hit]:
    """A code in any shape, or a link with one in it; else its last four characters."""
    if whole := leaks.code_behind(typed):
        yield from hits_of(whole, _("this code"))
    for code in leaks.ending_in(typed, MOST + 1):
        yield from hits_of(code, _("the last four characters of a code"))


def hits_of(code: Code, why: str | Promise) -> Iterator[Hit]:
    """The code, whose it is and who used it."""
    yield Hit(why, code=code)
    for holder in Invite.objects.filter(code=code).values_list("entry_id", flat=True):
        yield Hit(_("their invite has this code"), holder)
    for user in Redemption.objects.filter(code=code).values_list("entry_id", flat=True)[:MOST]:
        yield Hit(_("used this code"), user)
    for told in Event.objects.filter(subject=f"code:{code.pk}", kind="code.revoked", data__has_key="entry"):
        yield Hit(_("their old code, which another one took the place of"), told.data["entry"])
    if code.owner_id:
        yield Hit(_("may give this code away"), code.owner_id)


def by_message(typed: str) -> Iterator[Hit]:
    """The Message-ID of a mail that somebody forwarded."""
    delivery = delivery_named(typed)
    kind, _colon, number = delivery.subject.partition(":") if delivery else ("", "", "")
    if kind == "entry":
        yield Hit(_("a mail to them"), int(number))
    elif kind == "invite":
        yield from (
            Hit(_("a mail to them"), pk) for pk in Invite.objects.filter(pk=number).values_list("entry_id", flat=True)
        )


def by_name(typed: str) -> Iterator[Hit]:
    """The beginnings of the words of a name."""
    words = re.findall(r"\w+", typed)
    if words and "@" not in typed:
        wanted = [finding.quoted("n", word, prefix=len(word) >= SHORTEST) for word in words]
        yield from (Hit(_("their name"), pk) for pk in finding.ids_with(wanted, MOST + 1))


def by_domain(typed: str) -> Iterator[Hit]:
    """The whole domain of an address."""
    if domain := DOMAIN.fullmatch(typed):
        wanted = [finding.quoted("d", domain[1], prefix=False)]
        yield from (Hit(_("the domain of their address"), pk) for pk in finding.ids_with(wanted, MOST + 1))


def by_beginning(typed: str) -> Iterator[Hit]:
    """How an address or a number begins; Gmail's are compared without the dots of the name."""
    text = unicodedata.normalize("NFKC", typed).casefold()
    if len(text) < SHORTEST or " " in text or text.startswith("@"):
        return
    kind = "phone" if text.startswith("+") else "email"
    name, at, domain = text.partition("@")
    for begins in {text: None, f"{name.replace('.', '')}{at}{domain}": None}:
        found = finding.ids_beginning(kind, begins, MOST + 1)
        yield from (Hit(_("the beginning of their address"), pk) for pk in found)


EXACT: tuple[Finder, ...] = (by_address, by_number, by_code, by_message)


def hits(typed: str, user: Any) -> list[Hit]:
    """Everybody and everything found, each once, for the first reason that found it. A part of an address finds somebody only
    for who may read addresses, or one could be guessed letter by letter."""
    found = [hit for finder in EXACT for hit in finder(typed)]
    found += by_name(typed)
    if may(user, NEEDS):
        found += [*by_domain(typed), *by_beginning(typed)]
    once = {(hit.entry_id, hit.code.pk if hit.code else 0): hit for hit in reversed(found)}
    return list(reversed(once.values()))


def find(request: HttpRequest) -> HttpResponse:
    """The box, what was found, or at once the page of the only one that was."""
    typed = request.POST.get("q", "")[:LONGEST].replace("\x00", "").strip()
    seen = {"people": may(request.user, "waitlist.view_entry"), "codes": may(request.user, "invites.view_code")}
    found = hits(typed, request.user) if typed and seen["people"] else []
    entries = Entry.objects.select_related("launch").in_bulk([hit.entry_id for hit in found if hit.entry_id])
    persons = [(entries[hit.entry_id], hit.why) for hit in found if hit.entry_id in entries]
    codes = [(hit.code, hit.why) for hit in found if hit.code and seen["codes"]]
    # A code that is for one person leads to them; of one for many, who has used it so far is not whom somebody looks for.
    if len(persons) == 1 and all(code.max_uses == 1 for code, _why in codes) and len(codes) < 2:
        return HttpResponseRedirect(reverse("admin:waitlist_entry_change", args=[persons[0][0].pk]))
    if not persons and len(codes) == 1:
        return HttpResponseRedirect(reverse("admin:invites_code_change", args=[codes[0][0].pk]))
    rows = [{"entry": entry, "contact": contact_for(request.user, entry), "why": why} for entry, why in persons[:MOST]]
    shown = {"title": _("Find a person or a code"), "typed": typed, "people": rows, "codes": codes[:MOST]}
    shown |= {"more": max(len(persons), len(codes)) > MOST, "parts": may(request.user, NEEDS)}
    return TemplateResponse(request, "admin/find.html", admin.site.each_context(request) | shown)
