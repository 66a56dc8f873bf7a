"""Workers of a card as processes of their own, and voices that they have cloned."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from jobs.models import Job, Queue
from jobs.services.workers import ensure_queues, offer_engine
from synthesis_worker import audio
from synthesis_worker.contract import SpeechRequest
from tenants.audit import PLATFORM
from tests.conftest import make_caller
from tests.integration.test_worker_process import CpuWorker
from tests.ledger import eventually
from tests.own import add_sample, agree, own_voice
from tests.sound_files import pcm_file, piece, speech
from voices import storage
from voices.models import Render
from voices.owning.drafting import change_settings
from voices.owning.publishing import publish_draft
from voices.renders import MASTER
from voices.requests import SynthesisRequest
from voices.selectors import forget_remembered
from voices.services import Ask, submit_synthesis
from voices.store import artifact_name, audio_name, read_verified

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from pytest_django.plugin import DjangoDbBlocker

    from synthesis_worker.contract import SpeechEngine, Waveform
    from tenants.models import Tenant
    from voices.models import Voice

QUEUE, ENGINE = "gpu.xtts", "xtts_v2"
SECONDS_TO_START = 120
NEAR = 3.2e-5  # a step of sixteen bits
FOUR = (-1.0, -0.5, 0.0, 0.5)  # pitches of voices that sound apart


class CardWorker(CpuWorker):
    """A worker of a card's queue, on no card. Importing its engine takes a while."""

    common = {"WORKER_MODULES": "gpu_worker.tasks", "DEVICE": "cpu", "OMP_NUM_THREADS": "1"}

    def is_up(self) -> bool:
        """It may have died of what it was given."""
        assert self.process.poll() is None
        return self.row is not None


class XttsWorker(CardWorker):
    queue = QUEUE
    work = {
        **CardWorker.common,
        "ENGINES": "xtts_v2=tests.gpu.small_equipment:xtts",
        "ACCEPTED_LICENCES": "CPML",
        "BATCH_SLOTS": "8",
    }


class StyleTts2Worker(CardWorker):
    queue = "gpu.styletts2"
    work = {
        **CardWorker.common,
        "ENGINES": "styletts2=gpu_worker.equipment:styletts2",
        "ACCEPTED_LICENCES": "StyleTTS2",
    }


def forget_workers(blocker: DjangoDbBlocker) -> None:
    """What a module's worker has said since its last test emptied the tables, and no test will."""
    with blocker.unblock():
        Queue.objects.all().delete()  # with workers and offers


def know(engine: SpeechEngine) -> None:
    """As if a worker with this engine had been here."""
    ensure_queues([QUEUE, "media", "cpu"])
    offer_engine(engine=ENGINE, queue=QUEUE, capabilities=asdict(engine.capabilities))
    forget_remembered()


def teachable(tenant: Tenant, slug: str = "brand", pitch: float = 0.0) -> Voice:
    """A voice that lacks nothing but its clone. Its tenant sells nothing of it."""
    heard = storage.put_audio(tenant.id, pcm_file(piece(speech(pitch=pitch), 6.5)), "wav")
    type(tenant).objects.filter(id=tenant.id).update(commercial=False)
    voice = own_voice(tenant, slug)
    add_sample(voice, seconds=6.5, sha256=heard)
    agree(voice)
    return voice


def turn(voice: Voice, **settings: float) -> None:
    """As it is published from now on."""
    change_settings(voice=voice, actor=PLATFORM, expected=None, settings=settings)
    publish_draft(voice=voice, actor=PLATFORM, expected=None)


def sentences(count: int, what: str = "sentence") -> str:
    return " ".join(f"This is {what} {number}." for number in range(count))


def say(tenant: Tenant, voice: str, text: str) -> UUID:
    asked = SynthesisRequest(text=text, voice=voice, format="wav")
    return submit_synthesis(Ask(make_caller(tenant), asked)).id


def running(worker: CpuWorker) -> int:
    return Job.objects.filter(state="running", worker=worker.name).count()


def all_end(job_ids: Iterable[UUID], seconds: float = 120) -> list[Job]:
    wanted = list(job_ids)
    rows = Job.objects.filter(id__in=wanted)
    eventually(lambda: not rows.filter(ended_at=None).exists(), seconds, 0.1)
    return [rows.get(id=job_id) for job_id in wanted]


def kept(job: Job) -> Waveform:
    """What the job's render is kept as."""
    render = Render.objects.get(key=job.plan[job.step]["binding"]["render"])
    name = audio_name(job.tenant_id, render.sha256, MASTER)
    return audio.decode(read_verified(storage.audio_store(), name))


def alone(job: Job, engine: SpeechEngine) -> Waveform:
    """What the engine says where it is asked for this job and nothing else."""
    binding = job.plan[job.step]["binding"]
    name = artifact_name(job.tenant_id, binding["artifact"])
    request = SpeechRequest(
        text=job.request["spoken"],
        language=job.request["language"],
        model=binding["model"],
        dials=binding["dials"],
        seed=binding["seed"],
        artifact=read_verified(storage.audio_store(), name),
    )
    return audio.join(engine.synthesize(request))


def assert_same(one: Waveform, other: Waveform) -> None:
    assert (len(one.samples), one.sample_rate) == (len(other.samples), other.sample_rate)
    assert np.abs(one.samples - other.samples).max() < NEAR
