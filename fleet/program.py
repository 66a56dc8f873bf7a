"""One child process: how it is started and stopped, and when it counts as up."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypedDict

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine that a child runs as."""

    name: str
    uid: int
    gid: int


def nothing() -> None:
    return None


def at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Program:
    """What a supervisor must know. `prepare` runs before each start, `ready` is asked after it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    account: Account | None = None
    umask: int = -1
    stop: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    keep_fds: tuple[int, ...] = ()
    prepare: Callable[[], None] = nothing
    ready: Callable[[], bool] = at_once
    ready_seconds: float = 30.0


class Identity(TypedDict):
    """The arguments of Popen that say who a child is."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


def as_account(account: Account | None) -> Identity:
    """To drop every right of root, or to change nothing where no account is asked for."""
    if account is None:
        return Identity(user=None, group=None, extra_groups=None)
    return Identity(user=account.uid, group=account.gid, extra_groups=[])


def launch(program: Program, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start it in a session of its own; it gets its stop signal also when this process dies."""
    parent = os.getpid()

    def follow_parent() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(program.stop), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return subprocess.Popen(
        program.command,
        env=program.environment,
        cwd=program.folder,
        umask=program.umask,
        pass_fds=program.keep_fds,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=follow_parent,  # noqa: PLW1509 - prctl has no other way in; two plain system calls
        **as_account(program.account),
    )


def adopt_orphans() -> None:
    """Make this process the one that orphans among its descendants fall to."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
