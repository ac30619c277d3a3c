"""The embedded database: it keeps its data through restarts and crashes, and says plainly what it cannot do."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config import embedded


@contextlib.contextmanager
def database(data_dir: Path) -> Iterator[psycopg.Connection]:
    running = embedded.start(data_dir, with_redis=False)
    address = embedded.address_of(data_dir)
    try:
        with psycopg.connect(
            host=address["HOST"], user=address["USER"], dbname=address["NAME"], autocommit=True
        ) as connection:
            yield connection
    finally:
        running.stop()


def postmaster(data_dir: Path) -> Path:
    return data_dir / embedded.CLUSTER / "postmaster.pid"


def crash(data_dir: Path) -> None:
    os.kill(int(postmaster(data_dir).read_text().split()[0]), signal.SIGKILL)


def stop(data_dir: Path) -> None:
    """Nothing besides what leaving the block does."""


@pytest.mark.parametrize("end", [stop, crash])
def test_what_was_written_is_there_after_a_restart(tmp_path: Path, end: Callable[[Path], None]) -> None:
    with database(tmp_path) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'ЖÖ' AS text")
        end(tmp_path)
    with database(tmp_path) as connection:
        row = connection.execute("SELECT lower(text) FROM kept").fetchone()
    assert row == ("жö",)


def test_a_pid_file_that_names_a_stranger_is_no_running_server(tmp_path: Path) -> None:
    with database(tmp_path):
        pass
    postmaster(tmp_path).write_text(f"{os.getppid()}\n")
    with database(tmp_path) as connection:
        assert connection.info.status is psycopg.pq.ConnStatus.OK


def test_a_second_start_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with database(tmp_path), pytest.raises(embedded.NotStarted, match=f"already.*{os.getpid()}"):
        embedded.start(tmp_path)


def test_commands_beside_it_know_whether_it_runs(tmp_path: Path) -> None:
    assert not embedded.database_runs(tmp_path)
    with database(tmp_path):
        assert embedded.database_runs(tmp_path)
    assert not embedded.database_runs(tmp_path)


def test_nothing_is_left_when_it_stops(tmp_path: Path) -> None:
    with database(tmp_path):
        assert embedded.socket_dir(tmp_path).stat().st_mode & 0o077 == 0
    assert not embedded.socket_dir(tmp_path).exists()


def test_the_next_one_learns_that_the_last_was_cut_off(tmp_path: Path) -> None:
    lock, cut_off = embedded.claim(tmp_path)
    assert not cut_off
    lock.close()
    lock, cut_off = embedded.claim(tmp_path)
    assert cut_off
    embedded.release(lock)
    assert embedded.claim(tmp_path)[1] is False


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(embedded.NotStarted, match="belongs to another user"):
        embedded.private_folder(tmp_path / "link", (os.geteuid(), os.getegid()))


def test_the_socket_stands_where_its_path_fits() -> None:
    deep = Path("/") / "/".join(["a-long-folder-name"] * 20)
    assert len(str(embedded.socket_dir(deep) / embedded.DATABASE_SOCKET)) < 107


def test_a_secret_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    made = embedded.keep(tmp_path / "secret", lambda: "first")
    assert made == embedded.keep(tmp_path / "secret", lambda: "second") == "first"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
