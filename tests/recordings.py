"""Recordings for samples: made once, uploaded as clients do, examined as a media worker does."""

from __future__ import annotations

import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import SimpleUploadedFile

from jobs.answering import answer_bell
from jobs.models import Job
from jobs.services.workers import ensure_queues
from synthesis_worker.samples import examine
from tests.sound_files import pcm_file, piece, speech
from tests.speech import make_voice
from voices.models import Consent, Sample

if TYPE_CHECKING:
    from django.test import Client

    from tenants.models import Tenant
    from tests.speech import Answer
    from voices.models import Voice


@cache
def recording(seconds: float = 8.0, model: str = "en-us") -> bytes:
    """One person who speaks, as a WAV file."""
    return pcm_file(piece(speech(model), seconds))


def own_voice(tenant: Tenant, slug: str = "mine") -> Voice:
    """A voice that no engine speaks yet."""
    ensure_queues(["cpu", "media"])
    return make_voice(slug, tenant=tenant, engines=(), status="none")


def samples_at(voice: Voice | str) -> str:
    slug = voice if isinstance(voice, str) else voice.slug
    return f"/api/v1/voices/{slug}/samples"


def send(client: Client, voice: Voice | str, *files: bytes, name: str = "take.wav") -> Answer:
    """Upload all of them in one request."""
    attached = [SimpleUploadedFile(name, data) for data in files]
    return client.post(samples_at(voice), {"file": attached})


def uploaded(client: Client, voice: Voice, data: bytes | None = None) -> Sample:
    """A sample whose probe waits for a worker."""
    answer = send(client, voice, recording() if data is None else data)
    assert answer.status_code == 202, answer.json()
    return Sample.objects.get(id=answer.json()["files"][0]["sample"]["id"])


def examined(sample: Sample) -> Sample:
    """The sample once its probe was answered, here and now."""
    answer_bell(str(sample.job_id), examine)
    sample.refresh_from_db()
    return sample


def job_of(sample: Sample) -> Job:
    assert sample.job_id is not None
    return Job.objects.get(id=sample.job_id)


def heard(voice: Voice, **said: Any) -> Sample:
    """A sample as a probe leaves it, for tests that need no sound."""
    sha256 = uuid.uuid4().hex * 2
    fields: dict[str, Any] = {
        "tenant_id": voice.tenant_id,
        "voice": voice,
        "name": "take.wav",
        "original": uuid.uuid4().hex * 2,
        "original_bytes": 1000,
        "state": Sample.State.ACCEPTED,
        "sha256": sha256,
        "seconds": 10.0,
        "verdict": {"verdict": "accepted", "reasons": [], "measures": None, "bytes": 480_044},
    }
    return Sample.objects.create(**(fields | said))


def consent_to(*samples: Sample, **more: Any) -> Consent:
    """The speaker's consent to a voice made from these."""
    return Consent.objects.create(
        tenant_id=samples[0].tenant_id,
        voice_id=samples[0].voice_id,
        speaker="Somebody",
        text_version="1",
        recorded_by="tests",
        samples=[sample.sha256 for sample in samples],
        **more,
    )
