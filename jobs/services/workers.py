"""Workers announce themselves and what their engines can do; the ledger remembers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models.functions import Now

from jobs.models import Offer, Queue, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A worker process: where it works, how much at once, with which engines."""

    name: str
    queue: str
    slots: int
    pid: int
    engines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@transaction.atomic
def announce_worker(worker: Announcement) -> None:
    """Enter the worker (again) as alive, and its engines as on offer."""
    Queue.objects.get_or_create(name=worker.queue)
    Worker.objects.update_or_create(
        name=worker.name,
        defaults={
            "queue_id": worker.queue,
            "slots": worker.slots,
            "pid": worker.pid,
            "engines": sorted(worker.engines),
            "started_at": Now(),
            "heartbeat_at": Now(),
            "drain_asked_at": None,
        },
    )
    for engine, capabilities in worker.engines.items():
        offer_engine(engine=engine, queue=worker.queue, capabilities=capabilities)


def offer_engine(*, engine: str, queue: str, capabilities: Mapping[str, Any]) -> None:
    """Remember what an engine can do on a queue."""
    Queue.objects.get_or_create(name=queue)
    Offer.objects.update_or_create(
        engine=engine,
        queue_id=queue,
        defaults={"capabilities": json.loads(json.dumps(capabilities)), "seen_at": Now()},
    )


def beat(*, name: str, memory_mb: int) -> bool:
    """Still alive. False: the ledger does not know this worker (any more): announce again."""
    return Worker.objects.filter(name=name).update(heartbeat_at=Now(), memory_mb=memory_mb) == 1


def drain_worker(*, name: str) -> bool:
    """No new bells for it, and its running jobs come back when its patience is over."""
    return Worker.objects.filter(name=name, drain_asked_at=None).update(drain_asked_at=Now()) == 1


def resume_worker(*, name: str) -> bool:
    return Worker.objects.filter(name=name).update(drain_asked_at=None) == 1


def dismiss_worker(*, name: str) -> None:
    """The worker has gone in good order. What its engines offered stays known."""
    Worker.objects.filter(name=name).delete()


def ensure_queues(names: Sequence[str]) -> None:
    """Enter the queues, and mend what a restored dump brings from another server's transactions."""
    Queue.objects.bulk_create([Queue(name=name) for name in names], ignore_conflicts=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_queue SET filled_by = 0"
            " WHERE filled_by >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        )
