"""What time does to jobs: lost leases, deadlines, due retries, lanes that lost their mark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from jobs.lanes import wake
from jobs.prepared import Statement
from jobs.services.counts import note_lost
from jobs.services.endings import end_job
from jobs.states import NOT_STARTED, State

if TYPE_CHECKING:
    from uuid import UUID

BITE = 500  # rows one look takes at most, so that no transaction grows long

LOST = """
    SELECT id, queue, fence, attempt, lost_leases, cancel_requested,
           coalesce(deadline < now(), false)
      FROM jobs_job WHERE state = 'running' AND lease_until < now()
     ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"""

LATE = """
    SELECT id FROM jobs_job WHERE state IN ('waiting', 'queued', 'rung') AND deadline < now()
     ORDER BY deadline LIMIT %s"""

REQUEUE_LOST = Statement(
    "requeue_lost_job",
    ("uuid", "int", "jsonb"),
    f"""
    WITH moved AS (
      UPDATE jobs_job
         SET state = 'queued', lease_until = NULL, lost_leases = lost_leases + 1,
             trail = trail || $3
       WHERE id = $1 AND fence = $2 AND state = 'running' AND lease_until < now()
      RETURNING queue, tenant_id, state),
    {wake("moved")}
    SELECT count(*) FROM moved
    """,  # noqa: S608 - the fragment holds names only
)

DUE = Statement(
    "queue_due_jobs",
    ("int",),
    f"""
    WITH due AS (
      SELECT id FROM jobs_job
       WHERE state = 'waiting' AND pending <= 0 AND not_before <= now()
       ORDER BY not_before LIMIT $1 FOR UPDATE SKIP LOCKED),
    moved AS (
      UPDATE jobs_job j SET state = 'queued', not_before = NULL FROM due WHERE j.id = due.id
      RETURNING queue, tenant_id, state),
    {wake("moved")}
    SELECT count(*) FROM moved
    """,  # noqa: S608 - the fragment holds names only
)

MEND_LANES = """
    UPDATE jobs_lane l SET ready = true
     WHERE NOT ready AND EXISTS (
       SELECT 1 FROM jobs_job j WHERE j.queue = l.queue_id AND j.tenant_id = l.tenant_id
          AND j.state = 'queued' AND j.lost_leases < 2)"""


class LostJob(NamedTuple):
    id: UUID
    queue: str
    fence: int
    attempt: int
    lost_leases: int
    cancel_requested: bool
    late: bool


def reap_lost_leases() -> int:
    """Queue again what a worker lost; end what was cancelled, is late, or keeps killing workers."""
    with transaction.atomic():
        lost = [LostJob(*row) for row in _rows(LOST, BITE)]
        for job in lost:
            _reap(job)
    return len(lost)


def _reap(job: LostJob) -> None:
    poison = False
    if job.cancel_requested:
        end_job(job.id, State.CANCELLED, fence=job.fence)
    elif job.late:
        end_job(job.id, State.EXPIRED, fence=job.fence)
    elif job.lost_leases + 1 >= settings.MAX_LOST_LEASES:
        poison = end_job(job.id, State.FAILED, code="poison", message=_poison(job), fence=job.fence)
    else:
        note = {"attempt": job.attempt, "code": "lease_lost", "message": "Its worker went silent."}
        REQUEUE_LOST.row(str(job.id), job.fence, json.dumps([note]))
    note_lost(job.queue, poison=poison)


def _poison(job: LostJob) -> str:
    return (
        f"The job took its worker down {job.lost_leases + 1} times without storing progress"
        " and was put aside."
    )


def expire_late_jobs() -> int:
    """End what has not started by its deadline."""
    late = [row[0] for row in _rows(LATE, BITE)]
    return sum(end_job(job_id, State.EXPIRED, within=NOT_STARTED) for job_id in late)


def queue_due_jobs() -> int:
    """Queue what was waiting for its time."""
    row = DUE.row(BITE)
    return int(row[0]) if row else 0


def mend_lanes() -> None:
    """Mark lanes ready that have heads and lost the mark to a race between accept and fill."""
    with connection.cursor() as cursor:
        cursor.execute(MEND_LANES)


def _rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
