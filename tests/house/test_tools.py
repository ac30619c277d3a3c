"""What the tools say: layout, lint, types, layers, migrations, Django's own checks, the OpenAPI file."""

import os
import re
import subprocess
import sys

import pytest
from django.utils.module_loading import autodiscover_modules

from config.celery import app
from tests.house.code import ROOT

SAYINGS = {
    "lint": ("-m", "ruff", "check", "--no-cache", "."),
    "layout": ("-m", "ruff", "format", "--no-cache", "--check", "."),
    "types": ("-m", "mypy"),
    "layers": ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
    "migrations": ("manage.py", "makemigrations", "--check", "--dry-run"),
    "checks": ("manage.py", "check", "--fail-level", "WARNING"),
    "openapi": ("manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull),
}


@pytest.mark.parametrize("name", SAYINGS)
def test_the_tools_are_content(name: str) -> None:
    done = subprocess.run([sys.executable, *SAYINGS[name]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_scheduled_job_exists() -> None:
    autodiscover_modules("tasks")
    assert {job["task"] for job in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_every_name_in_the_environment_is_documented() -> None:
    read = re.findall(r"""env(?:\.\w+)?\(\s*"([A-Z_]+)\"""", (ROOT / "config/settings.py").read_text())
    documented = (ROOT / "docs/operations.md").read_text()
    assert [name for name in read if f"`{name}`" not in documented] == []
