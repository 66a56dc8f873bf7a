"""Keeps programs alive: starts them tier by tier, restarts what dies, stops in reverse order."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import FleetError
from fleet.processes import kill_group, kill_orphans, record
from fleet.program import Program, adopt_orphans, launch, nothing

if TYPE_CHECKING:
    from subprocess import Popen

SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
PROVEN_AFTER = 10.0
FAILED_STARTS = 5
LOG_BYTES = 1_000_000


@dataclass(frozen=True)
class Tier:
    """Programs that start together. `after` runs once, when all of them are ready."""

    programs: Sequence[Program]
    after: Callable[[], None] = nothing


def next_pause(pause: float, alive: float) -> float:
    """How long to wait before the next start: doubled each time, short again after a good run."""
    return SHORTEST_PAUSE if alive > PROVEN_AFTER else min(pause * 2, LONGEST_PAUSE)


def fresh_log(path: Path) -> Path:
    """Set a grown log aside, so that two of at most `LOG_BYTES` and one run are kept."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path


async def until_exit(pid: int) -> None:
    """Return when the process has ended. It stays a zombie: its number is not free yet."""
    handle, gone = os.pidfd_open(pid), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


class Child:
    """One program over its many lives."""

    def __init__(self, program: Program, keeper: "Supervisor") -> None:
        self.program = program
        self.keeper = keeper
        self.log = keeper.logs / f"{program.name}.log"
        self.process: Popen[bytes] | None = None
        self.starts = 0
        self.stopping = False
        self.task = asyncio.create_task(self._keep_alive())

    async def wait_until_ready(self) -> None:
        """Return once it is up. Raises when it keeps dying, or is not up within its time."""
        until = time.monotonic() + self.program.ready_seconds
        while not await self._is_ready():
            if time.monotonic() > until or self.starts >= FAILED_STARTS:
                raise FleetError(
                    "not_ready", f"{self.program.name} does not come up: see {self.log}"
                )
            await asyncio.sleep(0.03)

    async def _is_ready(self) -> bool:
        return self.process is not None and await asyncio.to_thread(self.program.ready)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask it to stop; kill it when its grace is over, or `hurry` is set."""
        self.stopping = True
        if self.process is None:
            self.task.cancel()
        else:
            os.kill(self.process.pid, self.program.stop)
            await self._ended_or(hurry)
        await asyncio.gather(self.task, return_exceptions=True)

    async def _ended_or(self, hurry: asyncio.Event) -> None:
        waiting = asyncio.create_task(hurry.wait())
        both = {self.task, waiting}
        await asyncio.wait(both, timeout=self.program.grace, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.process is not None:
            self.keeper.report(f"{self.program.name} did not stop in time and is killed")
            kill_group(self.process.pid)

    async def _keep_alive(self) -> None:
        pause = SHORTEST_PAUSE / 2
        while True:
            began = time.monotonic()
            how = await self._live_once()
            if self.stopping:
                return
            pause = next_pause(pause, time.monotonic() - began)
            self.keeper.report(f"{self.program.name} {how}; again in {pause:.1f} s")
            await asyncio.sleep(pause)

    async def _live_once(self) -> str:
        """From start to end of one life; says how it ended."""
        self.starts += 1
        try:
            await asyncio.to_thread(self.program.prepare)
            with fresh_log(self.log).open("ab") as output:
                self.process = launch(self.program, output)
        except (FleetError, OSError) as error:
            return f"could not start: {error}"
        self.keeper.note_start()
        await until_exit(self.process.pid)
        code, self.process = self.process.wait(), None
        kill_orphans(self.keeper.pids().values())
        return f"ended ({code})"


class Supervisor:
    """Runs tiers of programs in this process, which takes signals and adopts orphans for them."""

    def __init__(
        self,
        tiers: Sequence[Tier],
        *,
        logs: Path,
        pid_file: Path,
        report: Callable[[str], None] = print,
        on_start: Callable[[Mapping[str, int]], None] = lambda _: None,
    ) -> None:
        self.tiers = tiers
        self.logs = logs
        self.pid_file = pid_file
        self.report = report
        self.on_start = on_start
        self._up: list[list[Child]] = []

    def pids(self) -> dict[str, int]:
        """The living children by name."""
        children = (child for tier in self._up for child in tier)
        return {child.program.name: child.process.pid for child in children if child.process}

    def note_start(self) -> None:
        record(self.pid_file, self.pids())
        self.on_start(self.pids())

    async def run(self, work: Callable[[], int | None]) -> int:
        """Start everything, then call `work`; its number, if it has one, is the exit code.

        Else stay until a signal comes. All that was started is gone when this returns or raises;
        a second signal kills what takes its time.
        """
        adopt_orphans()
        quitting, hurry = asyncio.Event(), asyncio.Event()
        with _signals(quitting, hurry):
            try:
                return await self._until(quitting, work)
            finally:
                await self._stop_all(hurry)

    async def _until(self, quitting: asyncio.Event, work: Callable[[], int | None]) -> int:
        quit_task = asyncio.create_task(quitting.wait())
        main = asyncio.create_task(self._start_all(work))
        await asyncio.wait({main, quit_task}, return_when=asyncio.FIRST_COMPLETED)
        if not main.done():
            main.cancel()
            return 0
        code = main.result()
        if code is None:
            await quit_task
        quit_task.cancel()
        return code or 0

    async def _start_all(self, work: Callable[[], int | None]) -> int | None:
        self.logs.mkdir(parents=True, exist_ok=True)
        for tier in self.tiers:
            children: list[Child] = []
            self._up.append(children)
            children += [Child(program, self) for program in tier.programs]
            await asyncio.gather(*(child.wait_until_ready() for child in children))
            await asyncio.to_thread(tier.after)
            self.report(f"{', '.join(program.name for program in tier.programs)}: up")
        return await asyncio.to_thread(work)

    async def _stop_all(self, hurry: asyncio.Event) -> None:
        for tier in reversed(self._up):
            await asyncio.gather(*(child.stop(hurry) for child in tier))
        kill_orphans(())
        self._up.clear()
        self.pid_file.unlink(missing_ok=True)


@contextmanager
def _signals(quitting: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    """The first signal to stop sets `quitting`, the next one `hurry`."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def take() -> None:
        (hurry if quitting.is_set() else quitting).set()

    for one in signals:
        loop.add_signal_handler(one, take)
    try:
        yield
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
