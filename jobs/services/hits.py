"""A job that is done as it is accepted: its result was there already. No bell is rung."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.prepared import Statement
from jobs.services.accept import Accepted, NewJob, job_row, replay_job
from jobs.services.claims import Charge, charge_json

if TYPE_CHECKING:
    from collections.abc import Mapping

RECORD = Statement(
    "record_done_job",
    ("jsonb", "jsonb", "jsonb"),
    """
    WITH job AS (
      INSERT INTO jobs_job (id, tenant_id, kind, state, priority, queue, request, plan, trail,
             cost, progress, personality_id, batch_id, retry_of_id, idempotency_key, body_hash,
             result, started_at, ended_at, events)
      SELECT id, tenant_id, kind, 'succeeded', priority, queue, request, plan, '[]', cost, 1,
             personality_id, batch_id, retry_of, idempotency_key, body_hash, $2, now(), now(), 1
        FROM jsonb_to_record($1) AS n(
             id uuid, tenant_id uuid, kind text, priority smallint, queue text, request jsonb,
             plan jsonb, cost float8, personality_id text, batch_id uuid, retry_of uuid,
             idempotency_key text, body_hash text)
      ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
      RETURNING id, tenant_id, personality_id),
    charged AS (
      INSERT INTO jobs_usage (job_id, tenant_id, personality_id, voice, provider, characters,
             audio_seconds, cost_usd, cached)
      SELECT job.id, job.tenant_id, job.personality_id, c.voice, c.provider, c.characters,
             c.audio_seconds, c.cost_usd, c.cached
        FROM job, jsonb_to_record($3) AS c(voice text, provider text, characters int,
             audio_seconds float8, cost_usd numeric, cached bool))
    INSERT INTO jobs_event (job_id, tenant_id, number, name, data)
    SELECT id, tenant_id, 1, 'job.succeeded', $2 FROM job
    RETURNING job_id
    """,
)


def record_done_job(job: NewJob, *, result: Mapping[str, Any], charge: Charge) -> Accepted:
    """Job, result, usage and event in one statement."""
    row = RECORD.row(
        json.dumps(job_row(job), allow_nan=False), json.dumps(result), charge_json(charge)
    )
    return Accepted(job.id) if row else replay_job(job)
