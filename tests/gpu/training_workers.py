"""Who trains, here or in a process of its own, and voices that lack nothing but a training."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_worker.trainings import train_voice
from jobs.answering import answer_bell
from jobs.models import Event, Job
from jobs.services.workers import ensure_queues, offer_engine
from synthesis_worker.engines.piper import PiperEngine
from tests.conftest import make_caller
from tests.gpu.card_workers import CardWorker
from tests.gpu.read_aloud import TEXTS, read_aloud
from tests.integration.test_worker_process import CpuWorker
from tests.ledger import eventually, look
from tests.own import add_sample, agree, apart, own_voice
from tests.sound_files import pcm_file
from voices import storage
from voices.models import Loss, Removal
from voices.owning.training import TrainingRequest, submit_training
from voices.selectors import forget_remembered
from voices.store import checkpoint_name
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Thread
    from uuid import UUID

    from gpu_worker.trainers import Trainer
    from tenants.models import Tenant
    from tests.gpu.read_aloud import Reading
    from voices.models import Voice

QUEUE = "gpu.train"
SHORT = ("hello there", "good morning", "thank you all", "come in")
PATIENCE = 180.0  # seconds: for what takes a few where nobody else is at work


class TrainingWorker(CardWorker):
    """It stores a checkpoint after each step."""

    queue = QUEUE
    work = {
        **CardWorker.common,
        "WORKER_MODULES": "gpu_worker.training_tasks",
        "ENGINES": "piper_training=tests.gpu.small_trainers:piper",
        "CHECKPOINT_SECONDS": "0",
    }


class PatientTrainingWorker(TrainingWorker):
    """It stores one where it is told to stop, and would wait for long."""

    work = {**TrainingWorker.work, "CHECKPOINT_SECONDS": "600", "DRAIN_SECONDS": "120"}


class XttsTrainingWorker(TrainingWorker):
    work = {
        **TrainingWorker.work,
        "ENGINES": "xtts_v2_training=tests.gpu.small_trainers:xtts",
        "ACCEPTED_LICENCES": "CPML",
    }


class PiperWorker(CpuWorker):
    work = {"WORKER_MODULES": "synthesis_worker.tasks", "ENGINES": "piper"}


def know(trainer: Trainer) -> None:
    """As if a worker with this trainer had been here; and one that speaks."""
    ensure_queues([QUEUE, "gpu.xtts", "media", "cpu"])
    told = trainer.capabilities
    offer_engine(engine=told.engine, queue=QUEUE, capabilities=asdict(told))
    piper = PiperEngine(Path("/nowhere")).capabilities
    offer_engine(engine="piper", queue="cpu", capabilities=asdict(piper))
    forget_remembered()


def transcribed(tenant: Tenant, texts: Sequence[str] = TEXTS[:4]) -> Voice:
    return voice_of(tenant, read_aloud(tuple(texts)))


def voice_of(tenant: Tenant, *readings: Reading) -> Voice:
    """With these recordings, what is said in each and when, and their speaker's consent."""
    type(tenant).objects.filter(id=tenant.id).update(commercial=False)
    voice = own_voice(tenant)
    for number, reading in enumerate(readings, 1):
        _add_reading(voice, reading, number)
    agree(voice)
    return voice


def _add_reading(voice: Voice, reading: Reading, number: int) -> None:
    assert voice.tenant is not None
    lines = "".join(f"|{line.start}|{line.end}|{line.text}\n" for line in reading.lines)
    add_sample(
        voice,
        seconds=reading.sound.seconds,
        seed=number,
        sha256=storage.put_audio(voice.tenant.id, pcm_file(reading.sound), "wav"),
        transcript={"format": "csv", "text": "file|start|end|text\n" + lines},
    )


def ask_training(voice: Voice, **asked: Any) -> UUID:
    assert voice.tenant is not None
    request = TrainingRequest(caller=make_caller(voice.tenant), voice=voice.slug, **asked)
    return submit_training(request).id


def trained_here(job_id: UUID) -> Job:
    """The job as it is left."""
    ended(train_here(job_id))
    return look(job_id)


def train_here(job_id: UUID) -> Thread:
    """In this process, as a worker of trainings would."""
    working = apart(lambda: answer_bell(str(job_id), train_voice))
    working.start()
    return working


def ended(working: Thread, seconds: float = PATIENCE) -> None:
    working.join(seconds)
    assert not working.is_alive(), f"not within {seconds} s"


def stored_step(job_id: UUID) -> int:
    """Up to which its last checkpoint in the store has come."""
    checkpoint = Job.objects.get(id=job_id).checkpoint or {}
    return int(checkpoint.get("step", 0))


def stored_past(job_id: UUID, step: int) -> int:
    return eventually(lambda: (at := stored_step(job_id)) > step and at, PATIENCE, 0.05)


def noted_steps(job_id: UUID) -> list[int]:
    return list(Loss.objects.filter(making_id=job_id).values_list("step", flat=True))


def told_steps(job_id: UUID, after: int = 0) -> list[int]:
    told = Event.objects.filter(job_id=job_id, name="job.progress", number__gt=after)
    assert {event.data["steps"] for event in told} == {look(job_id).request["steps"]}
    return [event.data["step"] for event in told.order_by("number")]


def stored(tenant: Tenant, suffix: str) -> list[str]:
    """The tenant's objects of one kind."""
    found = (one.name for one in storage.audio_store().names(f"{tenant.id}/"))
    return [name for name in found if name.endswith(suffix)]


def named_by(job_id: UUID) -> str:
    job = look(job_id)
    assert job.checkpoint
    return checkpoint_name(job.tenant_id, job.checkpoint["sha256"])


def put_checkpoint(job_id: UUID, content: bytes, **more: str) -> str:
    """In the store, and named by its job."""
    job, sha256 = look(job_id), hashlib.sha256(content).hexdigest()
    name = checkpoint_name(job.tenant_id, sha256)
    storage.audio_store().put(name, content, media_type=media_type_of(name))
    Job.objects.filter(id=job_id).update(checkpoint={"sha256": sha256, "step": 1} | more)
    return name


def lost_by(job: Job) -> set[str]:
    """What its worker was just storing as it was killed: a slow sweep finds it, no row tells."""
    noted = set(Removal.objects.values_list("name", flat=True))
    return set(stored(job.tenant, "checkpoint")) - noted - {named_by(job.id)}


def children_in(place: Path) -> dict[int, dict[str, Any]]:
    """The trainings that run in this place: the task of each by the number of its process."""
    found = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):  # it has just ended, or its folder has just gone
            task = (process / "cmdline").read_bytes().rstrip(b"\0").rpartition(b"\0")[2]
            if task.startswith(os.fsencode(place)):
                found[int(process.name)] = json.loads(Path(os.fsdecode(task)).read_bytes())
    return found
