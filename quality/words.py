"""Evidence in plain words, as moderators read it beside a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quality.rules import WEIGHTS, reason_of

# What each field of the evidence says; `%(n)s` is its value. A field that is not here is told by its name.
SENTENCES: dict[str, Promise] = {
    "disposable": gettext_lazy("The address is at a provider of throw-away mailboxes."),
    "made_up": gettext_lazy("The name in the address looks drawn by a machine."),
    "program": gettext_lazy("The device says that it is a program, or does not say what it is."),
    "form_seconds": gettext_lazy("The form was open for %(n)s seconds."),
    "network_people": gettext_lazy("%(n)s other people from the same network within an hour."),
    "network_devices": gettext_lazy("%(n)s browsers could be told apart among them."),
    "network_caught": gettext_lazy("%(n)s of these people are held by the rules."),
    "nearby_people": gettext_lazy("%(n)s other people from the networks around within an hour."),
    "nearby_devices": gettext_lazy("%(n)s browsers could be told apart among those."),
    "device_people": gettext_lazy("%(n)s other people with the same browser within 30 days."),
    "domain_people": gettext_lazy("%(n)s other addresses at the same domain within a day."),
    "domain_networks": gettext_lazy("They came from %(n)s networks."),
    "same_text": gettext_lazy("%(n)s others gave the same use case, word for word."),
    "same_stem": gettext_lazy("%(n)s others from here with the same address but for a tag or a number."),
    "linked_here": gettext_lazy(
        "%(n)s others from here with the same kind of browser, brought by one another or by the same person."
    ),
    "company_brought": gettext_lazy("%(n)s others were brought by the same person."),
    "company_caught": gettext_lazy("%(n)s of those are held by the rules."),
    "referrer_device": gettext_lazy("The browser is the one of who brought them."),
    "referrer_stem": gettext_lazy("The address is the one of who brought them, but for a tag or a number."),
    "referral_cycle": gettext_lazy("Who brought them was brought by them."),
    "code_networks": gettext_lazy("The code was used from %(n)s networks within an hour."),
    "network_barred": gettext_lazy("Staff blocked the network."),
    "domain_barred": gettext_lazy("Staff blocked the domain."),
    "cleared": gettext_lazy("Staff had released them before, so nothing followed."),
}


def in_words(evidence: Mapping[str, Any]) -> list[str]:
    """One sentence for each thing that was seen; "nothing odd" where nothing was."""
    seen = [(name, value) for name, value in evidence.items() if name != "act"]
    return [sentence(name, value) for name, value in seen] or [_("Nothing odd was seen.")]


def fired_in_words(rules: Sequence[str]) -> list[str]:
    """The rules that fired, with what each weighs today."""
    return [f"{_(reason_of(name))} (+{WEIGHTS[name]})" if name in WEIGHTS else reason_of(name) for name in rules]


def sentence(name: str, value: Any) -> str:
    """What one field says."""
    shown = round(value, 1) if isinstance(value, float) else value
    known = SENTENCES.get(name)
    return str(known) % {"n": shown} if known else f"{name.replace('_', ' ')}: {shown}"
