"""Accepting jobs: one statement writes any number of them and wakes their lanes."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction

from jobs.errors import AwaitedEndedError, IdempotencyConflictError
from jobs.lanes import wake
from jobs.models import Job
from jobs.prepared import Statement
from jobs.services.counts import note_accepted
from jobs.states import FINAL, Bond, Priority, State
from jobs.wire import hint_ready

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


def new_job_id() -> UUID:
    """A UUIDv7: ids sort by time."""
    milliseconds, noise = time.time_ns() // 1_000_000, secrets.randbits(74)
    high, low = noise >> 62, noise & ((1 << 62) - 1)
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


@dataclass(frozen=True, slots=True)
class Step:
    """One way to do the job: an engine, the queue of its hardware, and what it needs to know."""

    engine: str
    queue: str
    binding: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"engine": self.engine, "queue": self.queue, "binding": self.binding}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be accepted. `waits_on` names jobs that must end first."""

    tenant_id: UUID
    kind: str
    id: UUID = field(default_factory=new_job_id)
    plan: Sequence[Step]
    request: Mapping[str, Any] = field(default_factory=dict)
    priority: Priority = Priority.STANDARD
    cost: float = 1.0
    trail: Sequence[Mapping[str, Any]] = ()
    not_before: datetime | None = None
    deadline: datetime | None = None
    expires_after: float | None = None  # seconds, on the ledger's clock
    waits_on: Mapping[UUID, Bond] = field(default_factory=dict)
    personality_id: str = ""
    batch_id: UUID | None = None
    retry_of: UUID | None = None
    idempotency_key: str | None = None
    body_hash: str = ""
    checkpoint: Mapping[str, Any] | None = None  # of a job before, to go on from


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job that stands for a request; replayed when the same request made it before."""

    id: UUID
    replayed: bool = False


ACCEPT = Statement(
    "accept_jobs",
    ("jsonb",),
    f"""
    WITH asked AS (
      SELECT * FROM jsonb_to_recordset($1) AS n(
        id uuid, tenant_id uuid, kind text, state text, priority smallint, queue text,
        request jsonb, plan jsonb, trail jsonb, cost float8, pending int, not_before timestamptz,
        deadline timestamptz, expires_after float8, personality_id text, batch_id uuid,
        retry_of uuid, idempotency_key text, body_hash text, checkpoint jsonb)),
    job AS (
      INSERT INTO jobs_job (id, tenant_id, kind, state, priority, queue, request, plan, trail,
             cost, pending, not_before, deadline, personality_id, batch_id, retry_of_id,
             idempotency_key, body_hash, checkpoint)
      SELECT id, tenant_id, kind, state, priority, queue, request, plan, trail, cost, pending,
             not_before, coalesce(deadline, now() + make_interval(secs => expires_after)),
             personality_id, batch_id, retry_of, idempotency_key, body_hash, checkpoint
        FROM asked
      ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
      RETURNING id, queue, tenant_id, state),
    {wake("job")}
    SELECT (SELECT array_agg(id) FROM job), (SELECT array_agg(queue_id) FROM woken)
    """,  # noqa: S608 - the fragment holds names only
)


def submit_job(job: NewJob) -> Accepted:
    return submit_jobs([job])[0]


def submit_jobs(jobs: Sequence[NewJob]) -> list[Accepted]:
    """Accept all of them, in order, or none. A known idempotency key gives the job it made."""
    if not jobs:
        return []
    if any(job.waits_on for job in jobs):
        with transaction.atomic():
            return _submit_waiting(jobs)
    return _insert(jobs, [0] * len(jobs))[0]


def _submit_waiting(jobs: Sequence[NewJob]) -> list[Accepted]:
    ours = {job.id for job in jobs}
    awaited_ids = {awaited for job in jobs for awaited in job.waits_on}
    live = _lock_awaited(awaited_ids - ours) | ours
    edges = [[awaited for awaited in job.waits_on if awaited in live] for job in jobs]
    accepted, fresh = _insert(jobs, [len(awaited) for awaited in edges])
    rows = [
        (str(answer.id), str(awaited), job.waits_on[awaited].value)
        for answer, job, awaited_by_it in zip(accepted, jobs, edges, strict=True)
        if answer.id in fresh
        for awaited in awaited_by_it
    ]
    _insert_edges(rows)
    _mark_awaited([awaited for _, awaited, _ in rows])
    return accepted


def _lock_awaited(job_ids: set[UUID]) -> set[UUID]:
    """Which of these jobs are still to end. They cannot end before this transaction does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, state FROM jobs_job WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(job_ids)],
        )
        states = {job_id: State(state) for job_id, state in cursor.fetchall()}
    if any(states.get(i) in FINAL - {State.SUCCEEDED} or i not in states for i in job_ids):
        raise AwaitedEndedError
    return {job_id for job_id, state in states.items() if state != State.SUCCEEDED}


def _insert_edges(rows: Sequence[tuple[str, str, str]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO jobs_edge (waiter_id, awaited_id, bond) VALUES (%s, %s, %s)", rows
        )


def _mark_awaited(job_ids: Sequence[str]) -> None:
    """A new version of each row: a finish that waits for our lock will see the mark."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_job SET awaited = true WHERE id = ANY(%s::uuid[]) AND NOT awaited",
            [list(job_ids)],
        )


def _insert(
    jobs: Sequence[NewJob], pending: Sequence[int]
) -> tuple[list[Accepted], frozenset[UUID]]:
    rows = [job_row(*parts) for parts in zip(jobs, pending, strict=True)]
    found = ACCEPT.row(json.dumps(rows, allow_nan=False))
    made, woken = found or (None, None)
    if woken:
        transaction.on_commit(partial(hint_ready, woken))
    fresh = frozenset(made or ())
    note_accepted(job.kind for job in jobs if job.id in fresh)
    return [Accepted(job.id) if job.id in fresh else replay_job(job) for job in jobs], fresh


class Made(NamedTuple):
    """A job an idempotency key made before, and of what body."""

    job_id: UUID
    body_hash: str
    batch_id: UUID | None


MADE = Statement(
    "find_made",
    ("uuid[]", "text[]"),
    """
    SELECT tenant_id, idempotency_key, id, body_hash, batch_id
      FROM unnest($1, $2) AS asked(tenant_id, idempotency_key)
      JOIN jobs_job USING (tenant_id, idempotency_key)
    """,
)


def find_made(asked: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Made]:
    """What these idempotency keys of tenants made before."""
    if not asked:
        return {}
    tenants, own_keys = zip(*asked, strict=True)
    rows = MADE.rows(list(tenants), list(own_keys))
    return {(tenant, key): Made(*made) for tenant, key, *made in rows}


def replay_job(job: NewJob) -> Accepted:
    """The job an idempotency key made before; a conflict where the body is another."""
    first = Job.objects.only("id", "body_hash").get(
        tenant_id=job.tenant_id, idempotency_key=job.idempotency_key
    )
    if first.body_hash != job.body_hash:
        raise IdempotencyConflictError
    return Accepted(first.id, replayed=True)


def job_row(job: NewJob, pending: int = 0) -> dict[str, Any]:
    """A new job as the accepting statements read it."""
    later = pending > 0 or job.not_before is not None
    return {
        "id": str(job.id),
        "tenant_id": str(job.tenant_id),
        "kind": job.kind,
        "state": (State.WAITING if later else State.QUEUED).value,
        "priority": int(job.priority),
        "queue": job.plan[0].queue,
        "request": job.request,
        "plan": [step.as_json() for step in job.plan],
        "trail": list(job.trail),
        "cost": job.cost,
        "pending": pending,
        "not_before": job.not_before and job.not_before.isoformat(),
        "deadline": job.deadline and job.deadline.isoformat(),
        "expires_after": job.expires_after,
        "personality_id": job.personality_id,
        "batch_id": job.batch_id and str(job.batch_id),
        "retry_of": job.retry_of and str(job.retry_of),
        "idempotency_key": job.idempotency_key,
        "body_hash": job.body_hash,
        "checkpoint": job.checkpoint,
    }
