"""What happened to a person, in plain words: facts of the trail, messages and who did it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox.facts import catalogue
from waitlist.scoring import reason_of

# Each with the numbers of its fact; %(code_shown)s is the last four characters of its code. What is not here is told as
# docs/events.md tells it.
FACTS: dict[str, Promise] = {
    "entry.joined": gettext_lazy("Joined the list (source: %(source)s)."),
    "entry.confirmed": gettext_lazy("Confirmed the address and got a place."),
    "entry.resent": gettext_lazy("Asked for the message to confirm again."),
    "message.resent": gettext_lazy("The message “%(message)s” was written again."),
    "entry.invited": gettext_lazy("Was granted a place."),
    "invite.issued": gettext_lazy("Was offered a place with the code …%(code_shown)s."),
    "invite.lapsed": gettext_lazy("Did not use the invite in time."),
    "invite.declined": gettext_lazy("Said no to the invite."),
    "entry.returned": gettext_lazy("Waits again after an unused invite."),
    "entry.registered": gettext_lazy("Is in, with the tier %(tier)s."),
    "code.redeemed": gettext_lazy("Used the code …%(code_shown)s %(campaign)s."),
    "use.reserved": gettext_lazy("A use of the code …%(code_shown)s is kept until they prove their mailbox."),
    "entry.linked": gettext_lazy("Made a log-in here."),
    "entry.held": gettext_lazy("Was held: the brake is on."),
    "entry.released": gettext_lazy("Was released from hold."),
    "entry.approved": gettext_lazy("Was approved."),
    "entry.appealed": gettext_lazy("Was put back into the queue."),
    "entry.deferred": gettext_lazy("Asked to be passed over until %(until)s."),
    "entry.removed": gettext_lazy("Left the queue: %(status)s."),
    "entry.suspended": gettext_lazy("Access was suspended."),
    "entry.restored": gettext_lazy("Access was given back."),
    "entry.readdressed": gettext_lazy("Got another address."),
    "entry.erased": gettext_lazy("Was erased."),
    "entry.taken_out": gettext_lazy("All that is kept about them was taken out, to hand it to them."),
    "points.awarded": gettext_lazy("%(points)s points: %(rule)s."),
    "tier.raised": gettext_lazy("Was given the tier %(tier)s."),
    "digits.tried": gettext_lazy("Typed six digits to confirm."),
    "milestone.reached": gettext_lazy("%(friends)s friends are in: the milestone %(milestone)s is reached."),
    "reward.clawed_back": gettext_lazy("A reward was taken back (%(amount)s %(kind)s)."),
    "reward.dropped": gettext_lazy("A reward that was due is not given (%(amount)s %(kind)s)."),
    "assessment.overruled": gettext_lazy("Staff set aside what the rules had found."),
    "question.asked": gettext_lazy("Was asked the launch's one question."),
    "question.answered": gettext_lazy("Answered the launch's one question: %(score)s of 5."),
    "code.revoked": gettext_lazy("Their code …%(code_shown)s was ended."),
    "code.paused": gettext_lazy("Their code …%(code_shown)s was paused."),
    "code.resumed": gettext_lazy("Their code …%(code_shown)s works again."),
    "code.extended": gettext_lazy("Their code …%(code_shown)s was given %(days)s more days."),
    "code.expired": gettext_lazy("Their code …%(code_shown)s ran out of time."),
}
MESSAGES: dict[str, Promise] = {
    "confirm": gettext_lazy("how to confirm"),
    "already": gettext_lazy("you are in line already"),
    "invited": gettext_lazy("your invitation"),
    "welcome": gettext_lazy("welcome, with their own codes"),
    "lapsed": gettext_lazy("your invitation has run out"),
    "complete": gettext_lazy("finish signing up"),
    "milestone": gettext_lazy("news of your friends"),
    "question": gettext_lazy("the one question"),
    "share": gettext_lazy("a friend thinks of you"),
    "moved": gettext_lazy("your place has another address now"),
    "account": gettext_lazy("about their log-in"),
}
SUPPRESSED: dict[str, Promise] = {
    "bounced": gettext_lazy("a message to it bounced: there is no such mailbox"),
    "unsubscribed": gettext_lazy("its owner wants no more messages"),
    "complained": gettext_lazy("its owner said that our messages are spam"),
}


def fact_in_words(kind: str, said: Mapping[str, Any], codes: Mapping[int, str]) -> str:
    """What one event says."""
    known = FACTS.get(kind)
    if known is None:
        return _(catalogue[kind].when) if kind in catalogue else kind
    shown: dict[str, Any] = defaultdict(str, said)
    shown["code_shown"] = codes.get(said.get("code", 0), "····")
    shown["message"] = str(MESSAGES.get(said.get("message", ""), said.get("message", "")))
    if "rule" in said:
        shown["rule"] = _(reason_of(said["rule"])).rstrip(".")
    return " ".join((str(known) % shown).replace(" .", ".").split())


def why_in_words(kind: str, said: Mapping[str, Any]) -> str:
    """The reason that somebody gave, and what an event says besides."""
    parts = [str(said["reason"])] if said.get("reason") and said.get("reason") != said.get("status") else []
    if said.get("path") == "lottery":
        parts.append(_("drawn by lot"))
    if said.get("referred_by"):
        parts.append(_("brought by entry %(n)s") % {"n": said["referred_by"]})
    if said.get("batch"):
        parts.append(_("in batch %(n)s") % {"n": said["batch"]})
    if kind == "entry.returned":
        parts.append(_("at the end of the line") if said.get("tail") else _("at their old place"))
    if kind == "entry.readdressed":
        parts.append(_("to be confirmed") if said.get("confirm") else _("not to be confirmed"))
        parts.append(_("the old address was told") if said.get("old_told") else _("the old address was not told"))
    return ", ".join(parts)
