"""What PostgreSQL could do at most, by pgbench: the least statement for the same work, from as many clients."""

import os
import re
import subprocess

from benchmarks.databases import FOLDER, HERE, LIMITS, PROGRAMS
from benchmarks.stack import ROLE
from config.embedded import socket_dir


def transactions(script: str, *, clients: int, seconds: int) -> float:
    """Transactions a second of limits/<script>.sql, prepared as ours are."""
    command = [str(PROGRAMS / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds)]
    command += ["-h", str(socket_dir(FOLDER)), "-U", ROLE, "-f", str(HERE / "limits" / f"{script}.sql"), LIMITS]
    environ = {**os.environ, "LC_ALL": "C"}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
    found = re.search(r"tps = ([\d.]+)", said)
    assert found, said
    return float(found[1])
