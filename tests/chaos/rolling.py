"""Rolling restarts: every process is told to stop and comes back, round after round, under load."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
import redis

from tests.chaos.client import Api
from tests.chaos.clock import Clock
from tests.chaos.faults import THERE_WITHIN, strike
from tests.chaos.run import ENDED_WITHIN, UNENDED, UP_WITHIN
from tests.chaos.stage import DISPATCHERS, Cast, Worker, act, set_stage
from tests.chaos.steady import Steady
from tests.chaos.verdict import HARMS, Evidence
from tests.chaos.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chaos.journal import Entry
    from tests.chaos.stage import Stage
    from tests.chaos.verdict import Verdict

DRAIN = 4.0
BACK_WITHIN = 60.0
LONGEST = 1_800.0
FIRST_LOAD, LAST_LOAD = 3.0, 3.0  # seconds of load before the first restart and after the last
READY = "voicemill:ready"  # dispatchers listen to it
# In a step everything goes at once; of each kind one stays.
STEPS = (
    ("api", "dispatcher-a", "cpu-a", "media-a", "redis"),
    ("dispatcher-b", "cpu-b", "media-b", "postgres"),
)
FAILED = "SELECT count(*) FROM jobs_job WHERE state IN ('failed', 'expired', 'cancelled')"
THREADS, FORKS = ("-P", "threads", "-c", "4"), ("-P", "prefork", "-c", "1")
ROLLED = Cast(
    workers=(
        *(Worker(name, "cpu", THREADS) for name in ("cpu-a", "cpu-b")),
        *(Worker(name, "media", FORKS) for name in ("media-a", "media-b")),
    ),
    # As the product has them, but for the drain: shorter than some jobs, so that some are cut.
    settings={
        "ENGINES": "echo=tests.chaos.engine:PacedEngine",
        "S3_ENDPOINT": "",
        "LEASE_SECONDS": "30",
        "DRAIN_SECONDS": str(DRAIN),
        "RING_AGAIN_SECONDS": "10",
        "WORKER_ALIVE_SECONDS": "30",
        "RETRY_BASE_SECONDS": "2",
        "MAX_LOST_LEASES": "3",
    },
)


@dataclass(frozen=True, slots=True)
class Rolled:
    """What twenty rounds cost. `harm` and the first four are to be nought."""

    rounds: int
    restarts: int
    jobs: int
    failed_jobs: int
    full_reruns: int
    failed_requests: int
    harm: int
    begun_again: int
    thrown_away_seconds: float
    requests: int
    honest_503: int
    hang_ups: int
    untold_events: int
    longest_answer: float
    seconds: float

    @property
    def holds(self) -> bool:
        return not (self.failed_jobs or self.full_reruns or self.failed_requests or self.harm)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Rolling:
    """So many rounds on a stage."""

    def __init__(self, rounds: int, seed: int, stage: Stage, say: Callable[[str], None]) -> None:
        self.rounds, self.seed, self.stage, self.say = rounds, seed, stage, say
        self.clock = Clock(LONGEST)
        self.restarts: Counter[str] = Counter()

    def work(self) -> Rolled:
        if not self.clock.until(self.stage.is_up, UP_WITHIN):
            raise TimeoutError(f"no worker came up: see {self.stage.folder}/log")
        steady = Steady(self.stage.port, self.stage.tokens, self.seed)
        with Watcher(self.stage) as watcher:
            with steady.running():
                self._roll(steady)
            self.clock.until(self._all_ended, ENDED_WITHIN, every=0.5)
            api = Api(self.stage.port, self.stage.tokens, self.clock)
            evidence = Evidence(self.stage, api, steady.accepted, watcher, self.restarts.total())
            rolled = self._sum_up(steady, evidence.judge())
        for failure in steady.seen.failures:
            self.say(f"  failed request: {failure}")
        return rolled

    def _roll(self, steady: Steady) -> None:
        self.clock.pause(FIRST_LOAD)
        for number in range(1, self.rounds + 1):
            began = self.clock.seconds
            for names in STEPS:
                with ThreadPoolExecutor(len(names)) as hands:
                    list(hands.map(self._restart, names))
            jobs, took = len(steady.accepted), self.clock.seconds - began
            failures = len(steady.seen.failures)
            self.say(f"  round {number:2}: {took:4.1f} s, {jobs} jobs, {failures} failed requests")
        self.clock.pause(LAST_LOAD)

    def _restart(self, name: str) -> None:
        """By the signal its supervisor stops it with; returns when the next life is at work."""
        victim = self.clock.until(lambda: self.stage.process(name), THERE_WITHIN)
        if victim is None:
            raise TimeoutError(f"{name} was not up")
        strike(victim, self.stage.program(name).stop)
        if not self.clock.until(lambda: self._is_back(name, victim.pid), BACK_WITHIN, every=0.1):
            raise TimeoutError(f"{name} did not come back: see its log")
        self.restarts[name] += 1

    def _is_back(self, name: str, last: int) -> bool:
        pid = self.stage.supervisor.pids().get(name, last)
        return pid != last and self._is_at_work(name, pid)

    def _is_at_work(self, name: str, pid: int) -> bool:
        if name in {worker.name for worker in self.stage.cast.workers}:
            return self._has_announced(name, pid)
        if name in DISPATCHERS:
            return self._listeners() == len(DISPATCHERS)
        return self.stage.program(name).ready()

    def _has_announced(self, name: str, pid: int) -> bool:
        sql = f"SELECT count(*) FROM jobs_worker WHERE name LIKE '{name}@%' AND pid = {pid}"  # noqa: S608
        try:
            return self.stage.ask(sql) == [(1,)]
        except psycopg2.Error:
            return False

    def _listeners(self) -> int:
        try:
            with redis.Redis.from_url(self.stage.services.redis.url) as client:
                return int(client.pubsub_numsub(READY)[0][1])
        except redis.RedisError:
            return 0

    def _all_ended(self) -> bool:
        return self.stage.ask(UNENDED) == [(0,)]

    def _sum_up(self, steady: Steady, verdict: Verdict) -> Rolled:
        spoken = Spoken(self.stage.journal.entries())
        return Rolled(
            rounds=self.rounds,
            restarts=self.restarts.total(),
            jobs=verdict.jobs,
            failed_jobs=self.stage.ask(FAILED)[0][0],
            full_reruns=len(spoken.twice),
            failed_requests=len(steady.seen.failures),
            harm=sum(getattr(verdict, name) for name in HARMS) + steady.untold,
            begun_again=spoken.dropped,
            thrown_away_seconds=round(spoken.thrown_away, 1),
            requests=steady.seen.requests,
            honest_503=steady.seen.honest.total(),
            hang_ups=steady.seen.hang_ups,
            untold_events=steady.untold,
            longest_answer=round(steady.seen.longest, 1),
            seconds=round(self.clock.seconds, 1),
        )


class Spoken:
    """What engines did with texts of which each was ordered once."""

    def __init__(self, entries: list[Entry]) -> None:
        ends = Counter(entry.about for entry in entries if entry.what == "end")
        self.twice = {text for text, times in ends.items() if times > 1}
        begun: dict[str, float] = {}
        self.dropped, self.thrown_away = 0, 0.0
        for entry in entries:
            if entry.what == "start":
                begun[entry.about] = entry.at
            elif entry.what == "dropped":
                self.dropped += 1
                self.thrown_away += entry.at - begun[entry.about]


def carry_out(
    rounds: int, seed: int, records: Path, say: Callable[[str], None] = print
) -> Rolled | None:
    """What the rounds cost; None where a signal called them off."""
    with set_stage(records, ROLLED) as stage:
        rolling = Rolling(rounds, seed, stage, say)
        return act(stage, rolling.clock, rolling.work)
