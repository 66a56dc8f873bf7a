"""How far a job is: told by its holder, as an event, and with what a successor could go on from."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jobs.prepared import Statement
from jobs.services.counts import fenced
from jobs.wire import hint_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.services.claims import ClaimedJob

REPORT = Statement(
    "report_progress",
    ("uuid", "int", "float8", "jsonb", "jsonb"),
    """
    WITH reported AS (
      UPDATE jobs_job
         SET progress = $3, checkpoint = coalesce($4, checkpoint), events = events + 1,
             lost_leases = CASE WHEN $4 IS NULL THEN lost_leases ELSE 0 END,
             failures = CASE WHEN $4 IS NULL THEN failures ELSE 0 END
       WHERE id = $1 AND fence = $2 AND state = 'running'
      RETURNING id, tenant_id, events, progress)
    INSERT INTO jobs_event (job_id, tenant_id, number, name, data)
    SELECT id, tenant_id, events, 'job.progress', jsonb_build_object('progress', progress) || $5
      FROM reported
    RETURNING job_id
    """,
)

FAILURES = Statement("failures_of_job", ("uuid",), "SELECT failures FROM jobs_job WHERE id = $1")


def failures_of(job: ClaimedJob) -> int:
    """Since it last stored progress."""
    row = FAILURES.row(str(job.id))
    return row[0] if row else 0


def report_progress(
    job: ClaimedJob,
    progress: float,
    checkpoint: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> bool:
    """A checkpoint is stored progress: it also clears the counts of lost leases and of failures.

    `details` are the kind's own words on how far it is; the event tells them.
    """
    stored = None if checkpoint is None else json.dumps(checkpoint)
    told = json.dumps(details or {})
    if REPORT.row(str(job.id), job.fence, progress, stored, told) is None:
        return fenced("progress", done=False)
    transaction.on_commit(partial(hint_events, (job.id, job.tenant_id)))
    return True
