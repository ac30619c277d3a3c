"""CPU seconds of processes with all their children, as Linux counts them; steadier than requests per second."""

import os
from collections.abc import Iterator
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def known() -> bool:
    """Whether this system tells."""
    return (PROC / "self" / "stat").exists()


def fields(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended between two looks: its parent has counted it by then
        return []


def family(pid: int) -> Iterator[int]:
    """The process and everything it started that still runs."""
    parents = {int(one.name): fields(int(one.name)) for one in PROC.iterdir() if one.name.isdigit()}
    found = [pid]
    for each in found:
        yield each
        found += [child for child, said in parents.items() if said and int(said[1]) == each]


def seconds(pid: int) -> float:
    """What the family has used so far, those of it that ended included."""
    if not known():
        return 0.0
    return sum(sum(map(int, said[11:15])) for said in map(fields, family(pid)) if said) / TICK
