"""One run: orders are placed while faults strike, then everything is counted."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from tests.chaos.client import Api, Crowd
from tests.chaos.clock import Clock
from tests.chaos.faults import Faults, NothingStruckError, plan_faults
from tests.chaos.stage import BROKEN, LEASE, Cast, Stage, set_stage
from tests.chaos.verdict import Evidence, Verdict
from tests.chaos.watch import Watcher
from tests.chaos.workload import Order, plan_orders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.chaos.client import Accepted

UP_WITHIN = 120.0
ENDED_WITHIN = 120.0
LATE_WRITES = LEASE + 2.0  # after this nobody still writes
BREATHS = (0.2, 2.5)  # seconds between two faults
COUNTER_PROOF = ("stop_past_lease", "stop_past_lease")
COUNTER_JOBS = 40
UNENDED = "SELECT count(*) FROM jobs_job WHERE ended_at IS NULL"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen. Without the fence, to see what it is there for."""

    jobs: int
    faults: int
    seed: int
    records: Path  # where logs and journal are kept
    fenced: bool = True
    kinds: tuple[str, ...] = ()  # only these
    cast: Cast = BROKEN


class Run:
    """A plan on its stage."""

    def __init__(self, plan: Plan, stage: Stage, clock: Clock, say: Callable[[str], None]) -> None:
        self.plan, self.stage, self.clock, self.say = plan, stage, clock, say
        self.rng = random.Random(plan.seed)
        self.verdict: Verdict | None = None
        self.accepted: Mapping[str, Accepted] = {}

    async def perform(self) -> Verdict | None:
        """None where it was called off."""
        try:
            await self.stage.supervisor.run(self._work)
        finally:
            self.clock.called_off.set()
        return self.verdict

    def _work(self) -> int:
        if not self.clock.until(self.stage.is_up, UP_WITHIN):
            raise TimeoutError(f"no worker came up: see {self.plan.records}/log")
        self.say(f"{self.clock.seconds:6.1f} s  all up")
        with Watcher(self.stage) as watcher:
            api = Api(self.stage.port, self.stage.tokens, self.clock)
            self._prepare(api)
            crowd = Crowd(api)
            try:
                struck = self._strike(crowd)
            finally:
                crowd.finish()
            crowd.check()
            self.accepted = crowd.accepted
            self._settle()
            self.say(f"{self.clock.seconds:6.1f} s  all ended; answers: {dict(api.statuses)}")
            evidence = Evidence(self.stage, api, crowd.accepted, watcher, struck)
            self.verdict = evidence.judge()
        return 0

    def _prepare(self, api: Api) -> None:
        """What is to be there before the first order."""

    def _strike(self, crowd: Crowd) -> int:
        """A share of the orders before each fault, the rest after the last; how many struck."""
        faults = Faults(self.stage, self.clock, self.rng)
        kinds = self.plan.kinds or plan_faults(self.plan.faults, self.rng)
        shares, struck = self._shares(len(kinds) + 1), 0
        for kind in kinds:
            crowd.send(next(shares))
            struck += self._inject(faults, kind)
            self.clock.pause(self.rng.uniform(*BREATHS))
            crowd.check()
        crowd.send(next(shares))
        return struck

    def _inject(self, faults: Faults, kind: str) -> bool:
        try:
            told, struck = faults.inject(kind), True
        except NothingStruckError as error:
            told, struck = f"not injected: {error}", False
        self.say(f"{self.clock.seconds:6.1f} s  {kind}: {told}")
        return struck

    def _shares(self, count: int) -> Iterator[Sequence[Order]]:
        orders = list(plan_orders(self.plan.jobs, self.rng))
        return (orders[number::count] for number in range(count))

    def _settle(self) -> None:
        """Until all has ended, or nothing more will; then until the last late write is through."""
        self.clock.until(self._all_ended, ENDED_WITHIN, every=0.5)
        self.clock.pause(LATE_WRITES)

    def _all_ended(self) -> bool:
        try:
            return self.stage.ask(UNENDED) == [(0,)]
        except psycopg2.Error:
            return False


def carry_out(plan: Plan, say: Callable[[str], None] = print) -> Verdict | None:
    """The verdict on one run of the plan; None where a signal called it off."""
    with set_stage(plan.records, plan.cast, fenced=plan.fenced) as stage:
        return asyncio.run(Run(plan, stage, Clock(), say).perform())


def counter_proof(plan: Plan, say: Callable[[str], None] = print) -> Verdict | None:
    """Frozen workers again, without the fence: what it prevents must happen."""
    say("\nthe counter-proof: the same with the fence taken out")
    kinds = COUNTER_PROOF
    records = plan.records.with_name(f"{plan.records.name}-without-fence")
    return carry_out(Plan(COUNTER_JOBS, len(kinds), plan.seed, records, False, kinds), say)
