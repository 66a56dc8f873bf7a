"""Checkpoints of trainings that have ended: the next one takes them up, or they go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from voices.owning.removals import ask_removal
from voices.store import checkpoint_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from voices.models import Consent

    Row = tuple[UUID, UUID, str]

DUE = """
    SELECT id, tenant_id, checkpoint ->> 'sha256' FROM jobs_job
     WHERE checkpoint ->> 'sha256' IS NOT NULL
       AND ended_at < now() - make_interval(hours => %s) FOR UPDATE SKIP LOCKED"""

ENDED = """
    SELECT id, tenant_id, checkpoint ->> 'sha256' FROM jobs_job
     WHERE id = ANY(%s) AND checkpoint ->> 'sha256' IS NOT NULL AND ended_at IS NOT NULL
     ORDER BY id FOR UPDATE"""

# One that went astray would do so again: what is left of it is left.
TAKE = """
    WITH last AS MATERIALIZED (
      SELECT j.id, j.checkpoint FROM voices_making m JOIN jobs_job j ON j.id = m.job_id
       WHERE m.consent_id = %(consent)s AND m.kind = 'train' AND m.engine = %(engine)s
         AND j.ended_at IS NOT NULL AND j.state <> 'succeeded'
         AND j.error_code <> 'training_diverged' AND j.checkpoint ->> 'sha256' IS NOT NULL
         AND j.plan #> '{0,binding}' = %(binding)s::jsonb
       ORDER BY m.created_at DESC LIMIT 1 FOR UPDATE OF j)
    UPDATE jobs_job SET checkpoint = NULL FROM last WHERE jobs_job.id = last.id
    RETURNING last.id, last.checkpoint::text"""


class Left(NamedTuple):
    """What a training that came to nothing has left: to be gone on from by one other."""

    job_id: UUID
    checkpoint: Mapping[str, Any]


def take_checkpoint(consent: Consent, engine: str, binding: Mapping[str, Any]) -> Left | None:
    """The newest of the same recordings, language and steps; its job names it no more.

    Of the same consent too: whoever withdraws it stops all that was learnt under it. Within the
    transaction that has a new job name it, the voice held. `binding`: without what was heard, which
    has left the plan of a job that has ended; the worker sees whether the data set is the same.
    """
    asked: dict[str, Any] = {
        "consent": consent.id,
        "engine": engine,
        "binding": json.dumps(binding),
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, asked)
        row = cursor.fetchone()
    return Left(row[0], json.loads(row[1])) if row else None


@transaction.atomic
def forget_checkpoints(*, dry_run: bool = False) -> int:
    """The sweep. Until then it can be gone on from, and an operator may look at it."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [settings.CHECKPOINT_HOURS])
        due = cursor.fetchall()
    if not dry_run:
        _let_go(due)
    return len(due)


@transaction.atomic
def drop_checkpoints(jobs: Iterable[UUID]) -> None:
    """Of these, as far as they have ended: nobody may look at them any more."""
    with connection.cursor() as cursor:
        cursor.execute(ENDED, [list(jobs)])
        ended = cursor.fetchall()
    _let_go(ended)


def _let_go(rows: Sequence[Row]) -> None:
    ids = [job_id for job_id, _, _ in rows]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET checkpoint = NULL WHERE id = ANY(%s)", [ids])
    ask_removal(checkpoint_name(tenant, sha256) for _, tenant, sha256 in rows)
