"""Beginning to make a voice: whoever asks is checked; jobs and makings are one commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jobs.errors import IdempotencyConflictError
from jobs.pressure import check_pressure
from jobs.services.accept import NewJob, Step, find_made, submit_jobs
from voices.accepting import Submitted
from voices.errors import SpeechNotAllowedError
from voices.models import Making, Status, Voice
from voices.owning.describing import check_room, hold, note, own_voice
from voices.owning.errors import VoiceBusyError
from voices.owning.learning import hand_on_losses
from voices.owning.pace import check_pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from tenants.callers import Caller
    from voices.owning.checkpoints import Left
    from voices.owning.material import Material

PATIENCE = 3600.0  # seconds: so long a voice waits for the last of several engines


@dataclass(frozen=True, slots=True, kw_only=True)
class MakingRequest:
    """Which voice, and where somebody cares: by which engine alone, from which samples."""

    caller: Caller
    voice: str
    engine: str | None = None
    samples: Sequence[UUID] | None = None
    idempotency_key: str | None = None
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What one engine is to do. `speaks` is the engine that the voice is for."""

    speaks: str
    step: Step
    material: Material
    cost: float
    asked: Mapping[str, Any]  # what of the request the job shows
    left: Left | None = None  # what it goes on from


@transaction.atomic
def begin_making(
    asked: MakingRequest, kind: str, plan: Callable[[Voice], Sequence[Work]]
) -> Submitted:
    """Once per idempotency key, and one at a time for a voice."""
    caller = asked.caller
    if not caller.speaks:
        raise SpeechNotAllowedError
    check_room(caller.tenant_id)  # and one request of the tenant after the other
    if (before := _made_before(asked)) is not None:
        return before
    voice = hold(own_voice(caller.tenant_id, asked.voice))
    if voice.status == Status.TRAINING:
        raise VoiceBusyError
    works = plan(voice)
    check_pace(caller.tenant_id, kind)
    check_pressure(tenant_id=caller.tenant_id, ceiling=caller.max_queued, more=len(works))
    jobs = _jobs(asked, voice, kind, works)
    submit_jobs(jobs)
    _note(asked, voice, jobs, works)
    return Submitted(jobs[0].id)


def _made_before(asked: MakingRequest) -> Submitted | None:
    key = (asked.caller.tenant_id, asked.idempotency_key or "")
    made = find_made([key]).get(key) if asked.idempotency_key else None
    if made is None:
        return None
    if made.body_hash != asked.body_hash:
        raise IdempotencyConflictError
    return Submitted(made.job_id, replayed=True)


def _jobs(asked: MakingRequest, voice: Voice, kind: str, works: Sequence[Work]) -> list[NewJob]:
    """The first one answers for all: it has the key, and says which are beside it."""
    jobs = [_job(voice, kind, work) for work in works]
    if len(jobs) > 1:
        jobs = [replace(job, expires_after=PATIENCE) for job in jobs]
    first = replace(
        jobs[0],
        request={**jobs[0].request, "beside": [str(job.id) for job in jobs[1:]]},
        idempotency_key=asked.idempotency_key,
        body_hash=asked.body_hash,
    )
    return [first, *jobs[1:]]


def _job(voice: Voice, kind: str, work: Work) -> NewJob:
    assert voice.tenant_id is not None  # noqa: S101 - a stock voice was refused
    known = {"voice": voice.slug, "engine": work.speaks, "own_voice": str(voice.id)}
    return NewJob(
        tenant_id=voice.tenant_id,
        kind=kind,
        plan=[work.step],
        request={**known, **work.asked},
        cost=work.cost,
        checkpoint=work.left and work.left.checkpoint,
    )


def _note(
    asked: MakingRequest, voice: Voice, jobs: Sequence[NewJob], works: Sequence[Work]
) -> None:
    """The database lets in no making without a consent, and no job of this kind without one.

    One statement writes them all: those of one request have one time.
    """
    Making.objects.bulk_create(
        Making(
            job_id=job.id,
            tenant_id=job.tenant_id,
            voice=voice,
            consent=work.material.consent,
            kind=job.kind,
            engine=work.speaks,
            samples=work.material.hashes,
        )
        for job, work in zip(jobs, works, strict=True)
    )
    Voice.objects.filter(id=voice.id).update(status=Status.TRAINING)
    for job, work in zip(jobs, works, strict=True):
        if work.left:
            hand_on_losses(work.left.job_id, job.id, work.left.checkpoint["step"])
        note(asked.caller.actor, f"voice.{job.kind}_asked", voice, job=str(job.id))
