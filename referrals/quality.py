"""How good the friends are whom somebody brings: one number, 0 to 1. Pure."""

from dataclasses import dataclass

# What is assumed before anybody came: as if one friend had stayed and one had not (a Beta(1, 1) prior, Laplace's rule of
# succession). It keeps one lucky friend from looking like a hundred, and its weight fades as friends come.
PRIOR_STAYED = 1
PRIOR_GONE = 1


@dataclass(frozen=True, slots=True)
class Friends:
    """Where the friends stand. Who confirmed and waits for their turn is in none of the four: that is no fault of theirs."""

    stayed: int = 0  # registered, and still are
    gone: int = 0  # left, were turned away or suspended, or the referral was voided
    silent: int = 0  # never confirmed
    in_review: int = 0  # the rules doubt them, and staff have not said that they are real

    @property
    def decided(self) -> int:
        """How many there is something to say about."""
        return self.stayed + self.gone + self.silent + self.in_review


def score(friends: Friends) -> float:
    """(stayed + 1) / (decided + 2), the posterior mean of the share that registers and stays; 0 while nothing is decided."""
    if not friends.decided:
        return 0.0
    return round((friends.stayed + PRIOR_STAYED) / (friends.decided + PRIOR_STAYED + PRIOR_GONE), 4)
