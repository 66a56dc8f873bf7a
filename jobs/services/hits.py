"""Jobs that are done as they are accepted: the result was there already. No bell is rung."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jobs.prepared import Statement
from jobs.services.accept import Accepted, NewJob, job_row, replay_job
from jobs.services.counts import note_hits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.services.claims import Charge

RECORD = Statement(
    "record_done_jobs",
    ("jsonb",),
    """
    WITH asked AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset($1) AS n(
        id uuid, tenant_id uuid, kind text, priority smallint, queue text, request jsonb,
        plan jsonb, cost float8, personality_id text, batch_id uuid, retry_of uuid,
        idempotency_key text, body_hash text, result jsonb, voice text, provider text,
        characters int, audio_seconds float8, cost_usd numeric, cached bool)),
    job AS (
      INSERT INTO jobs_job (id, tenant_id, kind, state, priority, queue, request, plan, trail,
             cost, progress, personality_id, batch_id, retry_of_id, idempotency_key, body_hash,
             result, started_at, ended_at, events)
      SELECT id, tenant_id, kind, 'succeeded', priority, queue, request, plan, '[]', cost, 1,
             personality_id, batch_id, retry_of, idempotency_key, body_hash, result, now(), now(), 1
        FROM asked
      ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
      RETURNING id),
    charged AS (
      INSERT INTO jobs_usage (job_id, tenant_id, personality_id, voice, provider, characters,
             audio_seconds, cost_usd, cached)
      SELECT id, tenant_id, personality_id, voice, provider, characters, audio_seconds, cost_usd,
             cached
        FROM asked JOIN job USING (id))
    INSERT INTO jobs_event (job_id, tenant_id, number, name, data)
    SELECT id, tenant_id, 1, 'job.succeeded', result FROM asked JOIN job USING (id)
    RETURNING job_id
    """,
)


@dataclass(frozen=True, slots=True)
class DoneJob:
    """A job, how it ended, and what it costs."""

    job: NewJob
    result: Mapping[str, Any]
    charge: Charge


def record_done_jobs(done: Sequence[DoneJob]) -> list[Accepted]:
    """Job, result, usage and event of each, in one statement; an answer for each, in order."""
    if not done:
        return []
    rows = [job_row(one.job) | asdict(one.charge) | {"result": one.result} for one in done]
    recorded = {row[0] for row in RECORD.rows(json.dumps(rows, allow_nan=False))}
    note_hits(one.job.kind for one in done if one.job.id in recorded)
    return [Accepted(one.job.id) if one.job.id in recorded else replay_job(one.job) for one in done]
