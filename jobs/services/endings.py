"""Endings other than success, and what they mean for the jobs that wait."""

from __future__ import annotations

import json
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from jobs.errors import JobNotFoundError, NotRetriableError
from jobs.lanes import wake
from jobs.models import Job
from jobs.prepared import Statement
from jobs.pressure import check_pressure
from jobs.services.accept import Accepted, NewJob, Step, submit_job
from jobs.services.counts import note_ended
from jobs.states import FINAL, LIVE, NOT_STARTED, Bond, Priority, State
from jobs.wire import hint_events, hint_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from jobs.services.claims import ClaimedJob


class Ending(NamedTuple):
    """How a job ended. `shared`: whoever waits for the same render would end the same way."""

    job_id: UUID
    state: State
    code: str
    message: str
    shared: bool


END = Statement(
    "end_job",
    ("uuid", "text", "text", "text", "text[]", "int", "jsonb"),
    """
    WITH ended AS (
      UPDATE jobs_job
         SET state = $2, error_code = $3, error_message = $4, lease_until = NULL,
             ended_at = now(), events = events + 1
       WHERE id = $1 AND state = ANY($5) AND ($6 IS NULL OR fence = $6)
      RETURNING id, tenant_id, events, queue, kind),
    told AS (
      INSERT INTO jobs_event (job_id, tenant_id, number, name, data)
      SELECT id, tenant_id, events, 'job.' || $2, $7 FROM ended)
    SELECT tenant_id, queue, kind FROM ended
    """,
)

FREE_WAITERS = Statement(
    "free_waiters",
    ("uuid",),
    f"""
    WITH waiter AS MATERIALIZED (
      SELECT w.id FROM jobs_edge e JOIN jobs_job w ON w.id = e.waiter_id
       WHERE e.awaited_id = $1 AND w.state = 'waiting' ORDER BY w.id FOR UPDATE OF w),
    freed AS (
      UPDATE jobs_job w
         SET pending = w.pending - 1,
             state = CASE WHEN w.pending = 1 AND w.not_before IS NULL THEN 'queued'
                          ELSE w.state END
        FROM waiter WHERE w.id = waiter.id
      RETURNING w.queue, w.tenant_id, w.state),
    {wake("freed")}
    SELECT (SELECT array_agg(queue_id) FROM woken)
    """,  # noqa: S608 - the fragment holds names only
)

REPOINT = """
    UPDATE jobs_edge e SET awaited_id = %s
     WHERE awaited_id = %s AND bond = 'same' AND waiter_id <> %s AND NOT EXISTS (
       SELECT 1 FROM jobs_edge o WHERE o.waiter_id = e.waiter_id AND o.awaited_id = %s)"""


def end_job(
    job_id: UUID,
    state: State,
    *,
    code: str = "",
    message: str = "",
    fence: int | None = None,
    shared: bool = True,
    within: Iterable[State] = LIVE,
) -> bool:
    """End a job and settle all that hangs on it, in one transaction. False: it was not ours to end.

    With a fence only the holder of the lease can end it, and only while it runs.
    """
    states = [State.RUNNING] if fence is not None else list(within)
    with transaction.atomic():
        data = json.dumps({"code": code, "message": message} if code else {})
        ended = END.row(str(job_id), state.value, code, message, states, fence, data)
        if ended is None:
            return False
        tenant_id, queue, kind = ended
        note_ended(queue, kind, state.value)
        if kind in settings.ENDINGS:
            _hearer(settings.ENDINGS[kind])(job_id, state, code, message)
        _settle(Ending(job_id, state, code, message, shared))
    transaction.on_commit(partial(hint_events, (job_id, tenant_id)))
    return True


@cache
def _hearer(name: str) -> Callable[[UUID, State, str, str], None]:
    """Who of a floor above is told of the end of a kind of jobs."""
    found: Callable[[UUID, State, str, str], None] = import_string(name)
    return found


def hold_job(job: ClaimedJob) -> bool:
    """Keep others from ending the job before our transaction does. False: the lease was lost."""
    mine = Job.objects.select_for_update(no_key=True)
    return mine.filter(id=job.id, fence=job.fence, state=State.RUNNING).exists()


def is_anothers(job: ClaimedJob) -> bool:
    """Whether it goes on without us: another worker has it, or is to get it."""
    return Job.objects.filter(id=job.id, ended_at=None).exclude(fence=job.fence).exists()


def cancel_job(*, tenant_id: UUID, job_id: UUID) -> State:
    """Cancel at once what has not started; ask the worker of what has. The state it is in now."""
    if not Job.objects.filter(id=job_id, tenant_id=tenant_id).exists():
        raise JobNotFoundError
    _cancel(job_id)
    return State(Job.objects.values_list("state", flat=True).get(id=job_id))


def cancel_batch(*, tenant_id: UUID, batch_id: UUID) -> int:
    """Cancel whatever of the batch has not ended. How many that were."""
    live = Job.objects.filter(tenant_id=tenant_id, batch_id=batch_id, state__in=LIVE)
    ids = list(live.order_by("-id").values_list("id", flat=True))  # who waits before who is awaited
    for job_id in ids:
        cancel_job(tenant_id=tenant_id, job_id=job_id)
    return len(ids)


@transaction.atomic
def retry_job(*, tenant_id: UUID, job_id: UUID, ceiling: int) -> Accepted:
    """A new job with the same request and plan, or the one that retries it already."""
    job = _hold_to_retry(tenant_id, job_id)
    if (again := Job.objects.filter(retry_of=job, ended_at=None).only("id").first()) is not None:
        return Accepted(again.id, replayed=True)
    once = job.request.get("forgotten") or job.kind in settings.ENDINGS
    if job.state not in FINAL - {State.SUCCEEDED} or once:
        raise NotRetriableError
    check_pressure(tenant_id=tenant_id, ceiling=ceiling)
    return submit_job(
        NewJob(
            tenant_id=tenant_id,
            kind=job.kind,
            plan=[Step(**step) for step in job.plan],
            request=job.request,
            priority=Priority(job.priority),
            cost=job.cost,
            personality_id=job.personality_id,
            retry_of=job.id,
        )
    )


def _hold_to_retry(tenant_id: UUID, job_id: UUID) -> Job:
    """First what it speaks with, then itself: who erases that goes the same way."""
    jobs = Job.objects.filter(id=job_id, tenant_id=tenant_id)
    if (job := jobs.first()) is None:
        raise JobNotFoundError
    import_string(settings.BEFORE_RETRY)(job)
    return jobs.select_for_update().get()


def _settle(ending: Ending) -> None:
    for waiter_id in _waiters(ending.job_id, Bond.PART):
        end_job(waiter_id, State.FAILED, code=_part_code(ending), message=ending.message)
    if ending.state == State.FAILED and ending.shared:
        for waiter_id in _waiters(ending.job_id, Bond.SAME, alike=True):
            end_job(waiter_id, State.FAILED, code=ending.code, message=ending.message)
    if same := _waiters(ending.job_id, Bond.SAME):  # those with other ways left among them
        _promote(ending.job_id, same[0])
    transaction.on_commit(partial(_cancel_orphans, ending.job_id))


def _part_code(ending: Ending) -> str:
    return ending.code or f"part_{ending.state}"


def _promote(ended_id: UUID, heir_id: UUID) -> None:
    """The first waiter does the work itself; the others wait on it from now on."""
    _run("UPDATE jobs_job SET awaited = true WHERE id = %s", heir_id)
    _run(REPOINT, heir_id, ended_id, heir_id, heir_id)
    free_waiters(ended_id)


def free_waiters(job_id: UUID) -> None:
    """Whoever still waits on this job waits on one less."""
    row = FREE_WAITERS.row(str(job_id))
    if row and row[0]:
        transaction.on_commit(partial(hint_ready, row[0]))


def _waiters(job_id: UUID, bond: Bond, *, alike: bool = False) -> list[UUID]:
    """Who waits on a job; `alike`: only those whose plan is the same to its last step."""
    return _ids(
        "SELECT j.id FROM jobs_edge e JOIN jobs_job j ON j.id = e.waiter_id"
        " JOIN jobs_job done ON done.id = e.awaited_id"
        " WHERE e.awaited_id = %s AND e.bond = %s AND j.state = 'waiting'"
        "   AND (NOT %s OR j.plan = done.plan)"
        " ORDER BY j.id FOR UPDATE OF j",
        job_id,
        bond.value,
        alike,
    )


def _cancel_orphans(job_id: UUID) -> None:
    """Each for itself: a part that finishes locks what waits for it, so we may hold nothing."""
    for part_id in _orphaned_parts(job_id):
        _cancel(part_id)


def _orphaned_parts(job_id: UUID) -> list[UUID]:
    """Live parts of an ended job that no other live job waits for."""
    return _ids(
        "SELECT e.awaited_id FROM jobs_edge e JOIN jobs_job part ON part.id = e.awaited_id"
        " WHERE e.waiter_id = %s AND e.bond = 'part' AND part.ended_at IS NULL"
        "   AND NOT EXISTS (SELECT 1 FROM jobs_edge o JOIN jobs_job w ON w.id = o.waiter_id"
        "        WHERE o.awaited_id = e.awaited_id AND w.ended_at IS NULL)"
        " ORDER BY e.awaited_id",
        job_id,
    )


def _cancel(job_id: UUID) -> None:
    """Locked, so that between our two looks nobody claims it or hands it back."""
    with transaction.atomic():
        _run("SELECT FROM jobs_job WHERE id = %s FOR NO KEY UPDATE", job_id)
        if not end_job(job_id, State.CANCELLED, within=NOT_STARTED):
            Job.objects.filter(id=job_id, state=State.RUNNING).update(cancel_requested=True)


def _ids(sql: str, *values: Any) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]


def _run(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
