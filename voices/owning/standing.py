"""Whether a voice of one's own may be spoken now: it is there, and its consents stand.

Who accepts or finishes holds the voice's row in share until its commit; who withdraws a consent or
erases the voice changes that row. So one of the two comes first, and the other sees it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.errors import NotRetriableError
from jobs.prepared import Statement
from voices.errors import VoiceError, VoiceNotFoundError
from voices.owning.errors import ConsentWithdrawnError, VoiceNotReadyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jobs.models import Job
    from jobs.services.accept import NewJob
    from jobs.services.claims import ClaimedJob

    Spoken = dict[str, set[str]]  # artifacts by voice

HOLD = Statement(
    "hold_own_voices",
    ("uuid[]",),
    """
    SELECT id FROM voices_voice
     WHERE id = ANY($1) AND active AND erasing_since IS NULL ORDER BY id FOR SHARE
    """,
)

# A statement of its own: the one that waited for the row has seen the consents of before.
FALLEN = Statement(
    "fallen_artifacts",
    ("uuid[]", "text[]"),
    """
    SELECT EXISTS (SELECT 1 FROM voices_artifact a
                    WHERE a.voice_id = asked.voice_id AND a.sha256 = asked.sha256)
      FROM unnest($1, $2) AS asked(voice_id, sha256)
     WHERE NOT EXISTS (
       SELECT 1 FROM voices_artifact a JOIN voices_making m ON m.job_id = a.making_id
         JOIN voices_consent c ON c.id = m.consent_id
        WHERE a.voice_id = asked.voice_id AND a.sha256 = asked.sha256 AND c.withdrawn_at IS NULL)
    """,
)


def hold_voices_of(jobs: Iterable[NewJob]) -> None:
    """Until the transaction ends nobody stops the voices that these jobs speak with."""
    spoken: Spoken = {}
    for job in jobs:
        _add(spoken, job.request, [step.binding for step in job.plan])
    _hold(spoken)


def hold_to_retry(job: Job) -> None:
    """The same for one that is asked for again: it is accepted like any other."""
    try:
        hold_voice_of(job)
    except VoiceError as error:
        raise NotRetriableError from error


def hold_voice_of(job: ClaimedJob | Job) -> None:
    """The same for one that a worker has."""
    spoken: Spoken = {}
    _add(spoken, job.request, [step["binding"] for step in job.plan])
    _hold(spoken)


def _add(spoken: Spoken, request: Mapping[str, Any], bindings: list[Mapping[str, Any]]) -> None:
    """Of a stock voice there is nothing to ask."""
    if own := request.get("own_voice"):
        artifacts = {binding["artifact"] for binding in bindings if "artifact" in binding}
        spoken.setdefault(own, set()).update(artifacts)


def _hold(spoken: Spoken) -> None:
    if not spoken:
        return
    if len(HOLD.rows(list(spoken))) < len(spoken):
        raise VoiceNotFoundError("This voice is not there any more.")
    pairs = [(voice, sha256) for voice, artifacts in spoken.items() for sha256 in artifacts]
    fallen = FALLEN.row(*map(list, zip(*pairs, strict=True))) if pairs else None
    if fallen is not None:
        raise ConsentWithdrawnError if fallen[0] else VoiceNotReadyError
