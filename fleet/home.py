"""The clone's var/ folder: what the embedded fleet keeps there, and the lock on it."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from fleet.errors import FleetError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Embedded:
    """What a person or a program needs to use the running fleet; var/embedded.json holds it."""

    url: str
    admin_url: str
    admin_user: str
    admin_password: str
    api_key: str
    tenant: str
    flower_url: str = ""
    flower_user: str = ""
    flower_password: str = ""
    pids: Mapping[str, int] = field(default_factory=dict)


class Home:
    """One clone: its files by name."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.var = root / "var"
        self.logs = self.var / "log"
        self.pid_file = self.var / "pids.json"
        self.embedded_file = self.var / "embedded.json"
        self.lock_file = self.var / "fleet.lock"
        self.var.mkdir(exist_ok=True)

    @property
    def mark(self) -> str:
        """Stands in the environment of every child, and of nobody else's."""
        return f"VOICEMILL_FLEET={self.var}"

    def secret_key(self) -> str:
        """Django's key: made once, kept for good."""
        path = self.var / "secret_key"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(50))
        return path.read_text(encoding="utf-8")

    def read_embedded(self) -> Embedded | None:
        """The addresses and keys of this fleet or of the one before; None when there was none."""
        try:
            return Embedded(**json.loads(self.embedded_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write_embedded(self, embedded: Embedded) -> None:
        write_private(self.embedded_file, json.dumps(asdict(embedded), indent=2) + "\n")

    def forget_pids(self) -> None:
        """Keep the keys of the run before, and name no process of a run that was killed."""
        if last := self.read_embedded():
            self.write_embedded(replace(last, pids={}))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only fleet of this clone. The kernel gives the lock back however we end."""
        with self.lock_file.open("a+") as file:
            if not _take(file):
                raise FleetError("already_running", self._who_runs(file))
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
            file.truncate(0)

    def is_locked(self) -> bool:
        """Whether a fleet of this clone runs or starts."""
        with self.lock_file.open("a+") as file:
            return not _take(file, patience=0)

    def _who_runs(self, file: IO[str]) -> str:
        file.seek(0)
        embedded = self.read_embedded()
        where = f" at {embedded.url}" if embedded and embedded.pids else ""
        return f"a fleet of this clone already runs{where} (pid {file.read()}): stop it, or use it"


def _take(file: IO[str], patience: float = 0.3) -> bool:
    """Lock the open file; somebody who only looks holds it for a moment, so try for a while."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        else:
            return True


def write_private(path: Path, text: str) -> None:
    """Replace the file as a whole; nobody else may read it, not even for a moment."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    fresh.replace(path)
