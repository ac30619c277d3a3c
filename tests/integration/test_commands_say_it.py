"""What keeps the command line from working is said in a sentence, with exit code 1."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def manage(*words: str, **environ: str) -> tuple[int, str]:
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=bare | environ, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_a_command_without_its_database_says_how_to_start_it(tmp_path: Path) -> None:
    code, said = manage("invite_next", DATA_DIR=str(tmp_path))
    assert code == 1
    assert "make run" in said
    assert "Traceback" not in said


def test_production_names_all_it_lacks() -> None:
    code, said = manage("check", DATABASE_URL="postgresql://localhost/x", ALLOWED_HOSTS="*")
    assert code == 1
    assert [name for name in ("SECRET_KEY", "CODE_KEYS", "PUBLIC_BASE_URL", "ALLOWED_HOSTS") if name not in said] == []


@pytest.mark.parametrize(("name", "value"), [("PORT", "80x"), ("SECRET_KEY_FILE", "/nowhere/secret")])
def test_a_setting_that_cannot_be_read_is_named(name: str, value: str, tmp_path: Path) -> None:
    code, said = manage("check", DATA_DIR=str(tmp_path), **{name: value})
    assert code == 1
    assert said.startswith(name)
    assert "Traceback" not in said


@pytest.mark.parametrize("given", [{"DATABASE_URL": "postgresql://localhost/x", "DEBUG": "true"}, {}])
def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path, given: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = manage("run", PORT=port, DATA_DIR=str(tmp_path), **given)
    assert code == 1
    assert f"Port {port} is taken" in said
    assert not (tmp_path / "postgres-18").exists()
