"""What an operator holds up and lets go again: queues, and the bells a drained worker has heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.lanes import wake
from jobs.models import Queue
from jobs.prepared import Statement
from jobs.wire import hint_ready

if TYPE_CHECKING:
    from collections.abc import Sequence

# A bell for a job that has been claimed, or that may be claimed here, stays as it is.
PASS_ON = Statement(
    "pass_on_bells",
    ("uuid[]", "text"),
    f"""
    WITH moved AS (
      UPDATE jobs_job j SET state = 'queued', rung_at = NULL
       WHERE j.id = ANY($1) AND j.state = 'rung'
         AND (EXISTS (SELECT 1 FROM jobs_worker WHERE name = $2 AND drain_asked_at IS NOT NULL)
           OR EXISTS (SELECT 1 FROM jobs_queue q WHERE q.name = j.queue AND q.paused))
      RETURNING j.queue, j.tenant_id, j.state),
    {wake("moved")}
    SELECT DISTINCT queue FROM moved
    """,  # noqa: S608 - the fragment holds names only
)


def pause_queue(*, name: str) -> bool:
    """Hand out no more of its jobs; what runs is finished. False: it is paused, or is not there."""
    return Queue.objects.filter(name=name, paused=False).update(paused=True) == 1


def resume_queue(*, name: str) -> bool:
    """False: it was open, or is not there."""
    if Queue.objects.filter(name=name, paused=True).update(paused=False) == 0:
        return False
    hint_ready([name])
    return True


def pass_on(job_ids: Sequence[str], *, worker: str) -> None:
    """Back in line with jobs that were rung here and may not begin here: others are rung for."""
    if moved := PASS_ON.rows(list(job_ids), worker):
        hint_ready([queue for (queue,) in moved])
