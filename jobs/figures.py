"""Every metric: what it is called and means, of what type it is, and its labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GAUGE, COUNTER, HISTOGRAM = "gauge", "counter", "histogram"
QUEUE = "queue"

FENCED = ("finish", "fail", "retry", "requeue", "end", "progress")
OUTCOMES = ("delivered", "retry", "failed", "superseded")
OPERATIONS = ("put", "read", "stat", "delete")


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric. `values`: those that its labels can have, where that is known beforehand."""

    type: str
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _gauge(meaning: str, *labels: str) -> Figure:
    return Figure(GAUGE, meaning, labels)


def _counter(meaning: str, *labels: str, **values: Sequence[str]) -> Figure:
    return Figure(COUNTER, meaning, (*labels, *values), values)


def _histogram(meaning: str, *labels: str, **values: Sequence[str]) -> Figure:
    return Figure(HISTOGRAM, meaning, (*labels, *values), values)


# Gauges are read from the ledger, or asked, when they are told. The others are counted where it
# happens (jobs.tallies) and told as the sum over all processes since the ledger began.
FIGURES = {
    "voicemill_jobs": _gauge("Jobs queued, rung or running.", "state", "kind"),
    "voicemill_jobs_accepted_total": _counter("Jobs accepted.", "kind"),
    "voicemill_jobs_ended_total": _counter(
        "Jobs ended; queue none: as they were accepted.", QUEUE, "kind", "state"
    ),
    "voicemill_cache_hits_total": _counter("Jobs answered as they were accepted."),
    "voicemill_single_flight_joins_total": _counter("Jobs that wait for another's render."),
    "voicemill_queue_seconds": _gauge("Expected seconds of work queued or rung.", QUEUE),
    "voicemill_queue_depth": _gauge("Jobs queued or rung.", QUEUE),
    "voicemill_queue_oldest_seconds": _gauge("Age of the oldest job queued or rung.", QUEUE),
    "voicemill_queue_paused": _gauge("1: a person has paused the queue.", QUEUE),
    "voicemill_wait_seconds": _histogram("From acceptance to the first claim.", QUEUE),
    "voicemill_claim_seconds": _histogram("From a job's bell to its claim.", QUEUE),
    "voicemill_queue_slots": _gauge("Slots of workers alive and not asked to drain.", QUEUE),
    "voicemill_queue_slots_used": _gauge("Jobs running.", QUEUE),
    "voicemill_workers": _gauge("Workers alive and not asked to drain.", QUEUE),
    "voicemill_worker_heartbeat_age_seconds": _gauge(
        "Since the worker's last sign of life; told for ten minutes.", "worker", QUEUE
    ),
    "voicemill_worker_memory_bytes": _gauge("Resident memory of the worker.", "worker", QUEUE),
    "voicemill_worker_draining": _gauge("1: it takes no more jobs.", "worker", QUEUE),
    "voicemill_lost_leases_total": _counter("Leases that ran out: a worker went silent.", QUEUE),
    "voicemill_poisoned_total": _counter("Jobs put aside for taking workers down.", QUEUE),
    "voicemill_fenced_writes_total": _counter(
        "Writes refused, for the job was no longer the worker's.", write=FENCED
    ),
    "voicemill_render_seconds": _histogram("What an engine took to speak a text.", "engine"),
    "voicemill_rendered_audio_seconds_total": _counter("Seconds of audio spoken.", "engine"),
    "voicemill_real_time_factor": _histogram("Render time by length of the audio.", "engine"),
    "voicemill_step_failures_total": _counter("Steps that an engine failed.", "engine", "code"),
    "voicemill_webhook_deliveries": _gauge("Messages to be sent; due: now.", "state"),
    "voicemill_webhook_oldest_due_seconds": _gauge("How late the latest message is."),
    "voicemill_webhook_endpoints_disabled": _gauge(
        "Endpoints switched off because they failed.", "reason"
    ),
    "voicemill_webhook_attempts_total": _counter("Messages sent, by outcome.", outcome=OUTCOMES),
    "voicemill_webhook_seconds": _histogram("What a receiver took to answer, or not to."),
    "voicemill_store_up": _gauge("1: the store answers this process."),
    "voicemill_store_seconds": _histogram("What the store took.", operation=OPERATIONS),
    "voicemill_store_errors_total": _counter(
        "The store was away, or refused.", operation=OPERATIONS
    ),
    "voicemill_broker_up": _gauge("1: the broker answers this process."),
    "voicemill_database_connections": _gauge("Connections to the ledger's server."),
    "voicemill_database_connections_max": _gauge("Connections that the server takes."),
}


def zeros(queues: Sequence[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Counters whose labels are known before the first count, so that none begins at one."""
    for name, figure in FIGURES.items():
        known = {QUEUE: queues, **figure.values}
        if figure.type == COUNTER and known.keys() >= set(figure.labels):
            for values in product(*(known[label] for label in figure.labels)):
                yield name, dict(zip(figure.labels, values, strict=True))
