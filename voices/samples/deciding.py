"""What people decide of samples: to use one that was warned about, and to remove one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from jobs.services.endings import cancel_job
from tenants import audit
from voices.models import Consent, Sample
from voices.named import CANONICAL
from voices.owning.describing import hold
from voices.owning.removals import ask_removal
from voices.samples.errors import NotToDecideError, SampleInUseError, SampleNotFoundError
from voices.store import audio_name, upload_name

if TYPE_CHECKING:
    from uuid import UUID

    from tenants.audit import Actor
    from voices.models import Voice


@transaction.atomic
def decide(*, sample: Sample, use: bool, actor: Actor) -> Sample:
    """A person listened, and says whether the sample may be used after all."""
    warned = Sample.objects.filter(id=sample.id, state=Sample.State.WARNED)
    if not warned.update(approved=use):
        raise NotToDecideError
    sample.approved, sample.state = use, Sample.State.WARNED
    _note(actor, "sample.approved" if use else "sample.declined", sample)
    return sample


def delete_sample(*, voice: Voice, sample_id: UUID, actor: Actor) -> None:
    """Row and recordings go at once; what the store cannot remove now goes with a sweep."""
    sample = _delete_row(voice, sample_id, actor)
    if sample.state == Sample.State.PROBING:
        _cancel_probe(sample)


@transaction.atomic
def _delete_row(voice: Voice, sample_id: UUID, actor: Actor) -> Sample:
    hold(voice)
    sample = voice.samples.select_for_update().filter(id=sample_id).first()
    if sample is None:
        raise SampleNotFoundError
    if _is_consented(sample):
        raise SampleInUseError
    _note(actor, "sample.deleted", sample)
    voice.samples.filter(id=sample_id).delete()
    ask_removal(names_of(sample))
    return sample


def names_of(sample: Sample) -> list[str]:
    """The upload as it came, and what was made of it, where there is something."""
    original = upload_name(sample.tenant_id, sample.original)
    if not sample.sha256:
        return [original]
    return [original, audio_name(sample.tenant_id, sample.sha256, CANONICAL)]


def _is_consented(sample: Sample) -> bool:
    """A making needs a consent that covers its samples, so consents alone are asked.

    A recording of a consent is its proof, and stays with it.
    """
    hashes = [sha256 for sha256 in (sample.sha256, sample.original) if sha256]
    covered = Q(*(Q(samples__contains=[one]) for one in hashes), _connector=Q.OR)
    named = (covered & Q(withdrawn_at=None)) | Q(recording=sample)
    return Consent.objects.filter(named, voice_id=sample.voice_id).exists()


def _cancel_probe(sample: Sample) -> None:
    if sample.job_id is not None:
        cancel_job(tenant_id=sample.tenant_id, job_id=sample.job_id)


def _note(actor: Actor, action: str, sample: Sample) -> None:
    """Without the file's name: the line outlives the sample."""
    audit.record(
        actor,
        action,
        tenant_id=sample.tenant_id,
        kind="sample",
        object_id=sample.id,
        voice=str(sample.voice_id),
    )
