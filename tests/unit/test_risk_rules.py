"""The truth table of risk: for every rule where it fires and where it just does not, and the verdicts of their sums."""

from typing import Any

import pytest

from quality.rules import (
    BARS,
    RULES,
    WEIGHTS,
    Evidence,
    evidence_of,
    find,
    is_local,
    is_made_up,
    is_program,
    reason_of,
)

CASES: dict[str, list[tuple[dict[str, Any], bool]]] = {
    "disposable_domain": [({"disposable": True}, True), ({}, False)],
    "made_up_name": [({"made_up": True}, True), ({}, False)],
    "program_at_work": [({"program": True}, True), ({}, False)],
    "quick_form": [({"form_seconds": 4.9}, True), ({"form_seconds": 5.0}, False), ({"form_seconds": None}, False)],
    "network_burst": [
        ({"network_people": 8, "network_devices": 3}, True),
        ({"network_people": 8, "network_devices": 4}, False),
        ({"network_people": 7, "network_devices": 1}, False),
        ({"network_people": 49, "network_devices": 49}, False),
        ({"network_people": 49}, False),
    ],
    "nameless_burst": [
        ({"network_people": 8}, True),
        ({"network_people": 7}, False),
        ({"network_people": 8, "network_devices": 1}, False),
    ],
    "caught_neighbours": [
        ({"network_people": 10, "network_caught": 5}, True),
        ({"network_people": 11, "network_caught": 5}, False),
        ({"network_people": 4, "network_caught": 4}, False),
    ],
    "nearby_burst": [
        ({"nearby_people": 20, "nearby_devices": 9}, True),
        ({"nearby_people": 20, "nearby_devices": 10}, False),
        ({"nearby_people": 20}, False),
        ({"nearby_people": 19, "nearby_devices": 1}, False),
        ({"nearby_people": 50, "nearby_devices": 9, "network_people": 31}, False),
    ],
    "shared_device": [({"device_people": n}, 3 <= n < 8) for n in (2, 3, 7, 8)],
    "crowded_device": [({"device_people": n}, n >= 8) for n in (7, 8)],
    "domain_from_everywhere": [
        ({"domain_people": 5, "domain_networks": 4}, True),
        ({"domain_people": 5, "domain_networks": 3}, False),
        ({"domain_people": 4, "domain_networks": 4}, False),
        ({"domain_people": 8, "domain_networks": 8, "disposable": True}, False),
    ],
    "repeated_text": [({"same_text": 3}, True), ({"same_text": 2}, False)],
    "numbered_address": [({"same_stem": 2}, True), ({"same_stem": 1}, False)],
    "referral_ring": [({"linked_here": 4}, True), ({"linked_here": 3}, False)],
    "caught_company": [
        ({"company_caught": 3, "company_brought": 6}, True),
        ({"company_caught": 3, "company_brought": 7}, False),
        ({"company_caught": 2, "company_brought": 2}, False),
    ],
    "device_of_referrer": [({"referrer_device": True}, True), ({}, False)],
    "barred_network": [({"network_barred": True}, True), ({}, False)],
    "barred_domain": [({"domain_barred": True}, True), ({}, False)],
    "self_referral": [
        ({"referrer_stem": True, "referrer_device": True}, True),
        ({"referrer_stem": True, "same_stem": 1}, True),
        ({"referrer_stem": True}, False),
        ({"referrer_device": True}, False),
    ],
    "referral_cycle": [({"referral_cycle": True}, True), ({}, False)],
    "travelling_code": [({"code_networks": 5}, True), ({"code_networks": 4}, False)],
}


def test_every_rule_has_its_cases_a_weight_and_a_reason() -> None:
    assert set(CASES) == set(RULES) == set(WEIGHTS)
    assert all(reason_of(name).endswith(".") for name in RULES)
    assert all({fires for _said, fires in cases} == {True, False} for cases in CASES.values())


@pytest.mark.parametrize(("name", "said", "fires"), [(name, *case) for name, cases in CASES.items() for case in cases])
def test_a_rule_fires_where_its_table_says(name: str, said: dict[str, Any], fires: bool) -> None:
    assert RULES[name](Evidence(**said)) is fires


def test_no_sign_that_honest_people_give_holds_anybody_alone() -> None:
    alone = {name for name, weight in WEIGHTS.items() if weight >= 50} - BARS  # these a person said
    assert alone == {"disposable_domain", "crowded_device", "referral_ring", "self_referral", "referral_cycle"}


@pytest.mark.parametrize(
    ("said", "score", "verdict"),
    [
        ({}, 0, "allow"),
        ({"network_people": 8, "network_devices": 1}, 40, "allow"),
        ({"network_people": 49, "program": True}, 45, "allow"),
        ({"device_people": 4, "referrer_device": True}, 35, "allow"),
        ({"network_people": 8, "made_up": True}, 50, "review"),
        ({"network_people": 8, "program": True, "same_text": 3, "made_up": True}, 105, "deny"),
    ],
)
def test_the_sum_of_the_weights_is_the_score_and_the_thresholds_give_the_verdict(
    said: dict[str, Any], score: int, verdict: str
) -> None:
    found = find(Evidence(**said))
    assert (found.score, found.verdict) == (score, verdict)


@pytest.mark.parametrize(("review", "deny", "verdict"), [(61, 100, "allow"), (60, 100, "review"), (10, 60, "deny")])
def test_the_launch_sets_the_thresholds(review: int, deny: int, verdict: str) -> None:
    assert find(Evidence(disposable=True), review_score=review, deny_score=deny).verdict == verdict


def test_what_is_kept_can_be_replayed() -> None:
    evidence = Evidence(act="confirm", disposable=True, network_people=3, form_seconds=2.5)
    assert evidence.kept() == {"act": "confirm", "disposable": True, "network_people": 3, "form_seconds": 2.5}
    assert find(evidence_of(evidence.kept())) == find(evidence)


def test_a_row_of_another_release_can_be_replayed_too() -> None:
    assert evidence_of({"disposable": True, "of_another_time": 7}) == Evidence(disposable=True)


@pytest.mark.parametrize(
    ("address", "drawn"),
    [
        ("x7k2q9vz4m@example.com", True),
        ("qwrtpsdfgh@example.com", True),
        ("maria.lopez1984@example.com", False),
        ("krzysztof@example.com", False),
        ("schwartz.b@example.com", False),
        ("bob@example.com", False),
        ("iloveu2much@example.com", False),
        ("a1b2cdefgh@example.com", True),
        ("max2mueller@example.com", False),
        ("анна.иванова@example.com", False),
    ],
)
def test_a_name_that_a_machine_drew_is_told_from_a_persons(address: str, drawn: bool) -> None:
    assert is_made_up(address) is drawn


@pytest.mark.parametrize(
    ("agent", "program"),
    [
        ("", True),
        ("curl/8.5", True),
        ("python-requests/2.34", True),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131", True),
        ("Googlebot/2.1", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", False),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131 Safari/537.36", False),
    ],
)
def test_a_program_is_known_by_what_it_says_it_is(agent: str, program: bool) -> None:
    assert is_program(agent) is program


@pytest.mark.parametrize(
    ("network", "local"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.168.0.7", True),
        ("100.64.0.1", True),
        ("fd00::", True),
        ("::1", True),
        ("203.0.113.5", False),
        ("8.8.8.8", False),
        ("2001:db8:0:1::", False),
    ],
)
def test_an_address_of_our_own_house_says_nothing_of_a_person(network: str, local: bool) -> None:
    assert is_local(network) is local
