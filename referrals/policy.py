"""Who earns, and whom we name to strangers. Pure."""

TURNED_AWAY = ("rejected", "blocked", "left", "suspended")
LONGEST_NAME = 20
BETWEEN_LETTERS = "-'’"


def may_earn(status: str, *, held: bool, in_review: bool = False) -> bool:
    """Rewards go to who is on the list or in. For who is held, in review or turned away they stay due."""
    return status not in (*TURNED_AWAY, "erased") and not held and not in_review


def harmless_name(name: str) -> str:
    """A first name that may stand in a mail to a stranger: letters alone, so that no address or offer travels in it."""
    letters = "".join(character for character in name if character not in BETWEEN_LETTERS)
    return name if letters.isalpha() and len(name) <= LONGEST_NAME else ""
