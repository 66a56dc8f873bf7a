"""How a making ends: with an artifact that the voice speaks with, or with the reason why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction

from jobs.models import Job
from jobs.services.claims import Charge, finish_job
from jobs.services.endings import hold_job
from jobs.services.notices import tell_tenant
from jobs.states import State
from tenants.audit import PLATFORM
from voices.models import Artifact, Binding, Making, Status, Voice
from voices.owning.describing import hold, note, save
from voices.owning.drafting import draft_of, under_way
from voices.owning.errors import ConsentWithdrawnError, VoiceNotReadyError
from voices.owning.greeting import greet
from voices.owning.learning import TRAIN, forget_words
from voices.owning.previews import preview
from voices.owning.publishing import put_forward, speaks
from voices.owning.removals import ask_removal
from voices.owning.stopping import jobs_of_clone
from voices.store import artifact_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from jobs.services.claims import ClaimedJob

READY, FAILED = "voice.ready", "voice.failed"
DONE = {"clone": "voice.cloned", "train": "voice.trained"}  # as the audit log says it
LONGEST_TROUBLE = 300


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact that lies in the store, and what its engine says of it."""

    sha256: str
    bytes: int
    digest: str
    likeness: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)  # a training's: data set, steps, losses

    @property
    def about(self) -> dict[str, Any]:
        return {"digest": self.digest, "likeness": self.likeness, **self.more}


@transaction.atomic
def finish_making(job: ClaimedJob, made: Made) -> bool:
    """Artifact, binding, status, result, events in one transaction; none of it without the lease.

    It raises where the consent was withdrawn, or the voice erased, in the meantime.
    """
    if not hold_job(job):  # before the voice: the job's other endings go this way too
        return False
    voice = hold(Voice(id=job.request["own_voice"]))
    making = Making.objects.select_related("consent").filter(job_id=job.id).first()
    if making is None:  # the voice was reverted
        raise VoiceNotReadyError
    if making.consent.withdrawn_at is not None:
        raise ConsentWithdrawnError
    artifact = _keep(making, made)
    note(PLATFORM, DONE[making.kind], voice, job=str(job.id), artifact=artifact.sha256)
    _take_up(voice, job, artifact)
    forget_words(job.id)
    if making.kind == TRAIN:
        transaction.on_commit(lambda: preview(artifact.id))
    if under_way(voice).exclude(job_id=job.id).exists():
        save(voice)
    else:
        _be_ready(voice, making)
    return finish_job(job, result=_result(job, making, made), charge=_charge(job, making))


def _keep(making: Making, made: Made) -> Artifact:
    return Artifact.objects.create(
        tenant_id=making.tenant_id,
        voice_id=making.voice_id,
        making=making,
        engine=making.engine,
        sha256=made.sha256,
        bytes=made.bytes,
        about=made.about,
    )


def _take_up(voice: Voice, job: ClaimedJob, artifact: Artifact) -> None:
    """The draft speaks with it, and no more with what it had of this engine."""
    Binding.objects.update_or_create(
        revision=draft_of(voice),
        engine=artifact.engine,
        defaults={"model": job.binding["model"], "speaker": None, "artifact": artifact},
    )
    _let_go(voice)


def _let_go(voice: Voice) -> None:
    """What no revision has any more leaves the store, unless a job under way was given it."""
    live = Job.objects.filter(id__in=jobs_of_clone(voice))
    for artifact in voice.artifacts.filter(bindings=None):
        if not live.filter(plan__contains=[{"binding": {"artifact": artifact.sha256}}]).exists():
            artifact.delete()
            ask_removal([artifact_name(artifact.tenant_id, artifact.sha256)])


def _be_ready(voice: Voice, making: Making) -> None:
    """Its last engine is done. What a voice first has to say is published at once, and heard."""
    if not speaks(voice):
        put_forward(voice, draft_of(voice))
        transaction.on_commit(lambda: greet(making.tenant_id, voice.id))
    save(voice, status=Status.READY, trouble="")
    told = {"voice_id": str(voice.id), "job_id": str(making.job_id)}
    tell_tenant(making.tenant_id, READY, told)


def _result(job: ClaimedJob, making: Making, made: Made) -> dict[str, Any]:
    return {
        "voice": job.request["voice"],
        "voice_id": job.request["own_voice"],
        "engine": making.engine,
        "artifact": made.sha256,
        "bytes": made.bytes,
        "likeness": made.likeness,
        **made.more,
    }


def _charge(job: ClaimedJob, making: Making) -> Charge:
    return Charge(voice=job.request["voice"], provider=making.engine)


def note_end(job_id: UUID, state: State, code: str, message: str) -> None:
    """A clone or training ended without a voice, in the transaction that ends it."""
    forget_words(job_id)
    making = Making.objects.filter(job_id=job_id).first()
    if making is None:
        return
    voice = Voice.objects.select_for_update(no_key=True).get(id=making.voice_id)
    if voice.status != Status.TRAINING or voice.erasing_since is not None:
        return
    if state == State.FAILED:
        voice.trouble = message[:LONGEST_TROUBLE] or code
    if not under_way(voice).exists():
        _give_up(voice, making, state, code)
    voice.save(update_fields=["status", "trouble"])


def _give_up(voice: Voice, making: Making, state: State, code: str) -> None:
    """Nobody makes it any more. What other engines made of the same request is a voice."""
    if _made_beside(making):
        return _be_ready(voice, making)
    voice.status = _settled(voice)
    if state == State.FAILED:
        told = {"voice_id": str(voice.id), "job_id": str(making.job_id), "code": code}
        tell_tenant(making.tenant_id, FAILED, told | {"message": voice.trouble})
    return None


def _made_beside(making: Making) -> bool:
    """Makings of one request were written by one statement, at one time."""
    beside = Artifact.objects.filter(
        making__voice=making.voice_id,
        making__created_at=making.created_at,
        making__consent__withdrawn_at=None,
    )
    return beside.exists()


def _settled(voice: Voice) -> Status:
    """What it was before, unless the trouble is new."""
    if speaks(voice):
        return Status.READY
    return Status.FAILED if voice.trouble else Status.NONE
