"""Webhooks while everything is killed, the receiver too: each job's end arrives, under one id."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fleet.program import Program
from fleet.run import python
from tests.chaos.clock import Clock
from tests.chaos.run import Plan, Run
from tests.chaos.stage import BROKEN, ROOT, set_stage
from tests.chaos.workload import TENANTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chaos.client import Api
    from tests.chaos.faults import Faults
    from tests.chaos.verdict import Verdict

PORTS = 20_000, 30_000
CREATED = 201
# How often each is killed in the usual sixteen.
KILLS = {
    "receiver_kill": 4,
    "dispatcher_kill": 4,
    "worker_kill": 2,
    "api_kill": 2,
    "postgres_crash": 2,
    "redis_kill": 2,
}
ARRIVED_WITHIN = 120.0
TOLD_WITHIN = 15.0
BOOK = "received"
SETTINGS = {
    "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "WEBHOOK_RETRY_SECONDS": "0.3,0.5,1,1,2,2,4,4,8",
    "WEBHOOK_SECONDS": "2",
}


@dataclass(frozen=True, slots=True)
class Arrived:
    """Events of so many jobs, through so many kills. What is missing or a stranger is harm."""

    events: int
    kills: int
    distinct_ids: int
    missing: int
    strangers: int
    harm: int
    messages: int
    refused: int
    repeated: int
    seconds: float

    @property
    def holds(self) -> bool:
        return self.distinct_ids == self.events and not (self.missing + self.strangers + self.harm)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class HookedRun(Run):
    """A run whose tenants each have a webhook."""

    port = 0
    kills = 0

    def _prepare(self, api: Api) -> None:
        body = json.dumps({"url": f"http://127.0.0.1:{self.port}/hook"})
        for tenant in TENANTS:
            answer = api.post(tenant, "/api/v1/webhooks", body)
            if answer.status != CREATED:
                raise RuntimeError(f"no webhook for {tenant}: {answer.body[:300]!r}")

    def _inject(self, faults: Faults, kind: str) -> bool:
        """Each kill when half of what was ordered by then has been told: in the middle of it."""
        self.kills += 1
        ordered = self.plan.jobs * self.kills / (len(self.plan.kinds) + 1)
        self.clock.until(lambda: len(set(self._answered("200"))) > ordered / 2, TOLD_WITHIN)
        return super()._inject(faults, kind)

    def _settle(self) -> None:
        super()._settle()
        self.clock.until(self._all_there, ARRIVED_WITHIN, every=0.5)

    def _all_there(self) -> bool:
        return len(set(self._answered("200"))) >= self.plan.jobs

    def _answered(self, status: str) -> list[str]:
        """The ids of messages that were answered so, in their order."""
        book = self.stage.folder / BOOK
        lines = book.read_text().splitlines() if book.exists() else []
        return [line.split()[0] for line in lines if line.split()[1] == status]

    def sum_up(self, verdict: Verdict) -> Arrived:
        taken, refused = self._answered("200"), self._answered("500")
        told = [job_of(message_id) for message_id in set(taken)]
        return Arrived(
            events=len(self.accepted),
            kills=verdict.faults,
            distinct_ids=len(told),
            missing=len(set(self.accepted) - set(told)),
            strangers=len(set(told) - set(self.accepted)),
            harm=verdict.harm,
            messages=len(taken) + len(refused),
            refused=len(refused),
            repeated=len(taken) - len(told),
            seconds=round(self.clock.seconds, 1),
        )


def job_of(message_id: str) -> str:
    """msg_<job>_<number>: whose end it tells of."""
    return str(UUID(message_id.split("_")[1]))


def plan_kills(count: int) -> tuple[str, ...]:
    """So many: every kind once, before any comes again."""
    rounds = range(max(KILLS.values()))
    recipe = [kind for number in rounds for kind, times in KILLS.items() if times > number]
    return tuple(islice(cycle(recipe), count))


def carry_out(
    events: int, kills: int, seed: int, records: Path, say: Callable[[str], None] = print
) -> Arrived | None:
    """What arrived; None where a signal called it off."""
    port = free_port(random.Random())
    cast = replace(
        BROKEN,
        settings=SETTINGS,
        others=lambda folder: [_receiver(port, folder / BOOK)],
    )
    plan = Plan(events, kills, seed, records, kinds=plan_kills(kills), cast=cast)
    with set_stage(records, cast) as stage:
        run = HookedRun(plan, stage, Clock(), say)
        run.port = port
        verdict = asyncio.run(run.perform())
        return run.sum_up(verdict) if verdict else None


def _receiver(port: int, book: Path) -> Program:
    return Program(
        "receiver", python("-m", "tests.chaos.receiver", str(port), str(book)), None, ROOT
    )


def free_port(rng: random.Random) -> int:
    """One that no outgoing connection is given while the receiver is away."""
    while True:
        port = rng.randrange(*PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
