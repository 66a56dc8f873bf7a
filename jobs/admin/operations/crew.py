"""Workers as they stand: awake or not, how full, and on what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from jobs.admin.story import link_to_job
from jobs.models import Job, Worker
from jobs.states import State
from tenants.admin.words import NOTHING, badge, lasted, plain, when

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.utils.safestring import SafeString

MOST_WORKERS = 200
MOST_RUNNING = 5_000
SHOWN = 4  # of its jobs


@dataclass(frozen=True, slots=True)
class Hand:
    """One worker, and the jobs it has."""

    worker: Worker
    jobs: Sequence[UUID]
    now: datetime

    @property
    def is_silent(self) -> bool:
        return self.now - self.worker.heartbeat_at > settings.WORKER_ALIVE

    @property
    def is_draining(self) -> bool:
        return self.worker.drain_asked_at is not None

    @property
    def state(self) -> SafeString:
        if self.is_silent:
            return badge("silent", "bad", "No heartbeat: its jobs go to others")
        if self.is_draining and self.jobs:
            return badge("draining", "warn", "Finishes what it has and takes nothing new")
        if self.is_draining:
            return badge("drained", "warn", "Takes nothing new until it is resumed")
        return badge("alive", "good")

    @property
    def heartbeat(self) -> str:
        return f"{lasted(self.now - self.worker.heartbeat_at)} ago"

    @property
    def engines(self) -> str:
        return plain(self.worker.engines)

    @property
    def memory(self) -> str:
        return f"{self.worker.memory_mb:,} MB" if self.worker.memory_mb else NOTHING

    @property
    def up(self) -> SafeString | str:
        return when(self.worker.started_at)

    @property
    def links(self) -> list[SafeString]:
        return [link_to_job(job_id, short=True) for job_id in self.jobs[:SHOWN]]

    @property
    def more(self) -> int:
        return max(0, len(self.jobs) - SHOWN)


def read_crew(now: datetime) -> list[Hand]:
    """In the order of their queues; a few of what each has, oldest first."""
    held: dict[str, list[UUID]] = defaultdict(list)
    running = Job.objects.filter(state=State.RUNNING).order_by("queue", "tenant")
    for job_id, worker in running.values_list("id", "worker")[:MOST_RUNNING]:
        held[worker].append(job_id)
    workers = Worker.objects.order_by("queue", "name")[:MOST_WORKERS]
    return [Hand(worker, sorted(held[worker.name]), now) for worker in workers]
