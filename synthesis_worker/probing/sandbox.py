"""A child process that can do little harm: what it is given, what it gives up, how it is ended."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from synthesis_worker.probing.syscalls import leave_others_alone
from synthesis_worker.probing.verdict import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthesis_worker.probing.verdict import Limits

ROOT = Path(__file__).parents[2]
LONGEST_ANSWER = 2**18
NOBODY = 65534
BUSY = -signal.SIGXCPU

# No secrets, no settings, and one thread for each library.
ENVIRONMENT = {
    "PATH": os.defpath,
    "PYTHONPATH": str(ROOT),
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(slots=True)
class Ended:
    """How a child ended, and the lines it had written by then."""

    lines: list[bytes] = field(default_factory=list)
    code: int = 0
    late: bool = False
    cost: Cost = field(default_factory=lambda: Cost(0, 0, 0))


def run_child(
    command: tuple[str, str],
    upload: IO[bytes],
    folder: Path,
    limits: Limits,
    on_line: Callable[[bytes], None],
) -> Ended:
    """Run (module, argument) with the upload as input, in the folder, and never past its time."""
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", *command],
        stdin=upload,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=ENVIRONMENT,
        start_new_session=True,
    )
    ended = Ended()
    try:
        _listen(child, started + limits.wall_seconds, ended, on_line)
    finally:
        _end(child, started, ended)
    return ended


def _listen(
    child: subprocess.Popen[bytes], deadline: float, ended: Ended, on_line: Callable[[bytes], None]
) -> None:
    rest, total = b"", 0
    for data in _until(deadline, child.stdout):
        total += len(data)
        if total > LONGEST_ANSWER:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            ended.lines.append(line)
            on_line(line)
    ended.late = time.monotonic() >= deadline


def _until(deadline: float, pipe: IO[bytes] | None) -> Iterator[bytes]:
    """What comes out of the pipe until it is closed or the time is up."""
    assert pipe  # noqa: S101 - it was asked for
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and selector.select(left):
            data = os.read(pipe.fileno(), 2**16)
            if not data:
                return
            yield data


def _end(child: subprocess.Popen[bytes], started: float, ended: Ended) -> None:
    """Kill the child and all it may have started; the kernel's count of its cost is exact."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = ended.code = os.waitstatus_to_exitcode(status)
    if child.stdout:
        child.stdout.close()
    cpu = usage.ru_utime + usage.ru_stime
    ended.cost = Cost(cpu, time.monotonic() - started, usage.ru_maxrss / 1024)


def give_up_powers(limits: Limits) -> None:
    """Called in the child, first of all: what it may use from here on."""
    leave_others_alone()
    largest_sound = 2**20 + int(limits.seconds) * 48_000
    for which, most in (
        (resource.RLIMIT_AS, limits.address_space),
        (resource.RLIMIT_FSIZE, largest_sound),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(which, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))


def open_nothing_more() -> None:
    """Called in the child once all it needs is loaded and open: no file, no socket, no pipe."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if os.geteuid() == 0:
        _be_nobody()


def _be_nobody() -> None:
    """Root could take back what it gave up. Where there is no other user, it is no real root."""
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
