"""The faults: each strikes the stage where it hurts, and says what it did when it is done."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial
from itertools import cycle, islice
from math import inf
from typing import TYPE_CHECKING

import redis

from fleet.processes import Process, is_same
from tests.chaos.engine import FINISH_SECONDS
from tests.chaos.stage import DISPATCHERS, FORKING, LEASE, THREADED, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from tests.chaos.clock import Clock
    from tests.chaos.journal import Entry

# How often each kind comes in the usual 25.
KINDS = {
    "stop_past_lease": 3,
    "postgres_crash": 3,
    "worker_kill": 4,
    "child_kill": 4,
    "worker_term": 3,
    "api_kill": 2,
    "dispatcher_kill": 2,
    "redis_flush": 2,
    "redis_kill": 1,
    "store_outage": 1,
}

BUSY_WITHIN = 4.0  # seconds to wait for a victim that has work in hand
THERE_WITHIN = 20.0  # and for one that is there at all
LEFT_AT_LEAST = 0.06  # seconds a finish must have to go when its process is frozen
OUTAGE = (1.5, 5.0)
TAKEN_OVER_WITHIN = 25.0
WOKEN_WITHIN = 5.0


class NothingStruckError(Exception):
    """There was nothing to strike; this fault does not count."""


def plan_faults(count: int, rng: Random) -> list[str]:
    """So many faults in any order: every kind once, before any comes again."""
    rounds = range(max(KINDS.values()))
    recipe = [kind for number in rounds for kind, times in KINDS.items() if times > number]
    plan = list(islice(cycle(recipe), count))
    rng.shuffle(plan)
    return plan


def strike(victim: Process, how: signal.Signals) -> None:
    """A signal for that very process, and for no stranger who was given its number."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(victim.pid)
        try:
            if is_same(victim):
                signal.pidfd_send_signal(handle, how)
        finally:
            os.close(handle)


class Faults:
    """Injects faults by name; each method says what it did, or raises NothingStruckError."""

    def __init__(self, stage: Stage, clock: Clock, rng: Random) -> None:
        self.stage, self.clock, self.rng = stage, clock, rng

    def inject(self, kind: str) -> str:
        fault: Callable[[], str] = getattr(self, kind)
        return fault()

    def worker_kill(self) -> str:
        return self._strike_worker(signal.SIGKILL)

    def worker_term(self) -> str:
        return self._strike_worker(signal.SIGTERM)

    def child_kill(self) -> str:
        """A child of the forking pool, in the middle of a job if there is one."""
        victim = self._busy(partial(self.stage.children, FORKING))
        strike(victim, signal.SIGKILL)
        return f"killed a pool child ({victim.pid})"

    def dispatcher_kill(self) -> str:
        return self._kill(self.rng.choice(DISPATCHERS))

    def api_kill(self) -> str:
        return self._kill("api")

    def receiver_kill(self) -> str:
        """Of webhooks, where there is one."""
        return self._kill("receiver")

    def redis_kill(self) -> str:
        return self._kill("redis")

    def postgres_crash(self) -> str:
        return self._kill("postgres")

    def redis_flush(self) -> str:
        try:
            self.stage.empty_redis()
        except redis.RedisError as error:
            raise NothingStruckError("Redis was away") from error
        return "emptied Redis"

    def store_outage(self) -> str:
        seconds = self.rng.uniform(*OUTAGE)
        self.stage.store.kill()
        try:
            self.clock.pause(seconds)
        finally:
            self.stage.store.start()
        return f"the store was away for {seconds:.1f} s"

    def stop_past_lease(self) -> str:
        """Freeze a process about to finish until another has done its job; then let it write."""
        victim, tried = self._freeze()
        try:
            self.clock.pause(LEASE)
            taken = self.clock.until(partial(self._taken_over, tried), TAKEN_OVER_WITHIN)
        finally:
            strike(victim, signal.SIGCONT)
        self.clock.until(lambda: not self._finishes(victim), WOKEN_WITHIN)
        return f"froze a worker ({victim.pid}); its job was {'' if taken else 'not '}done elsewhere"

    def _freeze(self) -> tuple[Process, list[Entry]]:
        until = time.monotonic() + THERE_WITHIN
        while time.monotonic() < until:
            for victim in self._one_process_each():
                if self._finishes(victim, LEFT_AT_LEAST):
                    strike(victim, signal.SIGSTOP)
                    self.clock.pause(0.05)  # what it noted before it froze is there now
                    if tried := self._finishes(victim):
                        return victim, tried
                    strike(victim, signal.SIGCONT)
            self.clock.pause(0.02)
        raise NothingStruckError("no worker came to a finish")

    def _one_process_each(self) -> list[Process]:
        """Processes that work and keep leases themselves: pools of threads, forked children."""
        pools = [pool for name in THREADED if (pool := self.stage.process(name))]
        found = [*pools, *self.stage.children(FORKING)]
        self.rng.shuffle(found)
        return found

    def _finishes(self, victim: Process, left: float = -inf) -> list[Entry]:
        """The finishes it is in, and will be in for a while yet."""
        latest = time.monotonic() - FINISH_SECONDS + left
        found = self.stage.journal.in_finishes()
        return [entry for entry in found if entry.pid == victim.pid and entry.at > latest]

    def _taken_over(self, tried: Iterable[Entry]) -> bool:
        return any(self.stage.journal.finished_elsewhere(entry) for entry in tried)

    def _strike_worker(self, how: signal.Signals) -> str:
        names = [worker.name for worker in self.stage.cast.workers]
        self.rng.shuffle(names)
        busy = self._busy(lambda: [one for name in names for one in self.stage.family(name)])
        name = next((n for n in names if busy in self.stage.family(n)), names[0])
        return self._kill(name, how)

    def _kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> str:
        victim = self.clock.until(lambda: self.stage.process(name), THERE_WITHIN)
        if victim is None:
            raise NothingStruckError(f"{name} was not up")
        strike(victim, how)
        return f"{how.name} for {name} ({victim.pid})"

    def _busy(self, candidates: Callable[[], list[Process]]) -> Process:
        """A candidate with work in hand, or any if none has any for seconds."""

        def busy() -> Process | None:
            return next((one for one in candidates() if self._speaks(one)), None)

        found = self.clock.until(busy, BUSY_WITHIN) or self.clock.until(
            lambda: next(iter(candidates()), None), THERE_WITHIN
        )
        if found is None:
            raise NothingStruckError("none of its victims was up")
        return found

    def _speaks(self, process: Process) -> bool:
        return any(run.pid == process.pid for run in self.stage.journal.in_engines())
