"""What it was measured on, in general terms."""

import os
import platform
import shutil
from pathlib import Path

from benchmarks.databases import LIMITS, open_one


def described() -> str:
    """One line: cores, clock, servers, and who made the load."""
    with open_one(LIMITS) as server:
        postgres = server.info.parameter_status("server_version") or ""
    parts = [
        f"{os.cpu_count()} cores{clock()}",
        f"PostgreSQL {postgres.split()[0]} with fsync on",
        f"Redis {'on' if os.environ['REDIS_URL'] else 'off'}",
        f"Python {platform.python_version()}",
        f"load by {'wrk' if shutil.which('wrk') else 'threads of our own'} on the same cores",
    ]
    return ", ".join(parts)


def clock() -> str:
    cpus = Path("/proc/cpuinfo")
    said = [line for line in cpus.read_text().splitlines() if line.startswith("cpu MHz")] if cpus.exists() else []
    return f" of {float(said[0].rpartition(':')[2]) / 1000:.1f} GHz" if said else ""
