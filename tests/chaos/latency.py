"""Latency under mixed tenants: who speaks now and then, beside a flood and bulks, on espeak."""

from __future__ import annotations

import math
import os
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.bench.texts import Texts
from tests.chaos.caller import Caller, Seen
from tests.chaos.clock import Clock
from tests.chaos.run import UP_WITHIN
from tests.chaos.stage import Cast, Worker, act, set_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.chaos.stage import Stage

CORES = len(os.sched_getaffinity(0))
TALKERS = ("ana", "ben", "cem")
FLOOD, BULK = "flood", "bulk"
MIXED = Cast(
    workers=(
        Worker("cpu", "cpu", ("-P", "threads", "-c", str(CORES))),
        Worker("media", "media", ("-P", "prefork", "-c", "1")),
    ),
    settings={
        "ENGINES": "espeak,piper",
        "S3_ENDPOINT": "",
        "LEASE_SECONDS": "30",
        "DRAIN_SECONDS": "20",
        "RING_AGAIN_SECONDS": "10",
        "WORKER_ALIVE_SECONDS": "30",
        "RETRY_BASE_SECONDS": "2",
        "MAX_LOST_LEASES": "3",
    },
    tenants=dict.fromkeys((*TALKERS, FLOOD, BULK), 1.0),
)
SYNTHESIZE = "/api/v1/jobs/synthesize"
FLOODERS = 4  # connections of the flood
BULK_ITEMS = 50
REST = (0.1, 0.7)  # seconds a talker is silent
CHARACTERS = (30, 140)
ENDED_WITHIN = 300.0
LEFT = """
    SELECT count(*) FROM jobs_job j JOIN tenants_tenant t ON t.id = j.tenant_id
     WHERE t.slug = 'flood' AND j.ended_at IS NULL"""
ENDS = """
    SELECT id::text, extract(epoch FROM ended_at)::float FROM jobs_job WHERE state = 'succeeded'"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: whose, when it went out, after how long its answer was there, and its jobs."""

    kind: str
    at: float
    accepted_after: float
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """One kind of tenant, in ms: p50, p95 and p99 of the accept, and from sending to the end."""

    kind: str
    jobs: int
    accept: tuple[float, float, float]
    done: tuple[float, float, float]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Mixed:
    """Talkers alone, then beside a flood of so many jobs and a tenant of bulks."""

    def __init__(self, flood: int, alone: float, stage: Stage, say: Callable[[str], None]) -> None:
        self.flood, self.alone, self.stage, self.say = flood, alone, stage, say
        self.clock = Clock()
        self.seen = Seen()
        self.sent: list[Sent] = []
        self._seeds = count(1)

    def work(self) -> list[Latency]:
        if not self.clock.until(self.stage.is_up, UP_WITHIN):
            raise TimeoutError(f"no worker came up: see {self.stage.folder}/log")
        self._talk("warm", lambda: self.clock.pause(2.0))
        self.sent.clear()
        self._talk("talkers, alone", lambda: self.clock.pause(self.alone))
        self._talk("talkers", self._flood_and_bulk)
        ends = dict(self.stage.ask(ENDS))
        kinds = dict.fromkeys(sent.kind for sent in sorted(self.sent, key=lambda one: one.at))
        return [summarise(kind, self.sent, ends) for kind in kinds]

    def _talk(self, kind: str, meanwhile: Callable[[], None]) -> None:
        stopping = threading.Event()
        with ThreadPoolExecutor(len(TALKERS)) as threads:
            talkers = [threads.submit(self._talker, one, kind, stopping) for one in TALKERS]
            try:
                meanwhile()
            finally:
                stopping.set()
        for talker in talkers:
            talker.result()
        self.say(f"  {kind}: {sum(sent.kind == kind for sent in self.sent)} requests")

    def _talker(self, tenant: str, kind: str, stopping: threading.Event) -> None:
        caller, texts, rng = self._caller(tenant), self._texts(), random.Random(tenant)
        while not stopping.wait(rng.uniform(*REST)):
            body = {"text": texts.make(rng.randint(*CHARACTERS))}
            (job_id,) = self._post(kind, caller, SYNTHESIZE, body)
            while caller.ask("GET", f"/api/v1/jobs/{job_id}?wait=20").json["state"] != "succeeded":
                continue

    def _flood_and_bulk(self) -> None:
        flooding = threading.Event()
        with ThreadPoolExecutor(FLOODERS + 1) as threads:
            bulk = threads.submit(self._send_bulks, flooding)
            shares = [len(range(start, self.flood, FLOODERS)) for start in range(FLOODERS)]
            try:
                list(threads.map(self._send_flood, shares))
                self.say(f"  the flood is accepted: {self.flood} jobs")
                self.clock.until(lambda: self.stage.ask(LEFT) == [(0,)], ENDED_WITHIN, every=0.5)
            finally:
                flooding.set()
        bulk.result()

    def _send_flood(self, jobs: int) -> None:
        caller, texts = self._caller(FLOOD), self._texts()
        for _ in range(jobs):
            self._post("flood", caller, SYNTHESIZE, {"text": texts.make(CHARACTERS[1])})

    def _send_bulks(self, stopping: threading.Event) -> None:
        """One after the other, each when the one before is done."""
        caller, texts = self._caller(BULK), self._texts()
        while not stopping.is_set():
            items = [{"text": text} for text in texts.several(BULK_ITEMS, CHARACTERS[1])]
            jobs = self._post("bulks", caller, "/api/v1/jobs/bulk", {"items": items})
            while (
                caller.ask("GET", f"/api/v1/jobs/{jobs[-1]}?wait=20").json["state"] != "succeeded"
            ):
                continue

    def _post(self, kind: str, caller: Caller, path: str, body: Any) -> tuple[str, ...]:
        at, begun = time.time(), time.monotonic()
        told = caller.ask("POST", path, body, Idempotency_Key=str(uuid.uuid4())).json
        jobs = tuple(item["id"] for item in told.get("items", [told]))
        self.sent.append(Sent(kind, at, time.monotonic() - begun, jobs))
        return jobs

    def _caller(self, tenant: str) -> Caller:
        return Caller(self.stage.port, self.stage.tokens[tenant], self.seen)

    def _texts(self) -> Texts:
        return Texts(next(self._seeds))


def summarise(kind: str, sent: Iterable[Sent], ends: dict[str, float]) -> Latency:
    """Every job of that kind must have its end among `ends`."""
    mine = [one for one in sent if one.kind == kind]
    done = [ends[job] - one.at for one in mine for job in one.jobs]
    return Latency(
        kind, len(done), percentiles([one.accepted_after for one in mine]), percentiles(done)
    )


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99 in ms: the smallest value that so many are not above."""
    ranked = sorted(seconds)
    p50, p95, p99 = (
        round(ranked[math.ceil(share * len(ranked)) - 1] * 1000, 1) for share in (0.5, 0.95, 0.99)
    )
    return p50, p95, p99


def carry_out(
    flood: int, alone: float, records: Path, say: Callable[[str], None] = print
) -> list[Latency] | None:
    """The latencies of each kind; None where a signal called it off."""
    with set_stage(records, MIXED) as stage:
        mixed = Mixed(flood, alone, stage, say)
        return act(stage, mixed.clock, mixed.work)
