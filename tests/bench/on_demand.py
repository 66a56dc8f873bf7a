"""A process that works when it is told to: a count on its standard input, `done` on its output."""

from __future__ import annotations

import select
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 180.0  # seconds a turn may take


def serve(turn: Callable[[int], object]) -> None:
    """The process's own side: do a turn for each number that comes in, until there are no more."""
    print("done", flush=True)
    for line in sys.stdin:
        answer = turn(int(line))
        print("done" if answer is None else answer, flush=True)


class OnDemand:
    """The side of whoever gives the orders."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def __call__(self, count: int) -> str:
        """Have it do so much, and wait until it is done. Its answer."""
        assert self.process.stdin
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], LONGEST)
        if not ready:
            raise TimeoutError(f"{self.process.args!r} has not answered for {LONGEST:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended: {self.process.wait()}")
        return line.strip()


@contextmanager
def on_demand(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[OnDemand]:
    """Started when entered, ready for orders; ended when left."""
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    started = OnDemand(process)
    try:
        started.answer()
        yield started
    finally:
        process.communicate(timeout=30)
