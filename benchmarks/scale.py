"""How much is measured: everything, everything and ten million people, or just enough to see that it runs."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scale:
    """People by the name of their database; rounds of so many seconds; sizes of a batch, a run of codes, a mailing."""

    people: dict[str, int]
    rounds: int
    seconds: int
    batch: int
    look_ups: int
    few: int  # uses of the code that too many want

    @property
    def largest(self) -> str:
        """The database with the most people."""
        return max(self.people, key=lambda name: self.people[name])

    def with_rounds(self, rounds: int | None, seconds: int | None) -> "Scale":
        """The same with other rounds, where somebody asked for them."""
        return replace(self, rounds=rounds or self.rounds, seconds=seconds or self.seconds)


SMALL, TEN, HUNDRED, MILLION, TEN_MILLION = (
    "a_thousand",
    "ten_thousand",
    "a_hundred_thousand",
    "a_million",
    "ten_million",
)
SIZES = {SMALL: 1_000, TEN: 10_000, HUNDRED: 100_000, MILLION: 1_000_000}

NORMAL = Scale(SIZES, rounds=5, seconds=5, batch=10_000, look_ups=400, few=200)
FULL = replace(NORMAL, people=SIZES | {TEN_MILLION: 10_000_000})
QUICK = Scale(
    {SMALL: 100, TEN: 1_000, HUNDRED: 3_000, MILLION: 6_000}, rounds=1, seconds=1, batch=500, look_ups=50, few=40
)
