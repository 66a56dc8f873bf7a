"""Processes as Linux's /proc shows them: who they are, and how to end no stranger."""

import json
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process at one moment. A pair (pid, started) is never used twice between two boots."""

    pid: int
    name: str
    state: str
    parent: int
    session: int
    started: int

    @property
    def has_ended(self) -> bool:
        return self.state in "ZX"


def parse_stat(text: str) -> Process:
    """One line of /proc/<pid>/stat; the name may hold spaces and brackets of its own."""
    pid, _, rest = text.partition(" (")
    name, _, tail = rest.rpartition(") ")
    fields = tail.split()
    return Process(int(pid), name, fields[0], int(fields[1]), int(fields[3]), int(fields[19]))


def read_process(pid: int) -> Process | None:
    """The process of that id, None when there is none."""
    try:
        return parse_stat((PROC / str(pid) / "stat").read_text(errors="replace"))
    except OSError:
        return None


def all_processes() -> list[Process]:
    ids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [process for pid in ids if (process := read_process(pid))]


def working_folder(pid: int) -> str | None:
    """Where the process stands; None when it is gone or another user's."""
    try:
        return str((PROC / str(pid) / "cwd").readlink())
    except OSError:
        return None


def carries(pid: int, mark: str) -> bool:
    """Whether the process was started with `mark` (NAME=value) in its environment."""
    try:
        return mark.encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def is_same(process: Process) -> bool:
    """Whether that very process lives on, and not a stranger who was given its number."""
    now = read_process(process.pid)
    return now is not None and now.started == process.started and not now.has_ended


def kill(process: Process) -> None:
    """SIGKILL for that very process: with a handle taken first, its number cannot change hands."""
    with suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(process.pid)
        try:
            if is_same(process):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def kill_group(leader: int) -> None:
    """SIGKILL for a group; call it before the leader is reaped, while its number is its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_orphans(known: Collection[int]) -> None:
    """End and reap what fell to this process, a subreaper, when its parent died.

    Its own short-lived tools share its session and are left alone, as is every pid in `known`.
    """
    while orphans := [one for one in all_processes() if _fell_to_us(one) and one.pid not in known]:
        for orphan in orphans:
            kill(orphan)
            with suppress(ChildProcessError):
                os.waitpid(orphan.pid, 0)


def _fell_to_us(process: Process) -> bool:
    return process.parent == os.getpid() and process.session != os.getsid(0)


def clear(find: Callable[[], Iterable[Process]], patience: float = 0.0) -> list[Process]:
    """Wait up to `patience` seconds for what `find` names to end by itself, then kill it.

    Gives back what had to be killed, once it is gone.
    """
    _wait_until_gone(find, patience)
    killed = list(find())
    for process in killed:
        kill(process)
    _wait_until_gone(lambda: filter(is_same, killed), PATIENCE)
    return killed


def _wait_until_gone(find: Callable[[], Iterable[Process]], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(True for _ in find()):
        time.sleep(0.02)


def record(path: Path, pids: Mapping[str, int]) -> None:
    """Write down who our processes are, so that a later start can clear away what a crash left."""
    found = {name: process.started for name, pid in pids.items() if (process := read_process(pid))}
    entries = {name: [pids[name], started] for name, started in found.items()}
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"boot": boot_id(), "processes": entries}), encoding="utf-8")
    fresh.replace(path)


def recorded(path: Path) -> list[Process]:
    """Those of the written-down processes that are alive and still the same."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        pairs = [tuple(pair) for pair in content["processes"].values()]
        if content["boot"] != boot_id():
            return []
    except (OSError, ValueError, KeyError, TypeError):
        return []
    alive = {process.pid: process for process in all_processes() if not process.has_ended}
    return [alive[pid] for pid, started in pairs if pid in alive and alive[pid].started == started]


def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def sweep(path: Path, mark: str) -> list[Process]:
    """Clear away what a killed supervisor left: what was written down, and what bears the mark."""

    def remains() -> list[Process]:
        marked = [one for one in all_processes() if not one.has_ended and carries(one.pid, mark)]
        both = {one.pid: one for one in [*recorded(path), *marked] if one.pid != os.getpid()}
        return list(both.values())

    return clear(remains, patience=PATIENCE)
