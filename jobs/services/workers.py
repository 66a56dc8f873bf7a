"""Workers announce themselves and what their engines can do; the ledger remembers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.functions import Now

from jobs.models import Offer, Queue, Worker
from jobs.wire import hint_ready
from tenants.audit import PLATFORM, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenants.audit import Actor


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


@transaction.atomic
def drain_worker(*, name: str, actor: Actor = PLATFORM) -> bool:
    """No new jobs for it, and its running ones come back when its patience is over.

    False: it drains already, or is not there.
    """
    working = Worker.objects.filter(name=name, drain_asked_at=None)
    if not working.update(drain_asked_at=Now()):
        return False
    record(actor, "worker.drained", tenant_id=None, kind="worker", name=name)
    return True


def resume_worker(*, name: str, actor: Actor = PLATFORM) -> bool:
    """Bells for it again; it hears them as soon as it has looked. False: it does not drain."""
    drains = Worker.objects.filter(name=name, drain_asked_at__isnull=False)
    queues = list(drains.values_list("queue_id", flat=True))
    with transaction.atomic():
        if not drains.update(drain_asked_at=None):
            return False
        record(actor, "worker.resumed", tenant_id=None, kind="worker", name=name)
    hint_ready(queues)
    return True


def is_draining(*, name: str) -> bool:
    return Worker.objects.filter(name=name, drain_asked_at__isnull=False).exists()


def dismiss_worker(*, name: str) -> None:
    """The worker has gone in good order. What its engines offered stays known."""
    Worker.objects.filter(name=name).delete()


def ensure_queues(names: Sequence[str]) -> None:
    """Enter the queues that are not there yet."""
    Queue.objects.bulk_create([Queue(name=name) for name in names], ignore_conflicts=True)
