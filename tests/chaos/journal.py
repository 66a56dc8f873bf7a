"""The journal: what the workers really did, a line each, in a file the product knows nothing of."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "CHAOS_JOURNAL"

What = Literal["start", "end", "finished", "refused"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An engine started or ended a text; a finish of a job was written or refused."""

    what: What
    about: str
    pid: int
    at: float  # on the machine's monotonic clock, which all processes share
    fence: int = 0


def note(what: What, about: str, fence: int = 0) -> None:
    """Append one line in one write: it is there even if the process is killed right after."""
    line = json.dumps(asdict(Entry(what, about, os.getpid(), time.monotonic(), fence))) + "\n"
    handle = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


class Journal:
    """The file as the harness reads it, from where it stopped last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[Entry] = []
        self._read = 0
        path.touch()

    def entries(self) -> list[Entry]:
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        self._entries += [Entry(**json.loads(line)) for line in whole[0].splitlines()]
        return self._entries

    def open_runs(self) -> list[Entry]:
        """Engine runs that have started and not ended; those of dead processes among them."""
        running: dict[tuple[int, str], Entry] = {}
        for entry in self.entries():
            if entry.what == "start":
                running[entry.pid, entry.about] = entry
            elif entry.what == "end":
                running.pop((entry.pid, entry.about), None)
        return list(running.values())

    def ended_elsewhere(self, run: Entry) -> bool:
        """Whether another process has spoken the text since that run began."""
        return any(
            entry.what == "end"
            and (entry.about, entry.pid != run.pid) == (run.about, True)
            and entry.at > run.at
            for entry in self.entries()
        )
