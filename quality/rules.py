"""The rules of risk: each one named predicate over plain evidence, with a weight; its docstring is what moderators read.

No single sign condemns anybody: an office shares a network, a family a device, friends a link. The weights are made so
that it takes either one sign that honest people do not give (a throw-away address) or several weak ones together.
Written down before the first simulation was run, and not fitted to any: docs/quality.md says why each weighs what it does.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

HIGHEST = 1000  # of a score


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one person at one moment. Counts are of other people of the same launch; no address stands here."""

    act: str = "join"
    disposable: bool = False  # the domain is on the list of throw-away providers, or an owner put it there
    made_up: bool = False  # the name before the @ looks drawn by a machine
    program: bool = False  # the device says that it is a program, or says nothing at all
    form_seconds: float | None = None  # on our own form; None elsewhere
    network_people: int = 0  # from the same network within an hour
    network_devices: int = 0  # browsers that can be told apart among them
    network_caught: int = 0  # and how many of these people the rules hold
    nearby_people: int = 0  # from the 256 networks around it, these included
    nearby_devices: int = 0
    device_people: int = 0  # with the same browser within 30 days
    domain_people: int = 0  # with an address at the same domain, which is no free mail, within a day
    domain_networks: int = 0
    same_text: int = 0  # who gave the same use case, word for word, within a week
    same_stem: int = 0  # from here within a day, with the same address but for a tag or a number
    linked_here: int = (
        0  # from here with the same kind of browser within a day, brought by one from here or by the same person
    )
    company_brought: int = 0  # others whom the same person brought
    company_caught: int = 0  # and how many of those the rules hold
    referrer_device: bool = False  # the browser of who brought them
    referrer_stem: bool = False  # the address of who brought them, but for a tag or a number
    referral_cycle: bool = False  # who brought them was brought by them
    code_networks: int = 0  # from how many networks the code was used within an hour, where it is no campaign's
    network_barred: bool = False  # staff blocked the network for now
    domain_barred: bool = False  # staff blocked the domain for now
    cleared: bool = False  # staff released them before: rules speak, and nothing follows

    def kept(self) -> dict[str, Any]:
        """As it stands in the row: what says nothing is left out."""
        return {name: value for name, empty in EMPTY.items() if (value := getattr(self, name)) != empty}


EMPTY = asdict(Evidence())  # looked up once: a file brings many people


def evidence_of(kept: Mapping[str, Any]) -> Evidence:
    """The evidence in a row, also in one written before a field was added or after one was dropped."""
    known = {field.name for field in fields(Evidence)}
    return Evidence(**{name: value for name, value in kept.items() if name in known})


@dataclass(frozen=True, slots=True)
class Finding:
    """The rules that fired, their sum, and the verdict."""

    rules: tuple[str, ...]
    score: int
    verdict: str


Predicate = Callable[[Evidence], bool]
RULES: dict[str, Predicate] = {}
WEIGHTS: dict[str, int] = {}


def rule(weight: int) -> Callable[[Predicate], Predicate]:
    """Registers a rule under its name."""

    def register(predicate: Predicate) -> Predicate:
        RULES[predicate.__name__], WEIGHTS[predicate.__name__] = predicate, weight
        return predicate

    return register


def is_one_machine(people: int, devices: int) -> bool:
    """Whether so many people use far fewer browsers: an office does not, a script does. Without any browser nobody knows."""
    return 0 < devices * 2 < people


@rule(60)
def disposable_domain(evidence: Evidence) -> bool:
    """The address is at a provider of throw-away mailboxes."""
    return evidence.disposable


@rule(25)
def made_up_name(evidence: Evidence) -> bool:
    """The name in the address looks drawn by a machine."""
    return evidence.made_up


@rule(20)
def program_at_work(evidence: Evidence) -> bool:
    """The device says that it is a program, or does not say what it is."""
    return evidence.program


@rule(20)
def quick_form(evidence: Evidence) -> bool:
    """The form was sent faster than people fill it in."""
    return evidence.form_seconds is not None and evidence.form_seconds < 5


@rule(40)
def network_burst(evidence: Evidence) -> bool:
    """Many people came from one network within an hour, and on far fewer browsers."""
    return evidence.network_people >= 8 and is_one_machine(evidence.network_people, evidence.network_devices)


@rule(25)
def nameless_burst(evidence: Evidence) -> bool:
    """Many people came from one network within an hour, and not one browser can be told apart."""
    return evidence.network_people >= 8 and evidence.network_devices == 0


@rule(20)
def caught_neighbours(evidence: Evidence) -> bool:
    """Most of the people who came from this network within an hour were held by these rules."""
    return evidence.network_caught >= 5 and evidence.network_caught * 2 >= evidence.network_people


@rule(30)
def nearby_burst(evidence: Evidence) -> bool:
    """Very many people came from the networks around within an hour, and on far fewer browsers."""
    around = evidence.nearby_people - evidence.network_people
    return around >= 20 and is_one_machine(around, evidence.nearby_devices - evidence.network_devices)


@rule(20)
def shared_device(evidence: Evidence) -> bool:
    """Several other people used the same browser."""
    return 3 <= evidence.device_people < 8


@rule(60)
def crowded_device(evidence: Evidence) -> bool:
    """More people used the same browser than a household has."""
    return evidence.device_people >= 8


@rule(40)
def domain_from_everywhere(evidence: Evidence) -> bool:
    """Many addresses of one domain came within a day, nearly each from a network of its own."""
    everywhere = evidence.domain_people >= 5 and evidence.domain_networks >= 0.8 * evidence.domain_people
    return everywhere and not evidence.disposable  # of a known provider this says nothing new


@rule(35)
def repeated_text(evidence: Evidence) -> bool:
    """Others gave the same use case, word for word."""
    return evidence.same_text >= 3


@rule(35)
def numbered_address(evidence: Evidence) -> bool:
    """Others came from here with the same address, but for a tag or a number."""
    return evidence.same_stem >= 2


@rule(55)
def referral_ring(evidence: Evidence) -> bool:
    """They came from one place with one kind of browser, brought by one another or by one person."""
    return evidence.linked_here >= 4


@rule(30)
def caught_company(evidence: Evidence) -> bool:
    """Most of the others whom the same person brought were held by these rules."""
    return evidence.company_caught >= 3 and evidence.company_caught * 2 >= evidence.company_brought


@rule(15)
def device_of_referrer(evidence: Evidence) -> bool:
    """The browser is the one of who brought them."""
    return evidence.referrer_device


@rule(50)
def self_referral(evidence: Evidence) -> bool:
    """The address is the one of who brought them, but for a tag or a number, and so is the browser or the network's crowd."""
    return evidence.referrer_stem and (evidence.referrer_device or evidence.same_stem > 0)


@rule(50)
def referral_cycle(evidence: Evidence) -> bool:
    """Who brought them was brought by them."""
    return evidence.referral_cycle


@rule(30)
def travelling_code(evidence: Evidence) -> bool:
    """A code that was given to one person or a few was used from many networks within an hour."""
    return evidence.code_networks >= 5


@rule(60)
def barred_network(evidence: Evidence) -> bool:
    """They came from a network that staff blocked."""
    return evidence.network_barred


@rule(60)
def barred_domain(evidence: Evidence) -> bool:
    """The address is at a domain that staff blocked."""
    return evidence.domain_barred


BARS = frozenset(
    {"barred_network", "barred_domain"}
)  # said by a person: they hold whatever the launch's thresholds are


def find(evidence: Evidence, *, review_score: int = 50, deny_score: int = 100) -> Finding:
    """What the rules say of this evidence, with the launch's thresholds."""
    fired = tuple(name for name, predicate in RULES.items() if predicate(evidence))
    score = min(HIGHEST, sum(WEIGHTS[name] for name in fired))
    is_doubted = score >= review_score or not BARS.isdisjoint(fired)
    verdict = "deny" if score >= deny_score else "review" if is_doubted else "allow"
    return Finding(fired, score, verdict)


def reason_of(name: str) -> str:
    """The sentence of a rule, also of one that is no more."""
    return (RULES[name].__doc__ or "").strip() if name in RULES else name.replace("_", " ")


LOCAL = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


def is_local(network: str) -> bool:
    """Whether an address is of our own machine or house: a proxy whose word is not believed stands in front of everybody."""
    address = ipaddress.ip_address(network)
    return any(address in one for one in LOCAL)


PROGRAMS = re.compile(
    r"curl|wget|python|httpx|aiohttp|go-http|okhttp|java/|libwww|headless|phantom|selenium|puppeteer|playwright|bot\b",
    re.IGNORECASE,
)
VOWELS = frozenset("aeiouyäöüéèàаеёиоуыэюя")
CONSONANTS = re.compile(
    r"[bcdfghjklmnpqrstvwxz]{6}"
)  # no language that is written in these letters has so many in a row
LONG_NAME = 8


def is_program(user_agent: str) -> bool:
    """Whether a device says that it is a program, or says nothing."""
    return not user_agent or PROGRAMS.search(user_agent) is not None


def is_made_up(canonical: str) -> bool:
    """Whether the name of an address looks drawn: long, and with digits among the letters, hardly a vowel, or none for long.

    A year or a number at the end is what people write; it is left out first.
    """
    name = canonical.partition("@")[0].partition("+")[0].rstrip("0123456789")
    letters = [letter for letter in name if letter.isalpha()]
    if len(name) < LONG_NAME or not letters:
        return False
    changes = sum(a.isdigit() != b.isdigit() for a, b in pairwise(name))
    mixed = changes >= 3 or (changes >= 2 and sum(letter.isdigit() for letter in name) >= 2)
    return mixed or CONSONANTS.search(name) is not None or not VOWELS.intersection(letters)
