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

What = Literal["start", "end", "dropped", "finishing", "finished", "refused"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An engine began, ended or gave up a text; a job's finish was tried, written or refused."""

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

    def in_engines(self) -> list[Entry]:
        """Engine runs that have not ended; those of processes that died in them among them."""
        return self._begun("start", ("end",))

    def in_finishes(self) -> list[Entry]:
        """Finishes that are neither written nor refused yet."""
        return self._begun("finishing", ("finished", "refused"))

    def finished_elsewhere(self, tried: Entry) -> bool:
        """Whether another process has written the finish of that job."""
        return any(
            (entry.what, entry.about) == ("finished", tried.about) and entry.pid != tried.pid
            for entry in self.entries()
        )

    def _begun(self, begin: What, ends: tuple[What, ...]) -> list[Entry]:
        begun: dict[tuple[int, str, int], Entry] = {}
        for entry in self.entries():
            if entry.what == begin:
                begun[entry.pid, entry.about, entry.fence] = entry
            elif entry.what in ends:
                begun.pop((entry.pid, entry.about, entry.fence), None)
        return list(begun.values())
