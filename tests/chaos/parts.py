"""The parts of the report: what each measures, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tests.chaos import hooks, latency, rolling, run
from tests.chaos.faults import KINDS
from tests.chaos.page import counted, paragraphs, table, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Say = Callable[[str], None]

SEED = 1
FAULTS = {
    "stop_past_lease": "workers frozen until their lease is over and another has done their job",
    "postgres_crash": "PostgreSQL killed",
    "worker_kill": "workers killed",
    "child_kill": "children of a forking worker killed",
    "worker_term": "workers told to stop",
    "api_kill": "the API killed",
    "dispatcher_kill": "a dispatcher killed",
    "redis_flush": "Redis emptied",
    "redis_kill": "Redis killed",
    "store_outage": "the object store away for seconds",
    "receiver_kill": "the receiver killed",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A part's text, its figures as they are, and whether what it promises held."""

    text: str
    figures: dict[str, Any]
    holds: bool


class Measure(Protocol):
    """None where a signal called it off."""

    def __call__(self, records: Path, say: Say, *, quick: bool) -> Measured | None: ...


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    measure: Measure


def chaos(records: Path, say: Say, *, quick: bool) -> Measured | None:
    jobs, faults = (60, 10) if quick else (1_000, 25)
    plan = run.Plan(jobs, faults, SEED, records)
    if (found := run.carry_out(plan, say)) is None:
        return None
    if (bare := run.counter_proof(plan, say)) is None:
        return None
    text = paragraphs(
        f"{jobs:,} jobs of four tenants, singly and in bulk, some sent twice, while {faults} faults"
        f" strike: {times(KINDS if not quick else dict.fromkeys(KINDS, 1))}. Leases of 3 s.",
        f"The same with the fence taken out of the ledger's writes, {bare.jobs} jobs and two frozen"
        f" workers: {bare.ended_twice} jobs ended twice, {bare.billed_twice} billed twice. So the"
        " harness sees harm where there is some.",
    )
    rows = counted(
        [
            ("jobs accepted", found.jobs, jobs),
            ("faults that struck", found.faults, faults),
            ("jobs lost: no audio, no charge or no event", found.lost, 0),
            ("jobs with another's or broken audio", found.wrong_audio, 0),
            ("jobs that ended twice", found.ended_twice, 0),
            ("jobs billed twice", found.billed_twice, 0),
            ("jobs with two events of their end", found.events_twice, 0),
            ("late writes, all refused by the fence", found.fenced, None),
        ]
    )
    figures = found.as_json() | {"without_fence": bare.as_json()}
    return Measured(f"{text}\n{rows}", figures, found.holds and bool(bare.harm))


def rolling_restarts(records: Path, say: Say, *, quick: bool) -> Measured | None:
    rounds = 2 if quick else 20
    if (found := rolling.carry_out(rounds, SEED, records, say)) is None:
        return None
    text = paragraphs(
        f"{rounds} rounds. In each every process is told to stop as its supervisor would tell it"
        " (SIGTERM; PostgreSQL by SIGINT, since its SIGTERM waits for clients to go), and started"
        " again: the API, two dispatchers, two workers each of cpu and media, Redis, PostgreSQL."
        " One of each kind at a time, the next when its like is at work again.",
        "Meanwhile four tenants speak and wait, poll, follow event streams and send bulks, over"
        " kept connections and over new ones. Most jobs take tenths of a second, some up to three,"
        f" a few five to seven; a worker that drains has {rolling.DRAIN:g} s, so the longest are"
        " handed back and begun again. A failed request is any without an answer, or with an error"
        " other than a 503 that has a code and a Retry-After. Streams that the API ends are resumed"
        " with their last id.",
    )
    rows = counted(
        [
            ("restarts", found.restarts, rounds * sum(map(len, rolling.STEPS))),
            ("jobs", found.jobs, None),
            ("failed jobs", found.failed_jobs, 0),
            ("jobs spoken to their end twice", found.full_reruns, 0),
            ("failed requests", found.failed_requests, 0),
            ("lost, mixed up, ended or billed twice, events missed or repeated", found.harm, 0),
            ("requests", found.requests, None),
            ("honest 503s among them", found.honest_503, None),
            ("streams ended by the API and resumed", found.hang_ups, None),
            ("jobs handed back half-way and begun again", found.begun_again, None),
            ("seconds of work thrown away by that", found.thrown_away_seconds, None),
            ("longest answer that no waiting was asked for, s", found.longest_answer, None),
        ]
    )
    return Measured(f"{text}\n{rows}", found.as_json(), found.holds)


def webhooks(records: Path, say: Say, *, quick: bool) -> Measured | None:
    events, kills = (100, 6) if quick else (1_000, 16)
    if (found := hooks.carry_out(events, kills, SEED, records, say)) is None:
        return None
    killed = dict.fromkeys(hooks.KILLS, 1) if quick else hooks.KILLS
    text = paragraphs(
        f"{events:,} jobs of four tenants, each with a webhook, end while {kills} kills (SIGKILL)"
        f" strike: {times(killed)}. The receiver answers three of ten messages with 500, and writes"
        " down an id before it answers. Tries come after 0.3 to 8 s instead of the days of"
        " [webhooks.md](webhooks.md)."
    )
    rows = counted(
        [
            ("events", found.events, events),
            ("kills that struck", found.kills, kills),
            ("distinct ids that the receiver took", found.distinct_ids, events),
            ("events that did not arrive", found.missing, 0),
            ("ids of no event", found.strangers, 0),
            ("jobs lost, mixed up, ended or billed twice", found.harm, 0),
            ("messages sent", found.messages, None),
            ("messages answered 500", found.refused, None),
            ("messages taken a second time, under the same id", found.repeated, None),
        ]
    )
    return Measured(f"{text}\n{rows}", found.as_json(), found.holds)


def latencies(records: Path, say: Say, *, quick: bool) -> Measured | None:
    flood, alone = (60, 3.0) if quick else (400, 15.0)
    if (found := latency.carry_out(flood, alone, records, say)) is None:
        return None
    text = paragraphs(
        "One API, two dispatchers, a cpu worker with a slot per core, espeak-ng, texts of 30 to 140"
        " characters that nobody spoke before. Three tenants speak a text, wait for it, and are"
        f" silent for a moment: alone first, then while a fourth sends {flood} jobs as fast as it"
        f" can and a fifth sends bulks of {latency.BULK_ITEMS}, one after the other. All have the"
        " same weight.",
        "Accept is from sending a request to its answer, as the client sees it; done is from"
        " sending it to the job's end in the ledger. Milliseconds. Clients and servers share the"
        " machine.",
    )
    head = ["who", "jobs", *(f"{what} {p}" for what in ("accept", "done") for p in PERCENTILES)]
    rows = [[one.kind, told(one.jobs), *map(told, (*one.accept, *one.done))] for one in found]
    figures = {one.kind: one.as_json() for one in found}
    return Measured(f"{text}\n{table(head, rows)}", figures, holds=True)


PERCENTILES = ("p50", "p95", "p99")
PARTS = {
    "chaos": Part("Jobs under faults", chaos),
    "rolling": Part("Rolling restarts", rolling_restarts),
    "webhooks": Part("Webhooks through kills of everything", webhooks),
    "latency": Part("Latency under mixed tenants", latencies),
}


def times(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{FAULTS[kind]} ({count})" for kind, count in kinds.items())
