"""A supervisor in a process of its own for tests: it takes signals and adopts orphans.

`python -m tests.integration.supervised FOLDER` reads FOLDER/plan.json, a list of tiers of
[name, command, options]; "{fd}" in a command is a listening socket's number.
"""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fleet.program import Program
from fleet.supervisor import Supervisor, Tier

ROOT = Path(__file__).resolve().parent.parent.parent
T = TypeVar("T")
FOREVER = ["sleep", "1000"]

Plan = list[list[list[Any]]]


def until(found: Callable[[], T], seconds: float = 10.0) -> T:
    """What `found` gives, as soon as that is true."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return result


class Supervised:
    """A running supervisor, seen from outside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.supervised", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def pids(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads((self.folder / "pids.seen").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.output()
        return (self.folder / "up").exists()

    def next_pid(self, name: str, last: int) -> int:
        """The pid of the program's next life."""
        return until(lambda: self.pids[name] if self.pids.get(name, last) != last else 0)

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 15.0) -> str:
        self.process.send_signal(how)
        return self.output(seconds)

    def output(self, seconds: float = 15.0) -> str:
        return self.process.communicate(timeout=seconds)[0]


@contextmanager
def supervised(folder: Path, plan: Plan) -> Iterator[Supervised]:
    (folder / "plan.json").write_text(json.dumps(plan))
    runner = Supervised(folder)
    try:
        until(runner.is_up)
        yield runner
    finally:
        if runner.process.poll() is None:
            runner.stop()


def main(folder: Path) -> int:
    listener = socket.create_server(("127.0.0.1", 0))
    (folder / "port").write_text(str(listener.getsockname()[1]))

    def program(name: str, command: list[str], options: dict[str, Any]) -> Program:
        fd = listener.fileno()
        filled = tuple(part.replace("{fd}", str(fd)) for part in command)
        return Program(name, filled, folder=folder, keep_fds=(fd,), **options)

    def seen(pids: object) -> None:
        (folder / "pids.new").write_text(json.dumps(pids))
        (folder / "pids.new").replace(folder / "pids.seen")

    plan: Plan = json.loads((folder / "plan.json").read_text())
    supervisor = Supervisor(
        [Tier([program(*item) for item in tier]) for tier in plan],
        logs=folder / "log",
        pid_file=folder / "pids.json",
        report=lambda line: print(line, flush=True),
        on_start=seen,
    )
    return asyncio.run(supervisor.run((folder / "up").touch))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
