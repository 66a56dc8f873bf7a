"""A worker's side of the ledger: claim, report, finish, hand back. Every write is fenced."""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import transaction

from jobs.lanes import wake
from jobs.prepared import Statement
from jobs.services.counts import fenced, note_claim, note_failed_step, note_finished
from jobs.services.endings import end_job, free_waiters
from jobs.services.progress import failures_of
from jobs.states import State
from jobs.together import Together
from jobs.wire import hint_events, hint_ready

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

LINGER = 0.001  # seconds a busy worker's claims and finishes wait for one another


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong. `permanent` decides whether this step is tried again."""

    code: str
    message: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job this worker holds, under the fence it must show with every write."""

    id: UUID
    tenant_id: UUID
    kind: str
    fence: int
    attempt: int
    step: int
    deadline: datetime | None
    plan: list[dict[str, Any]]
    request: dict[str, Any]
    checkpoint: dict[str, Any] | None
    lease_ends: float  # on this process's monotonic clock

    @property
    def engine(self) -> str:
        return str(self.plan[self.step]["engine"])

    @property
    def queue(self) -> str:
        return str(self.plan[self.step]["queue"])

    @property
    def binding(self) -> dict[str, Any]:
        return dict(self.plan[self.step]["binding"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a finished job is billed: amounts and labels the ledger does not interpret."""

    voice: str = ""
    provider: str = ""
    characters: int = 0
    audio_seconds: float = 0.0
    cost_usd: str = "0"
    cached: bool = False


class Ending(NamedTuple):
    """A job as its holder ends it well; result and charge as JSON."""

    job_id: str
    fence: int
    result: str
    charge: str | None


CLAIM = Statement(
    "claim_jobs",
    ("uuid[]", "interval", "text", "text"),
    """
    UPDATE jobs_job
       SET state = 'running', attempt = attempt + 1, fence = fence + 1, worker = $3,
           lease_until = now() + $2, started_at = coalesce(started_at, now())
     WHERE id = ANY($1) AND (state = 'rung' OR state = 'queued' AND lost_leases < 2)
       AND queue = coalesce($4, queue)
       AND NOT EXISTS (SELECT 1 FROM jobs_queue q WHERE q.name = jobs_job.queue AND q.paused)
       AND NOT EXISTS (SELECT 1 FROM jobs_worker w
                        WHERE w.name = $3 AND w.drain_asked_at IS NOT NULL)
    RETURNING id, tenant_id, kind, fence, attempt, step, deadline,
              plan::text, request::text, checkpoint::text,
              CASE WHEN started_at = now() THEN extract(epoch FROM now() - created_at)::float8 END,
              extract(epoch FROM now() - rung_at)::float8
    """,
)

FINISH = Statement(
    "finish_jobs",
    ("uuid[]", "int[]", "jsonb[]", "jsonb[]", "bool"),
    """
    WITH held AS (
      SELECT * FROM unnest($1, $2, $3, $4) AS h(id, fence, result, charge)),
    done AS (
      UPDATE jobs_job j
         SET state = 'succeeded', lease_until = NULL, progress = 1, result = held.result,
             ended_at = now(), events = events + 1
        FROM held
       WHERE j.id = held.id AND j.fence = held.fence AND j.state = 'running' AND j.awaited = $5
      RETURNING j.id, held.fence, j.tenant_id, j.personality_id, j.events, j.result,
                held.charge),
    charged AS (
      INSERT INTO jobs_usage (job_id, tenant_id, personality_id, voice, provider, characters,
             audio_seconds, cost_usd, cached)
      SELECT done.id, done.tenant_id, done.personality_id, c.voice, c.provider, c.characters,
             c.audio_seconds, c.cost_usd, c.cached
        FROM done, jsonb_to_record(done.charge) AS c(voice text, provider text, characters int,
             audio_seconds float8, cost_usd numeric, cached bool)
       WHERE done.charge IS NOT NULL),
    told AS (
      INSERT INTO jobs_event (job_id, tenant_id, number, name, data)
      SELECT id, tenant_id, events, 'job.succeeded', result FROM done)
    SELECT id, fence, tenant_id FROM done
    """,
)

REQUEUE = Statement(
    "requeue_job",
    ("uuid", "int", "text", "int", "int", "jsonb"),
    f"""
    WITH moved AS (
      UPDATE jobs_job
         SET state = 'queued', lease_until = NULL, queue = $3, step = $4, attempt = attempt - $5,
             failures = CASE WHEN step = $4 THEN failures ELSE 0 END, trail = trail || $6
       WHERE id = $1 AND fence = $2 AND state = 'running' AND NOT cancel_requested
      RETURNING id, queue, tenant_id, state),
    {wake("moved")}
    SELECT id, (SELECT array_agg(queue_id) FROM woken) FROM moved
    """,  # noqa: S608 - the fragment holds names only
)

RETRY_LATER = Statement(
    "retry_job_later",
    ("uuid", "int", "interval", "jsonb"),
    """
    UPDATE jobs_job
       SET state = 'waiting', lease_until = NULL, not_before = now() + $3,
           failures = failures + 1, trail = trail || $4
     WHERE id = $1 AND fence = $2 AND state = 'running' AND NOT cancel_requested
    RETURNING id
    """,
)


def claim_job(job_id: UUID | str, *, worker: str, queue: str | None = None) -> ClaimedJob | None:
    """Take the job if it is free. None means somebody else has it, or it has ended.

    Nobody takes one on a paused queue, and a worker that drains takes none at all.
    With the queue its bell came by, only while it is there: a late bell of an earlier step is void.
    """
    return _claims(worker, queue)(str(job_id))


@cache
def _claims(worker: str, queue: str | None) -> Together[str, ClaimedJob | None]:
    """The threads of a worker claim together: one commit for all bells heard at one time."""
    return Together(partial(_claim_all, worker, queue), linger=LINGER)


def _claim_all(worker: str, queue: str | None, job_ids: Sequence[str]) -> list[ClaimedJob | None]:
    """Two bells for one job may come at once: the first has it."""
    lease_ends = time.monotonic() + settings.LEASE.total_seconds()
    rows = {str(row[0]): row for row in CLAIM.rows(list(job_ids), settings.LEASE, worker, queue)}
    return [_claimed(rows.pop(job_id, None), lease_ends) for job_id in job_ids]


def _claimed(row: tuple[Any, ...] | None, lease_ends: float) -> ClaimedJob | None:
    if row is None:
        return None
    documents = [text and json.loads(text) for text in row[7:10]]
    job = ClaimedJob(*[*row[:7], *documents, lease_ends])
    note_claim(job.queue, *row[10:])
    return job


def finish_job(job: ClaimedJob, *, result: Mapping[str, Any], charge: Charge | None) -> bool:
    """Result, usage and event in one transaction. False: the lease was lost, nothing is written."""
    due = None if charge is None else charge_json(charge)  # what is free is on no bill
    ending = Ending(str(job.id), job.fence, json.dumps(result), due)
    done = bool(_finish(ending)) or _finish_awaited(job, ending)
    return note_finished(job, done=done)


def _finish_all(endings: Sequence[Ending], *, awaited: bool = False) -> list[bool]:
    """Of two that end a job under one fence the first has ended it."""
    rows = FINISH.rows(*map(list, zip(*endings, strict=True)), awaited)
    done = {(str(job_id), fence): (job_id, tenant_id) for job_id, fence, tenant_id in rows}
    transaction.on_commit(partial(hint_events, *done.values()))
    return [done.pop(ending[:2], None) is not None for ending in endings]


_finish: Together[Ending, bool] = Together(_finish_all, linger=LINGER)


def _finish_awaited(job: ClaimedJob, ending: Ending) -> bool:
    """Finish a job others wait on, and set them free.

    Two statements, for one that waited while another waiter was accepted would not see its edge.
    """
    with transaction.atomic():
        if not all(_finish_all([ending], awaited=True)):
            return False
        free_waiters(job.id)
    return True


def fail_step(job: ClaimedJob, failure: Failure) -> bool:
    """Try again later, else go on with the next step of the plan, else the job has failed."""
    done = _fail_step(job, failure)
    note_failed_step(job, failure.code)
    return done


def _fail_step(job: ClaimedJob, failure: Failure) -> bool:
    if not failure.permanent and (failures := failures_of(job)) + 1 < settings.MAX_FAILURES:
        return _retry_later(job, failure, failures)
    if job.step + 1 < len(job.plan):
        return _move_on(job, failure)
    code, message, shared = failure.code, failure.message, failure.permanent
    ended = end_job(
        job.id, State.FAILED, code=code, message=message, fence=job.fence, shared=shared
    )
    return fenced("fail", done=ended)


def hand_back(job: ClaimedJob, why: str = "drained") -> bool:
    """Give the job back untouched: neither an attempt nor a loss."""
    return _requeue(job, step=job.step, unspent=1, note=_note(job, why, ""))


def end_interrupted(job: ClaimedJob, state: State) -> bool:
    """The job was cancelled, or its deadline came, while this worker had it."""
    return fenced("end", done=end_job(job.id, state, fence=job.fence))


def _retry_later(job: ClaimedJob, failure: Failure, failures: int) -> bool:
    note = _note(job, failure.code, failure.message)
    if RETRY_LATER.row(str(job.id), job.fence, retry_delay(failures), note) is None:
        return fenced("retry", done=_end_cancelled(job))
    return True


def retry_delay(failures: int) -> timedelta:
    """Full jitter: anywhere between now and a ceiling that doubles with each failure."""
    ceiling: timedelta = min(settings.RETRY_CAP, settings.RETRY_BASE * 2**failures)
    return ceiling * random.random()  # noqa: S311 - jitter


def _move_on(job: ClaimedJob, failure: Failure) -> bool:
    note = _note(job, failure.code, failure.message)
    return _requeue(job, step=job.step + 1, unspent=0, note=note)


def _requeue(job: ClaimedJob, *, step: int, unspent: int, note: str) -> bool:
    queue = job.plan[step]["queue"]
    row = REQUEUE.row(str(job.id), job.fence, queue, step, unspent, note)
    if row is None:
        return fenced("requeue", done=_end_cancelled(job))
    if row[1]:
        transaction.on_commit(partial(hint_ready, row[1]))
    return True


def _end_cancelled(job: ClaimedJob) -> bool:
    """What could not be put back has a cancel pending, and ends with it; or it is not ours."""
    return end_job(job.id, State.CANCELLED, fence=job.fence)


def _note(job: ClaimedJob, code: str, message: str) -> str:
    return json.dumps(
        [{"attempt": job.attempt, "engine": job.engine, "code": code, "message": message}]
    )


def charge_json(charge: Charge) -> str:
    """A charge as the finishing statements read it."""
    return json.dumps(asdict(charge))
