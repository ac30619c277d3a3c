"""What becomes of a delivery: how it may end, how long a failed one waits, and which mails reach whom. Pure functions."""

import re
import smtplib
from enum import StrEnum

from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused

# Seconds from one try to the next; after the last one the row is given up, three days after it was first tried.
WAITS = (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
LONGEST_UNREACHED = 600  # while the other side is down, which is no fault of the row, it is tried at least this often
SPREAD = 0.2  # of a wait, either way, so that what failed together does not come back together

# Mails that somebody asked for a moment ago. They also reach an address that wants no more mail: who unsubscribes and
# then signs up must be able to confirm. Everything else stops. A bounced or complaining address gets nothing at all.
#
#   confirm    they typed the address into the line just now       yes
#   complete   they typed a code for the address just now          yes
#   welcome    they registered just now; it holds their codes      yes
#   account    sign-in code, password, address: asked for now      yes
#   invited    their turn came, perhaps months later               no   (the unsubscribe page says so)
#   already    somebody typed the address again                    no
#   milestone  news of their friends                               no
#   lapsed     news of their invite                                no
#   reissued   a new code, because the old one leaked              no
#   share      a friend wrote to them                              no
#   alert      staff should look at something                      no   (the console shows it whatever they chose)
#   question   we ask them something, days after they came in      no
ANSWERS = frozenset({"confirm", "complete", "welcome", "account"})
UNSUBSCRIBED, BOUNCED = "unsubscribed", "bounced"

ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;]+")
NUMBER = re.compile(r"\+\d[\d\s().-]{5,}\d")
LONGEST_NOTE = 300


class End(StrEnum):
    """How one try ended."""

    DONE = "done"
    DROPPED = "dropped"  # there was nothing to say any more, or nobody to say it to
    FAILED = "failed"  # tried again later, in the end given up
    UNREACHED = "unreached"  # the other side is down or refuses us: tried again until it is back, never given up
    LATER = "later"  # not now: no try is counted
    REFUSED = "refused"  # for good: given up at once
    BOUNCED = "bounced"  # for good, and the address is no more: suppressed as well


def after(end: End, attempts: int, chance: float) -> tuple[str, float | None]:
    """The status a row has after a try, and the seconds until the next one (None: no next one). `chance` is 0..1."""
    spread = 1 - SPREAD + 2 * SPREAD * chance
    if end in (End.DONE, End.DROPPED):
        return "done", None
    if end == End.UNREACHED:
        return "owed", spread * min(LONGEST_UNREACHED, WAITS[min(attempts, len(WAITS)) - 1])
    if end == End.FAILED and attempts <= len(WAITS):
        return "owed", spread * WAITS[attempts - 1]
    return ("owed", None) if end == End.LATER else ("given_up", None)


def reaches(name: str, suppressed_for: str | None) -> bool:
    """Whether a mail of that name goes to an address that is suppressed for that reason (None: it is not)."""
    return suppressed_for is None or (suppressed_for == UNSUBSCRIBED and name in ANSWERS)


def masked(text: str) -> str:
    """The text without addresses and phone numbers, short enough for a row."""
    return NUMBER.sub("[number]", ADDRESS.sub("[address]", text))[:LONGEST_NOTE]


def described(error: BaseException) -> str:
    """An error as a row and a log may keep it."""
    return masked(f"{type(error).__name__}: {error}")


def verdict(error: Exception) -> tuple[End, str]:
    """What an error while sending means for the mail, with a note that holds no address."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            return about_recipient(code, text_of(said)), masked(f"{code} {text_of(said)}")
        case smtplib.SMTPDataError():
            note = masked(f"{error.smtp_code} {text_of(error.smtp_error)}")
            return about_content(error.smtp_code), note
        case smtplib.SMTPResponseException():  # our sender address, our password, our greeting: about us, not the mail
            return End.UNREACHED, masked(f"{error.smtp_code} {text_of(error.smtp_error)}")
        case AnymailRecipientsRefused():
            return End.REFUSED, described(error)
        case AnymailAPIError():
            return End.FAILED if error.status_code in (400, 413, 422) else End.UNREACHED, described(error)
        case ValueError():  # an address or a header that cannot be written
            return End.FAILED, described(error)
    return End.UNREACHED, described(error)


def about_recipient(code: int, said: str) -> End:
    """What an answer to RCPT means. Only an address that is no more is suppressed, not one that refuses us (RFC 3463)."""
    if code == 421:
        return End.UNREACHED
    if code < 500:
        return End.FAILED
    enhanced = re.match(r"5\.(\d+)\.(\d+)", said)
    gone = enhanced is None or enhanced[1] == "1" or enhanced.group(1, 2) == ("2", "1")
    return End.BOUNCED if gone else End.REFUSED


def about_content(code: int) -> End:
    """What an answer to DATA means: a refused text stays refused."""
    if code == 421:
        return End.UNREACHED
    return End.REFUSED if code >= 500 else End.FAILED


def text_of(said: bytes | str) -> str:
    """A server's answer as text on one line."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())
