"""Asking for a clone: consent, samples and engines are checked; jobs and makings are one commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jobs.errors import IdempotencyConflictError
from jobs.pressure import check_pressure
from jobs.services.accept import NewJob, Step, find_made, submit_jobs
from voices.accepting import Submitted
from voices.errors import SpeechNotAllowedError, VoiceError
from voices.models import Consent, Making, Status, Voice
from voices.owning.consents import usable_samples
from voices.owning.describing import check_room, hold, note, own_voice
from voices.owning.drafting import check_speaker
from voices.owning.errors import ConsentMissingError, ConsentWithdrawnError, VoiceBusyError
from voices.owning.makers import choose_makers
from voices.owning.pace import check_pace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from tenants.callers import Caller
    from voices.models import Sample
    from voices.owning.makers import Maker

    Task = tuple[Maker, "Material"]

CLONE = "clone"
COST = 10.0  # seconds of work, until it is known better
PATIENCE = 3600.0  # seconds: so long a voice waits for the last of several engines


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRequest:
    """Which voice, and where somebody cares: by which engine alone, from which samples."""

    caller: Caller
    voice: str
    engine: str | None = None
    samples: Sequence[UUID] | None = None
    idempotency_key: str | None = None
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """Recordings, and the consent that covers them."""

    consent: Consent
    samples: Sequence[Sample]

    @property
    def hashes(self) -> list[str]:
        return [sample.sha256 for sample in self.samples]


@transaction.atomic
def submit_clone(asked: CloneRequest) -> Submitted:
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
    tasks = _tasks(asked, voice)
    check_pace(caller.tenant_id, CLONE)
    check_pressure(tenant_id=caller.tenant_id, ceiling=caller.max_queued, more=len(tasks))
    jobs = _jobs(asked, voice, tasks)
    submit_jobs(jobs)
    _begin(voice, jobs, tasks)
    for job in jobs:
        note(caller.actor, "voice.clone_asked", voice, job=str(job.id))
    return Submitted(jobs[0].id)


def _made_before(asked: CloneRequest) -> Submitted | None:
    key = (asked.caller.tenant_id, asked.idempotency_key or "")
    made = find_made([key]).get(key) if asked.idempotency_key else None
    if made is None:
        return None
    if made.body_hash != asked.body_hash:
        raise IdempotencyConflictError
    return Submitted(made.job_id, replayed=True)


def _tasks(asked: CloneRequest, voice: Voice) -> list[Task]:
    """Every engine that can make it of what there is; where none can, the best one says why."""
    tasks, refusals = [], []
    for maker in choose_makers(voice, asked.engine, commercial=asked.caller.commercial):
        try:
            check_speaker(voice, maker.engine)
            tasks.append((maker, _material(voice, asked.samples, maker)))
        except VoiceError as error:
            refusals.append(error)
    if not tasks:
        raise refusals[0]
    return tasks


def _material(voice: Voice, named: Sequence[UUID] | None, maker: Maker) -> Material:
    """The samples named; or as many as the engine takes of those that a consent covers."""
    usable = usable_samples(voice, named)
    consent = _consent(voice, usable if named is not None else None, usable)
    covered = [sample for sample in usable if sample.sha256 in consent.samples]
    material = Material(consent, covered if named is not None else maker.fill(covered))
    maker.check(material.samples)
    return material


def _consent(voice: Voice, all_of: Sequence[Sample] | None, some_of: Sequence[Sample]) -> Consent:
    """One that stands and covers all of these; of several that with most of those, the newest."""
    given = list(voice.consents.all())
    wanted = {sample.sha256 for sample in all_of or ()}
    standing = [one for one in given if one.withdrawn_at is None and wanted <= set(one.samples)]
    best = max(standing, key=partial(_covered_seconds, some_of), default=None)
    if best is not None and _covered_seconds(some_of, best):
        return best
    withdrawn = given and all(consent.withdrawn_at for consent in given)
    raise ConsentWithdrawnError if withdrawn else ConsentMissingError


def _covered_seconds(samples: Sequence[Sample], consent: Consent) -> float:
    return sum(sample.seconds for sample in samples if sample.sha256 in consent.samples)


def _jobs(asked: CloneRequest, voice: Voice, tasks: Sequence[Task]) -> list[NewJob]:
    """The first one answers for all: it has the key, and says which are beside it."""
    jobs = [_job(asked, voice, maker, material) for maker, material in tasks]
    if len(jobs) > 1:
        jobs = [replace(job, expires_after=PATIENCE) for job in jobs]
    first = replace(
        jobs[0],
        request={**jobs[0].request, "beside": [str(job.id) for job in jobs[1:]]},
        idempotency_key=asked.idempotency_key,
        body_hash=asked.body_hash,
    )
    return [first, *jobs[1:]]


def _job(asked: CloneRequest, voice: Voice, maker: Maker, material: Material) -> NewJob:
    binding: dict[str, Any] = {"model": maker.model, "samples": material.hashes}
    return NewJob(
        tenant_id=asked.caller.tenant_id,
        kind=CLONE,
        plan=[Step(maker.engine, maker.queue, binding)],
        request={"voice": voice.slug, "engine": maker.engine, "own_voice": str(voice.id)},
        cost=COST,
    )


def _begin(voice: Voice, jobs: Sequence[NewJob], tasks: Sequence[Task]) -> None:
    """The database lets in no making without a consent, and no job of this kind without one.

    One statement writes them all: those of one request have one time.
    """
    Making.objects.bulk_create(
        Making(
            job_id=job.id,
            tenant_id=job.tenant_id,
            voice=voice,
            consent=material.consent,
            kind=job.kind,
            engine=maker.engine,
            samples=material.hashes,
        )
        for job, (maker, material) in zip(jobs, tasks, strict=True)
    )
    Voice.objects.filter(id=voice.id).update(status=Status.TRAINING)
