"""What processes have used, from /proc: CPU time of whole trees, peak memory."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROC = Path("/proc")
MS_PER_TICK = 1000 / os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """A process's parent, and its ticks: its own and those of children it has waited for."""

    parent: int
    ticks: int


def cpu_ms(roots: Iterable[int]) -> float:
    """CPU time of these processes and all below them, the dead that were waited for included."""
    found = tree(roots)
    return sum(used.ticks for used in found.values()) * MS_PER_TICK


def tree(roots: Iterable[int]) -> dict[int, Used]:
    """These processes and all below them."""
    table = dict(_all_processes())
    children = defaultdict(set)
    for pid, used in table.items():
        children[used.parent].add(pid)
    pids: set[int] = set()
    new = set(roots)
    while new:
        pids |= new
        new = set().union(*(children[pid] for pid in new)) - pids
    return {pid: table[pid] for pid in pids if pid in table}


def parse_used(stat: str) -> Used:
    """One line of /proc/<pid>/stat: utime, stime, cutime and cstime stand behind the name."""
    fields = stat.rpartition(") ")[2].split()
    return Used(int(fields[1]), sum(map(int, fields[11:15])))


def peak_mib(pid: int) -> float:
    """The most memory a process has had resident so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", (PROC / str(pid) / "status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _all_processes() -> Iterator[tuple[int, Used]]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), parse_used((entry / "stat").read_text(errors="replace"))
            except OSError:
                continue
