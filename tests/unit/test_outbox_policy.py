"""Back-off, what a server's answer means, which mail reaches whom, and what a row may keep of an error."""

import smtplib

import pytest
from anymail.exceptions import AnymailAPIError
from requests import Response

from outbox.policy import ANSWERS, BOUNCED, UNSUBSCRIBED, WAITS, End, after, described, masked, reaches, verdict

HALF = 0.5  # the chance that spreads nothing


def rcpt(code: int, said: bytes) -> smtplib.SMTPRecipientsRefused:
    return smtplib.SMTPRecipientsRefused({"ada@example.com": (code, said)})


def provider(status: int) -> AnymailAPIError:
    response = Response()
    response.status_code, response.reason = status, "no"
    return AnymailAPIError("no", status_code=status, response=response)


@pytest.mark.parametrize(("attempts", "wait"), [(1, 5), (2, 30), (3, 120), (4, 600), (5, 3600), (len(WAITS), 86_400)])
def test_a_failed_one_waits_longer_each_time(attempts: int, wait: float) -> None:
    assert after(End.FAILED, attempts, HALF) == ("owed", wait)


def test_it_is_given_up_after_about_three_days() -> None:
    assert after(End.FAILED, len(WAITS) + 1, HALF) == ("given_up", None)
    assert 2.5 * 86_400 < sum(WAITS) < 3.5 * 86_400


def test_what_failed_together_does_not_come_back_together() -> None:
    assert after(End.FAILED, 1, 0.0)[1] == pytest.approx(4.0)
    assert after(End.FAILED, 1, 1.0)[1] == pytest.approx(6.0)


@pytest.mark.parametrize("attempts", [1, 20, 30_000])
def test_a_dead_server_is_asked_at_least_every_ten_minutes_for_ever(attempts: int) -> None:
    status, wait = after(End.UNREACHED, attempts, HALF)
    assert status == "owed"
    assert wait is not None
    assert wait <= 600


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (End.DONE, "done"),
        (End.DROPPED, "done"),
        (End.REFUSED, "given_up"),
        (End.BOUNCED, "given_up"),
        (End.LATER, "owed"),
    ],
)
def test_how_it_ends_decides_where_it_stands(end: End, status: str) -> None:
    assert after(end, 1, HALF) == (status, None)


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (rcpt(550, b"No such user"), End.BOUNCED),
        (rcpt(550, b"5.1.1 <ada@example.com>: unknown"), End.BOUNCED),
        (rcpt(550, b"5.2.1 mailbox disabled"), End.BOUNCED),
        (rcpt(552, b"5.2.2 mailbox full"), End.REFUSED),
        (rcpt(550, b"5.7.1 blocked, see our list"), End.REFUSED),
        (rcpt(450, b"4.2.0 greylisted"), End.FAILED),
        (rcpt(421, b"4.7.0 too many connections"), End.UNREACHED),
        (smtplib.SMTPDataError(554, b"5.6.0 no"), End.REFUSED),
        (smtplib.SMTPDataError(451, b"4.3.0 later"), End.FAILED),
        (smtplib.SMTPDataError(421, b"closing"), End.UNREACHED),
        (smtplib.SMTPSenderRefused(550, b"who are you", "hello@example.org"), End.UNREACHED),
        (smtplib.SMTPAuthenticationError(535, b"wrong password"), End.UNREACHED),
        (smtplib.SMTPServerDisconnected("gone"), End.UNREACHED),
        (ConnectionRefusedError(111, "refused"), End.UNREACHED),
        (TimeoutError("slow"), End.UNREACHED),
        (ValueError("bad header"), End.FAILED),
        (provider(422), End.FAILED),
        (provider(503), End.UNREACHED),
    ],
)
def test_an_answer_means(error: Exception, end: End) -> None:
    assert verdict(error)[0] == end


def test_a_refusal_keeps_the_answer_but_no_address() -> None:
    _end, note = verdict(rcpt(550, b"5.1.1 <ada@example.com>: Recipient\r\naddress rejected"))
    assert note == "550 5.1.1 <[address]>: Recipient address rejected"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("to ada@example.com failed", "to [address] failed"),
        ("{'Ada.Lovelace+x@exämple.org': 1}", "{'[address]': 1}"),
        ("no route to +44 20 7946 0958", "no route to [number]"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_no_address_stays_in_a_note(text: str, kept: str) -> None:
    assert masked(text) == kept


def test_an_error_is_described_by_its_kind() -> None:
    assert described(KeyError("ada@example.com")) == "KeyError: '[address]'"


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_who_unsubscribed_still_gets_answers(name: str) -> None:
    assert reaches(name, UNSUBSCRIBED)
    assert not reaches(name, BOUNCED)


@pytest.mark.parametrize("name", ["invited", "already", "milestone", "lapsed", "share", "something new"])
def test_who_unsubscribed_gets_nothing_else(name: str) -> None:
    assert not reaches(name, UNSUBSCRIBED)
    assert reaches(name, None)
