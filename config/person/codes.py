"""“The code does not work”: why, in words, and what to do next."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import named
from config.guesses import ends_by_rows, of_contact
from config.person.state import moment
from invites import codes, policy
from invites.actions import redeeming
from invites.actions.reserving import contact_of
from invites.models import Attempt, Code, Redemption
from outbox.keys import address_key, address_keys
from outbox.models import Event
from quality import gates
from quality.queries import gating
from waitlist.models import Entry


@dataclass(frozen=True, slots=True)
class Answer:
    """Why it does not work, or that it does; the button that helps ("" for none), and the code's number."""

    text: str
    act: str = ""
    code_id: int = 0


def explained(entry: Entry, typed: str) -> Answer:
    """What this person would be told in truth, were they to use this code now."""
    code = Code.objects.filter(digest__in=codes.digests(typed)).first()
    if code is None:
        folded = codes.fold(typed)
        return Answer(
            _("There is no such code. Read as “%(code)s”: a character may be missing or wrong.") % {"code": folded},
            again(entry),
        )
    if code.launch_id != entry.launch_id:
        return Answer(_("This code is for another launch: %(launch)s.") % {"launch": code.launch}, "", code.pk)
    if waits_until := cooling_of(entry):
        return Answer(
            _(
                "Too many wrong codes came from where they are: they have to wait until %(at)s. The code itself may be fine."
            )
            % {"at": waits_until},
            code_id=code.pk,
        )
    ask = redeeming.Ask(contact_of(entry), code=typed, proven=True)
    found = redeeming.look(entry.launch, ask)
    refusal = found.refusal or policy.turned_away(found)
    if entry.status == Entry.Status.REGISTERED:
        return Answer(_("They are in already, so no code is needed."), code_id=code.pk)
    if refusal is None:
        works = _("The code works for them at this moment. Let them try once more, with the address they have here.")
        return Answer(works, again(entry), code.pk)
    return because(entry, code, refusal)


def again(entry: Entry) -> str:
    """What helps who has no code that works."""
    return "resend" if entry.status == Entry.Status.INVITED else "invite"


def cooling_of(entry: Entry) -> str:
    """Until when wrong codes keep them waiting, by where their last refused try came from."""
    keys = address_keys(entry.contact_kind, entry.canonical)
    last = Attempt.objects.filter(address_key__in=keys, network__isnull=False).order_by("-at").first()
    now = timezone.now()
    if last is None or last.at < now - timedelta(hours=3):
        return ""
    ends = ends_by_rows(str(last.network), now)
    spots = ("", f"device {last.device}", of_contact(address_key(entry.contact_kind, entry.canonical)))
    end = max((ends.get(spot, 0.0) for spot in spots), default=0.0)
    return moment(now + timedelta(seconds=end - now.timestamp())) if end else ""


def because(entry: Entry, code: Code, refusal: str) -> Answer:
    """One sentence for each reason, and the next step."""
    match refusal:
        case "code_expired":
            return Answer(_("It ran out on %(at)s.") % {"at": moment(code.expires_at)}, again(entry), code.pk)
        case "code_exhausted":
            return Answer(used_up(code), again(entry), code.pk)
        case "code_revoked":
            return Answer(ended(code), again(entry), code.pk)
        case "code_paused":
            return Answer(told(_("It was paused by %(by)s on %(at)s: %(why)s."), code, "code.paused"), "", code.pk)
        case "not_yet_valid":
            return Answer(_("It begins to work on %(at)s.") % {"at": moment(code.starts_at)}, "", code.pk)
        case "bound_elsewhere":
            said = _("It was made for another address than theirs. Only that address can use it.")
            return Answer(said, "readdress", code.pk)
        case "other_domain":
            return Answer(_("It works only for addresses at %(domain)s.") % {"domain": code.bound_domain}, "", code.pk)
        case "not_in_this_mode":
            return Answer(
                _("This launch lets in only who was invited from the list, whatever code they have."), "invite", code.pk
            )
        case "gate_closed":
            return Answer(gates.sentence(gating.standing(entry.launch_id, timezone.now()).closed), "", code.pk)
        case "entry_held":
            return Answer(
                _("The code is fine, but they are held: %(why)s.") % {"why": entry.held_reason}, "release", code.pk
            )
        case "entry_suspended":
            return Answer(_("The code is fine, but their access is suspended."), "restore", code.pk)
    status = entry.get_status_display()
    return Answer(_("The code is fine, but they are %(status)s.") % {"status": status}, "appeal", code.pk)


def used_up(code: Code) -> str:
    """By whom."""
    users = list(Redemption.objects.filter(code=code).order_by("-pk").values_list("entry_id", "at")[:3])
    if not users:
        return _("Its last use is being kept for somebody who is signing up.")
    who = ", ".join(_("entry %(n)s on %(at)s") % {"n": pk, "at": moment(at)} for pk, at in users)
    return _("Its %(n)s uses are used up: by %(users)s.") % {"n": code.max_uses, "users": who}


def ended(code: Code) -> str:
    """By whom and why."""
    return told(_("It was revoked by %(by)s on %(at)s: %(why)s."), code, "code.revoked")


def told(sentence: str, code: Code, kind: str) -> str:
    """The sentence with what the trail says of the newest fact of that kind."""
    event = Event.objects.filter(subject=f"code:{code.pk}", kind=kind).order_by("-id").first()
    if event is None:
        return sentence % {"by": "–", "at": "–", "why": "–"}
    return sentence % {
        "by": named([event.by])[event.by],
        "at": moment(event.at),
        "why": event.data.get("reason") or "–",
    }
