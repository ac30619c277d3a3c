"""The people of a simulated launch: honest ones, those who only look odd, and those who cheat. Pure but for the dice.

Each kind acts as such people are known to act, not as the rules would like them to: honest people block cookies, write the
same short sentence, and sit behind one carrier's address; cheats open private windows, wait before they send, and rent
addresses. The rules are not told who is who.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from outbox.callers import Origin

KINDS = ("honest", "office", "family", "ring", "bots", "farm", "leak")
CHEATS = frozenset({"ring", "bots", "farm", "leak"})
# Of a thousand people; the rest is honest. An office has fifty, a family four, a ring about a dozen.
# A smaller crowd keeps their sizes as far as it can: half a ring is none.
SMALLEST = {"office": 50, "family": 4, "ring": 12, "bots": 40, "farm": 40, "leak": 40}
SHARES = {"office": 50, "family": 40, "ring": 60, "bots": 120, "farm": 60, "leak": 60}

FIRST = (
    "anna ben carla david elena frank greta hugo ines jan katja lars maria nils olga paul quinn rosa sven "
    "tina ulla viktor wanda xenia yusuf zoe amir bella chen dario emre fatima george hanna ivan julia "
    "kemal lucia mateo nora omar petra "
).split()
LAST = (
    "adler brandt castro dorn evans fischer garcia huber ivanov jansen keller lopez meyer novak olsen "
    "peters quast richter silva tanaka ulrich vogel weber xu yilmaz zimmer abel bauer conti duarte eder "
    "franke gross hahn imhof jung klein lange "
).split()
FREE = ("gmail.com",) * 6 + ("outlook.com", "outlook.com", "yahoo.com", "icloud.com", "gmx.de", "web.de", "proton.me")
AGENTS = tuple(
    f"Mozilla/5.0 ({system}) {engine}"
    for system in (
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "iPhone; CPU iPhone OS 18_1 like Mac OS X",
        "Linux; Android 15; Pixel 8",
        "Linux; Android 14; SM-S911B",
    )
    for engine in ("Chrome/131.0 Safari/537.36", "Firefox/132.0", "Safari/605.1.15", "Edg/131.0")
)
PROGRAMS = ("python-requests/2.32.3", "Go-http-client/1.1", "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131.0")
COMMON = ("just curious to try it out", "looking for a better tool for my team", "a friend told me about it")
WORDS = (
    "plan track share write draft notes teams clients reports budgets lessons recipes travel photos music "
    "invoices projects customers weekly meetings drawings research students garden workshop orders "
    "support release archive family club school "
).split()
DOMAINS_OF_FARMS = (
    "mailinator.com",
    "guerrillamail.com",
    "yopmail.com",
    "temp-mail.org",
    "10minutemail.com",
    "trashmail.com",
)


@dataclass
class Person:
    """Somebody who will join (or only redeem a leaked code), with all they do decided beforehand."""

    kind: str
    email: str
    name: str
    at: timedelta  # after the launch opened
    origin: Origin
    use_case: str = ""
    friend: "Person | None" = None  # whose link they come by
    confirms: bool = True
    confirms_from: Origin | None = None  # None: as they joined
    redeems: bool = True
    marks: dict[str, str] = field(default_factory=dict)


class Crowd:
    """Draws people with the dice of one seed."""

    def __init__(self, people: int, seed: int) -> None:
        self.dice = random.Random(seed)
        self.size = people
        self.networks = 0
        self.devices = 0
        self.taken: set[str] = set()

    def everybody(self) -> list[Person]:
        """All of them, in the order in which they come; who follows a friend's link comes after the friend."""
        of_kind: dict[str, Callable[[int], Iterator[Person]]] = {
            "office": self.office,
            "family": self.families,
            "ring": self.rings,
            "bots": self.bots,
            "farm": self.farm,
            "leak": self.leak,
        }
        sizes = {
            kind: max(self.size * share // 1000, min(SMALLEST[kind], self.size // 8)) for kind, share in SHARES.items()
        }
        drawn = list(self.honest(max(0, self.size - sum(sizes.values()))))
        for kind, count in sizes.items():
            drawn += of_kind[kind](count)
        return sorted(drawn, key=lambda person: person.at)

    # What people have

    def network(self) -> str:
        """A network of its own, at home somewhere in the world."""
        self.networks += 1
        n = self.networks
        return f"{20 + n % 60}.{(n * 7) % 251}.{(n * 31) % 253}.{1 + (n * 13) % 250}"

    def device(self) -> str:
        """A browser of its own."""
        self.devices += 1
        return f"device-{self.devices}"

    def moment(self, days: float = 3.0) -> timedelta:
        """Some time while the launch is young."""
        return timedelta(days=self.dice.random() * days)

    def seconds(self) -> float:
        """How long somebody looks at a form of four fields: half a minute, a few much less, since a browser filled it in."""
        return max(3.2, self.dice.lognormvariate(3.3, 0.7))

    def named(self, domain: str = "") -> tuple[str, str]:
        """(name, address), each address once."""
        dice = self.dice
        while True:
            first, last = dice.choice(FIRST), dice.choice(LAST)
            number = str(dice.randint(1, 99)) if dice.random() < 0.4 else ""
            local = dice.choice((f"{first}.{last}", f"{first}{last}", f"{first[0]}{last}", f"{first}_{last}")) + number
            address = f"{local}@{domain or dice.choice(FREE)}"
            mailbox = address.replace(".", "")  # what a provider may take for one
            if mailbox not in self.taken:
                self.taken.add(mailbox)
                return f"{first.title()} {last.title()}", address

    def drawn_name(self, domain: str) -> str:
        """An address whose name a machine drew."""
        letters = "".join(self.dice.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _n in range(11))
        return f"{letters}@{domain}"

    def sentence(self) -> str:
        """What somebody would use it for: nothing, what many write, or words of their own."""
        chance = self.dice.random()
        if chance < 0.4:
            return ""
        return self.dice.choice(COMMON) if chance < 0.5 else " ".join(self.dice.choices(WORDS, k=12))

    # Who comes

    def honest(self, count: int) -> Iterator[Person]:
        """Each by themselves; some block cookies, some sit behind a carrier's address, some come by a friend."""
        carriers = [self.network() for _n in range(5)]
        so_far: list[Person] = []
        shy = set(self.dice.sample(range(count), round(count * 0.003)))  # three in a thousand, however the dice fall
        for n in range(count):
            dice, (name, email) = self.dice, self.named(self.dice.choice(("", "", "", self.firm())))
            if n in shy:
                email = email.partition("@")[0] + "@yopmail.com"  # and honest all the same
            mobile = dice.random() < 0.12
            origin = Origin(
                dice.choice(carriers) if mobile else self.network(),
                dice.choice(AGENTS),
                "" if dice.random() < 0.08 else self.device(),
                self.seconds(),
            )
            person = Person("honest", email, name, self.moment(), origin, self.sentence())
            if so_far and dice.random() < 0.2:
                person.friend = dice.choice(so_far[-200:])
                person.at = max(person.at, person.friend.at + timedelta(minutes=30))
            person.confirms = dice.random() < 0.92
            if dice.random() < 0.3:  # the mail is read on the phone
                person.confirms_from = Origin(dice.choice(carriers), dice.choice(AGENTS), self.device())
            so_far.append(person)
            yield person

    def firm(self) -> str:
        """The domain of a small firm."""
        return f"{self.dice.choice(WORDS)}-{self.dice.choice(LAST)}.example"

    def office(self, count: int) -> Iterator[Person]:
        """Colleagues behind one address, within a lunch break, most of them by one colleague's link."""
        network, domain, start = self.network(), self.firm(), self.moment(2.5)
        agents, first = self.dice.sample(AGENTS, 3), None
        for n in range(count):
            name, email = self.named(domain)
            origin = Origin(network, self.dice.choice(agents), self.device(), self.seconds())
            person = Person("office", email, name, start + timedelta(seconds=50 * n), origin, self.sentence())
            person.friend = first if first and self.dice.random() < 0.7 else None
            first = first or person
            yield person

    def families(self, count: int) -> Iterator[Person]:
        """Four at one tablet, one after the other; one of them brought the others."""
        for start in range(0, count, 4):
            tablet = Origin(self.network(), self.dice.choice(AGENTS), self.device())
            at, first = self.moment(), None
            for n in range(min(4, count - start)):
                (name, email), origin = self.named(), replace(tablet, form_seconds=self.seconds())
                person = Person("family", email, name, at + timedelta(minutes=6 * n), origin, self.sentence())
                person.friend = first
                first = first or person
                yield person

    def rings(self, count: int) -> Iterator[Person]:
        """One person with a dozen addresses who brings themselves: in private windows or one browser, as a star or a chain."""
        phones = set(self.dice.sample(range(count), round(count / 20)))  # one account in twenty is made from the phone
        rings, start = max(1, round(count / 12)), 0
        for n in range(rings):
            size = (count - start) // (rings - n)
            yield from self.ring(size, {number - start for number in phones})
            start += size

    def ring(self, size: int, phones: set[int]) -> Iterator[Person]:
        """One ring."""
        dice, at = self.dice, self.moment(2.0)
        network, agent, own = self.network(), dice.choice(AGENTS), self.device()
        private, star = dice.random() < 0.5, dice.random() < 0.5
        made: list[Person] = []
        for n in range(size):
            name, email = self.named(dice.choice(FREE))
            origin = Origin(network, agent, self.device() if private else own, dice.uniform(5, 30))
            if n in phones:
                origin = Origin(self.network(), dice.choice(AGENTS), self.device(), dice.uniform(5, 30))
            person = Person("ring", email, name, at, origin, self.sentence())
            person.friend = (made[0] if star else made[-1]) if made else None
            made.append(person)
            at += timedelta(minutes=dice.uniform(1, 12))
            yield person

    def bots(self, count: int) -> Iterator[Person]:
        """Scripts in bursts of forty: a few machines side by side, texts from a list, addresses drawn or numbered."""
        for start in range(0, count, 40):
            dice, at, block = self.dice, self.moment(2.5), self.network().rpartition(".")[0]
            machines = [f"{block}.{dice.randint(1, 250)}" for _n in range(dice.randint(1, 3))]
            agent = dice.choice(PROGRAMS) if dice.random() < 0.6 else dice.choice(AGENTS)
            by_form, stem, domain = dice.random() < 0.5, dice.choice(FIRST) + dice.choice(LAST), dice.choice(FREE)
            texts = [" ".join(dice.choices(WORDS, k=9)) for _n in range(3)]
            for n in range(min(40, count - start)):
                email = f"{stem}{1000 + start + n}@{domain}" if by_form else self.drawn_name(domain)
                seconds = dice.uniform(3.1, 6) if by_form else None
                origin = Origin(dice.choice(machines), agent, "", seconds)
                when = at + timedelta(seconds=n * dice.uniform(5, 40))
                yield Person("bots", email, "", when, origin, dice.choice(texts), confirms=dice.random() < 0.5)

    def farm(self, count: int) -> Iterator[Person]:
        """Throw-away mailboxes through rented home connections, for one person's points; some at a domain bought for it."""
        dice = self.dice
        name, email = self.named("gmail.com")
        master = Person(
            "farm", email, name, self.moment(0.2), Origin(self.network(), dice.choice(AGENTS), self.device(), 20)
        )
        bought = [f"{self.drawn_name('x').partition('@')[0]}.com" for _n in range(max(1, count // 60))]
        yield master
        start = self.moment(1.5)
        for n in range(count - 1):
            domain = dice.choice(DOMAINS_OF_FARMS) if dice.random() < 0.75 else dice.choice(bought)
            origin = Origin(self.network(), dice.choice(AGENTS), self.device(), dice.uniform(6, 60))
            at = max(start, master.at) + timedelta(minutes=dice.uniform(5, 600))
            person = Person("farm", self.drawn_name(domain), "", at, origin, self.sentence(), friend=master)
            person.friend = master if n % 4 else None
            yield person

    def leak(self, count: int) -> Iterator[Person]:
        """A guest code in a public chat: strangers from everywhere within two hours, half of them with throw-away addresses."""
        dice = self.dice
        for _n in range(count):
            name, email = self.named(dice.choice(DOMAINS_OF_FARMS) if dice.random() < 0.5 else "")
            origin = Origin(self.network(), dice.choice(AGENTS), self.device())
            yield Person("leak", email, name, timedelta(days=3, minutes=dice.uniform(0, 120)), origin)
