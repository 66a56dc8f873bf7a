"""Checkpoints of trainings that have ended: a while later they go, or at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from voices.owning.removals import ask_removal
from voices.store import checkpoint_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    Row = tuple[UUID, UUID, str]

DUE = """
    SELECT id, tenant_id, checkpoint ->> 'sha256' FROM jobs_job
     WHERE checkpoint ->> 'sha256' IS NOT NULL
       AND ended_at < now() - make_interval(hours => %s) FOR UPDATE SKIP LOCKED"""

ENDED = """
    SELECT id, tenant_id, checkpoint ->> 'sha256' FROM jobs_job
     WHERE id = ANY(%s) AND checkpoint ->> 'sha256' IS NOT NULL AND ended_at IS NOT NULL
     ORDER BY id FOR UPDATE"""


@transaction.atomic
def forget_checkpoints(*, dry_run: bool = False) -> int:
    """The sweep. Until then an operator may look at what a training that failed had come to."""
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
