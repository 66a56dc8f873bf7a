"""What an operator holds up and lets go again: queues, and the bells a drained worker has heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from jobs.lanes import wake
from jobs.models import Queue
from jobs.prepared import Statement
from jobs.wire import hint_ready
from tenants.audit import PLATFORM, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenants.audit import Actor

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


def pause_queue(*, name: str, actor: Actor = PLATFORM) -> bool:
    """Hand out no more of its jobs; what runs is finished. False: it is paused, or is not there."""
    return _hold_up(name, actor, paused=True)


def resume_queue(*, name: str, actor: Actor = PLATFORM) -> bool:
    """False: it was open, or is not there."""
    if not _hold_up(name, actor, paused=False):
        return False
    hint_ready([name])
    return True


@transaction.atomic
def _hold_up(name: str, actor: Actor, *, paused: bool) -> bool:
    """Or let go again, with the line that tells who did it. False: there was nothing to do."""
    if not Queue.objects.filter(name=name, paused=not paused).update(paused=paused):
        return False
    deed = "queue.paused" if paused else "queue.resumed"
    record(actor, deed, tenant_id=None, kind="queue", name=name)
    return True


def pass_on(job_ids: Sequence[str], *, worker: str) -> None:
    """Back in line with jobs that were rung here and may not begin here: others are rung for."""
    if moved := PASS_ON.rows(list(job_ids), worker):
        hint_ready([queue for (queue,) in moved])
