"""Ending the jobs of a voice that may not be spoken any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from jobs.services.endings import end_job
from jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from voices.models import Consent, Voice

WITHDRAWN = ("consent_withdrawn", "The speaker's consent was withdrawn.")
REVERTED = ("voice_reverted", "The voice was taken back to before it was made.")
ERASED = ("voice_erased", "The voice was erased.")

# Who waits before who is awaited: none of them inherits work in between.
OF_CLONE = """
    SELECT id FROM jobs_job
     WHERE ended_at IS NULL
       AND request ? 'own_voice' AND request ->> 'own_voice' = %(voice)s::text
     ORDER BY id DESC"""

OF_VOICE = """
    SELECT id FROM jobs_job
     WHERE ended_at IS NULL
       AND (request ? 'own_voice' AND request ->> 'own_voice' = %(voice)s::text
            OR id IN (SELECT job_id FROM voices_sample WHERE voice_id = %(voice)s))
     ORDER BY id DESC"""

OF_CONSENT = """
    SELECT id FROM jobs_job
     WHERE ended_at IS NULL AND request ? 'own_voice'
       AND request ->> 'own_voice' = %(voice)s::text
       AND (id IN (SELECT job_id FROM voices_making WHERE consent_id = %(consent)s)
            OR EXISTS (
              SELECT 1 FROM jsonb_array_elements(plan) AS way
                JOIN voices_artifact a ON a.sha256 = way -> 'binding' ->> 'artifact'
                     AND a.voice_id = %(voice)s
                JOIN voices_making m ON m.job_id = a.making_id AND m.consent_id = %(consent)s))
     ORDER BY id DESC"""


def stop_jobs(voice: Voice, code: str, message: str, *, consent: Consent | None = None) -> int:
    """End what is under way with this voice; with a consent only what rests on that.

    Also what a worker has in hand: its fence is void from then on. Each in its own transaction.
    """
    live = _live(OF_CONSENT if consent else OF_VOICE, voice, consent)
    end_jobs(live, code, message)
    return len(live)


def jobs_of_clone(voice: Voice) -> list[UUID]:
    """What speaks it, or clones it; its samples are examined all the same."""
    return _live(OF_CLONE, voice)


def end_jobs(jobs: Iterable[UUID], code: str, message: str) -> None:
    for job_id in jobs:
        end_job(job_id, State.FAILED, code=code, message=message)


def _live(sql: str, voice: Voice, consent: Consent | None = None) -> list[UUID]:
    rests_on = consent.id if consent else None
    with connection.cursor() as cursor:
        cursor.execute(sql, {"voice": voice.id, "consent": rests_on})
        return [row[0] for row in cursor.fetchall()]
