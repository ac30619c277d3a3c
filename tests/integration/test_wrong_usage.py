"""A command that is used wrongly says how to use it, with exit code 2, and changes nothing."""

from argparse import ArgumentTypeError

import pytest
from django.core.management import CommandError, call_command

from invites.models import Batch, Code
from waitlist.durations import duration
from waitlist.models import Launch, SourceLink

HUGE = 10**12


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("source_link", [" "]),
        ("source_link", ["a" * 41]),
        ("source_link", ["producthunt", "--cap", "0"]),
        ("source_link", ["producthunt", "--cap", HUGE]),
        ("generate_codes", ["--count", "0"]),
        ("generate_codes", ["--max-uses", HUGE]),
        ("generate_codes", ["--format", "campaign-6"]),
        ("invite_next", ["--count", "0"]),
        ("invite_next", ["--count", HUGE]),
    ],
)
@pytest.mark.django_db
def test_wrong_usage_is_said_and_changes_nothing(command: str, words: list[str], launch: Launch) -> None:
    with pytest.raises(CommandError) as refused:
        call_command(command, *words)
    assert refused.value.returncode == 2
    assert not any(model.objects.exists() for model in (SourceLink, Code, Batch))


@pytest.mark.parametrize("text", ["0d", "d", "5", "-1d", "1y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="60d"):
        duration(text)
