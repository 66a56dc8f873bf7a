"""Blanking ended jobs: what they were given and gave is gone; that they were, and when, stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

BLANK = (
    """
    UPDATE jobs_job
       SET request = '{"forgotten": true, "erased": true}', trail = '[]', checkpoint = NULL,
           error_message = '', idempotency_key = NULL, body_hash = '',
           result = CASE WHEN result IS NOT NULL
                         THEN '{"expired": true, "erased": true}'::jsonb END,
           plan = (SELECT coalesce(jsonb_agg(way || '{"binding": {}}'), '[]')
                     FROM jsonb_array_elements(plan) AS way)
     WHERE id = ANY(%(ids)s) AND ended_at IS NOT NULL""",
    """
    UPDATE jobs_event
       SET data = CASE WHEN data ? 'code'
                       THEN jsonb_build_object('code', data -> 'code', 'message', '')
                       WHEN data ? 'progress' THEN data ELSE '{}' END
     WHERE job_id = ANY(%(ids)s)""",
    # What the tenant itself was told of how one ended.
    """
    UPDATE jobs_event SET data = jsonb_set(data, '{message}', '""')
     WHERE job_id IS NULL AND data ->> 'job_id' = ANY(%(ids)s::text[]) AND data ? 'message'""",
    # A fan-out that has read the events already is waited for, so that its messages are seen.
    """
    SELECT id FROM jobs_endpoint
     WHERE tenant_id IN (SELECT tenant_id FROM jobs_job WHERE id = ANY(%(ids)s))
     ORDER BY id FOR KEY SHARE""",
    """
    UPDATE jobs_delivery SET body = jsonb_set(body::jsonb, '{data,result}', 'null')::text
     WHERE job = ANY(%(ids)s) AND body::jsonb #> '{data,result}' IS NOT NULL""",
    """
    UPDATE jobs_delivery SET body = jsonb_set(body::jsonb, '{data,error,message}', '""')::text
     WHERE job = ANY(%(ids)s) AND body::jsonb #> '{data,error,message}' IS NOT NULL""",
    """
    UPDATE jobs_delivery SET body = jsonb_set(body::jsonb, '{data,message}', '""')::text
     WHERE job IS NULL AND body::jsonb #>> '{data,job_id}' = ANY(%(ids)s::text[])
       AND body::jsonb #> '{data,message}' IS NOT NULL
       AND tenant_id IN (SELECT tenant_id FROM jobs_job WHERE id = ANY(%(ids)s))""",
    "UPDATE jobs_usage SET voice = '' WHERE job_id = ANY(%(ids)s)",
)


@transaction.atomic
def blank_jobs(job_ids: Sequence[UUID]) -> None:
    """States, times and amounts stay, for bills and counts. A retry has nothing to go by."""
    with connection.cursor() as cursor:
        for statement in BLANK:
            cursor.execute(statement, {"ids": list(job_ids)})
