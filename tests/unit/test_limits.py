"""The table of limits, and what a call is counted by."""

import ipaddress
from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from config.limits import FORMS, LIMITS, RULES, Rule, contact_part, digest, domains, listed, texts
from invites.codes import fold
from outbox.callers import client_ip, network, user_agent

PARTS = {"network", "contact", "domain", "device", "code", "person", "key", "account", "staff"}
MAIL_ONLY = {"resend", "log-in-mail", "password-reset"}  # their only effect is a message to the contact


def call(**meta: Any) -> Any:
    """A request with these headers and this peer."""
    return RequestFactory().get("/", **meta)


@pytest.mark.parametrize(
    ("words", "limit", "seconds"), [("300/h", 300, 3600), ("10/10m", 10, 600), ("5/s", 5, 1), ("7/2d", 7, 172_800)]
)
def test_a_rate_is_read_from_words(words: str, limit: int, seconds: int) -> None:
    rule = Rule.read("join", "network+contact", words)
    assert (rule.limit, rule.seconds, rule.parts, rule.name) == (
        limit,
        seconds,
        ("network", "contact"),
        "join:network+contact",
    )


def test_every_rule_counts_by_known_parts() -> None:
    assert {part for rules in RULES.values() for rule in rules for part in rule.parts} <= PARTS


def test_a_contact_alone_is_counted_only_where_the_effect_is_a_message_to_it() -> None:
    assert {scope for scope, lines in LIMITS.items() if "contact" in lines or "domain" in lines} == MAIL_ONLY


def test_a_free_mail_provider_is_no_domain_to_count_by() -> None:
    assert domains(["ada@gmail.com", "ben@example.com", "cleo@example.com", "+442079460958"]) == ("example.com",)


def test_an_office_of_fifty_fits_behind_one_address() -> None:
    tight = {rule.name for rules in RULES.values() for rule in rules if rule.parts == ("network",) and rule.limit < 100}
    assert tight == set()


def test_every_form_has_a_line_in_the_table() -> None:
    assert set(FORMS.values()) <= set(LIMITS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada.Waits+x@gmail.com", "adawaits@googlemail.com"),
        ("ADA@example.com", " ada@example.com "),
        ("+44 20 7946 0958", "+442079460958"),
        ("Not An Address", "not an address "),
    ],
)
def test_a_contact_written_otherwise_counts_alike(one: str, other: str) -> None:
    assert contact_part(one) == contact_part(other)


@given(st.text(max_size=300))
def test_any_text_can_be_counted(text: str) -> None:
    assert len(digest((contact_part(text), fold(text)))) == 64


def test_parts_do_not_run_into_each_other() -> None:
    assert digest(("ab", "c")) != digest(("a", "bc"))


def test_every_field_that_holds_something_counts_as_the_forms_read_it() -> None:
    sent = {"email": None, "phone": ["x"], "contact": f"{' ' * 500}ada", "login": "eve", "username": " "}
    assert texts(sent, ("email", "phone", "contact", "login", "username")) == ["['x']", "ada", "eve"]


def test_a_part_may_be_one_text_or_several() -> None:
    assert (listed(""), listed("ada"), listed(("ada", "", "eve"))) == ((), ("ada",), ("ada", "eve"))


V4, V6 = "203.0.113.9", "2001:db8:1:2:3:4:5:6"
ADDRESSES = [
    # hops of ours, peer, X-Forwarded-For, who it is
    (0, V4, "198.51.100.1", V4),
    (0, V4, "", V4),
    (1, "10.0.0.1", V4, V4),
    (1, "10.0.0.1", f"198.51.100.1, {V4}", V4),
    (2, "10.0.0.1", f"198.51.100.1, {V4}, 10.0.0.2", V4),
    (2, "10.0.0.1", V4, "10.0.0.1"),
    (1, "10.0.0.1", "", "10.0.0.1"),
    (1, "10.0.0.1", "garbage", "10.0.0.1"),
    (1, "10.0.0.1", "198.51.100.1, garbage", "10.0.0.1"),
    (1, "10.0.0.1", "\x00,,;' OR 1", "10.0.0.1"),
    (1, "10.0.0.1", f"{V4}:4711", V4),
    (1, "10.0.0.1", f"[{V6}]:4711", V6),
    (1, "10.0.0.1", V6, V6),
    (1, "10.0.0.1", f"::ffff:{V4}", V4),
    (1, "10.0.0.1", "fe80::1%eth0", "fe80::1"),
    (0, "", "198.51.100.1", ""),
    (0, "not-an-address", "", ""),
]


@pytest.mark.parametrize(("hops", "peer", "said", "who"), ADDRESSES)
def test_only_our_own_hops_are_believed(settings: Settings, hops: int, peer: str, said: str, who: str) -> None:
    settings.TRUSTED_PROXIES = hops
    assert client_ip(call(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=said)) == who


@given(st.text(max_size=100), st.integers(min_value=0, max_value=3))
def test_no_header_breaks_the_reading_of_an_address(said: str, hops: int) -> None:
    with override_settings(TRUSTED_PROXIES=hops):
        found = network(call(REMOTE_ADDR=said, HTTP_X_FORWARDED_FOR=said))
    assert found is None or ipaddress.ip_address(found)


@pytest.mark.parametrize(
    ("peer", "counted"), [(V4, V4), (V6, "2001:db8:1:2::"), ("2001:db8:1:2:ffff::", "2001:db8:1:2::"), ("", None)]
)
def test_an_ipv6_caller_is_counted_by_the_first_64_bits(peer: str, counted: str | None) -> None:
    assert network(call(REMOTE_ADDR=peer)) == counted


def test_a_device_says_300_characters_and_no_control_character() -> None:
    assert user_agent(call(HTTP_USER_AGENT="Fire\x1bfox\x85 " + "x" * 400)) == "Firefox " + "x" * 292
