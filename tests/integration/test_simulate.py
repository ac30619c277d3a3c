"""A simulated launch: through the real verbs, rolled back, the same for the same seed, and within what is promised."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.crowd import CHEATS, KINDS, Crowd
from config.simulation import Count, precision, recall, simulate, wrongly_held
from outbox.models import Delivery, Event
from quality.models import Assessment
from tests import cast
from waitlist.models import Entry, Launch

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def played(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> dict[str, Count]:
    """One launch with a thousand people; the rules saw nothing of this seed while they were written."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        return simulate(1000, 77)


def test_honest_people_an_office_and_families_get_in(played: dict[str, Count]) -> None:
    assert wrongly_held(played) < 0.01
    assert played["office"].let_in == played["office"].people == 50
    assert played["honest"].let_in > 0.8 * played["honest"].people


def test_rings_farms_and_bursts_are_caught(played: dict[str, Count]) -> None:
    assert min(recall(played[kind]) for kind in ("ring", "farm", "bots")) > 0.9
    assert precision(played) > 0.95


def test_nothing_is_left_behind(launch: Launch) -> None:
    cast.ada(launch)
    before = [model.objects.count() for model in (Launch, Entry, Event, Delivery, Assessment)]
    simulate(100, 3)
    assert [model.objects.count() for model in (Launch, Entry, Event, Delivery, Assessment)] == before


def test_the_same_seed_draws_the_same_people_and_each_mailbox_once() -> None:
    first, second = Crowd(500, 5).everybody(), Crowd(500, 5).everybody()
    assert [(one.email, one.at) for one in first] == [(one.email, one.at) for one in second]
    assert len({one.email for one in first}) == len(first) == 500


def test_the_answer_is_json_where_a_program_asks(db: None) -> None:
    out = StringIO()
    call_command("simulate", "--people", "100", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert set(said) == set(KINDS) > CHEATS
    assert set(said["ring"]) == {"people", "held", "denied", "let_in"}
    assert sum(kind["people"] for kind in said.values()) == 100


@pytest.mark.parametrize("wrong", ["0", "99", "-5", "many"])
def test_absurd_numbers_are_wrong_usage(db: None, wrong: str) -> None:
    with pytest.raises(CommandError):
        call_command("simulate", f"--people={wrong}")
