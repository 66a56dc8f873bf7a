"""Trainings for tests: workers that train are known, and voices are ready to be trained."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from jobs.models import Worker
from jobs.services.claims import claim_job
from jobs.services.progress import report_progress
from jobs.services.workers import ensure_queues, offer_engine
from synthesis_worker.contract import Capabilities, Model, Range
from tests.conftest import make_caller
from tests.ledger import a_worker
from tests.own import add_sample, agree, own_voice
from voices.owning.learning import note_dataset, note_losses
from voices.owning.training import TrainingRequest, submit_training
from voices.selectors import forget_remembered
from voices.storage import audio_store
from voices.store import checkpoint_name
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from uuid import UUID

    from jobs.services.claims import ClaimedJob
    from tenants.models import Tenant
    from voices.models import Voice

QUEUE = "gpu.train"
TRAINER = Capabilities(
    engine="piper_training",
    version="1",
    languages=("en", "de"),
    max_characters=0,
    dials={"steps": Range(1, 5_000, 2_000)},
    models=(Model("scratch", "", "", 22_050),),
    trains="piper",
    makes="trained",
    train_seconds=(10.0, 60.0),
    real_time_factor=0.5,
)
REPORT = {
    "clips": 3,
    "seconds": 12.5,
    "digest": "d" * 64,
    "rejected": [
        {
            "source": "take 1.wav",
            "start": 1.0,
            "end": 2.0,
            "code": "clip_too_short",
            "message": "Too short: say more.",
        }
    ],
}
CHECKPOINT = b"where it goes on from"
CHECKPOINT_SHA256 = hashlib.sha256(CHECKPOINT).hexdigest()


def offer_trainer(**changed: Any) -> None:
    """As if a worker that trains had been here and had gone to sleep."""
    ensure_queues([QUEUE])
    about = replace(TRAINER, **changed)
    offer_engine(engine=about.engine, queue=QUEUE, capabilities=asdict(about))
    forget_remembered()


def wake(*engines: str) -> None:
    a_worker(QUEUE, name="w")
    Worker.objects.filter(name="w").update(engines=list(engines))
    forget_remembered()


def said(text: str = "What is said.", form: str = "txt") -> dict[str, str]:
    return {"format": form, "text": text}


def voice_with_words(tenant: Tenant, slug: str = "brand", takes: int = 2) -> Voice:
    """With recordings of ten seconds, what is said in each, and consent to all."""
    voice = own_voice(tenant, slug)
    for seed in range(1, takes + 1):
        add_sample(voice, seed=seed, seconds=10, transcript=said())
    agree(voice)
    return voice


def ask_training(voice: Voice, **changed: Any) -> UUID:
    assert voice.tenant is not None
    asked = TrainingRequest(caller=make_caller(voice.tenant), voice=voice.slug, **changed)
    return submit_training(asked).id


def begun(job_id: UUID) -> ClaimedJob:
    """As its worker has it after some steps, with a checkpoint in the store."""
    job = claim_job(job_id, worker="w1")
    assert job is not None
    note_dataset(job.id, REPORT)
    for step in (500, 1_000):
        note_losses(job.id, step, {"mel": 20_000 / step})
    put_checkpoint(job)
    return job


def put_checkpoint(job: ClaimedJob, step: int = 1_000) -> str:
    name = checkpoint_name(job.tenant_id, CHECKPOINT_SHA256)
    audio_store().put(name, CHECKPOINT, media_type=media_type_of(name))
    details = {"step": step, "steps": 2_000, "losses": {"mel": 20.0}, "seconds_left": 60.0}
    assert report_progress(job, step / 2_000, {"sha256": CHECKPOINT_SHA256, "step": step}, details)
    return name


def checkpoints(tenant: Tenant) -> list[str]:
    """Those that lie in the store."""
    names = [stored.name for stored in audio_store().names(f"{tenant.id}/")]
    return [name for name in names if name.endswith(".checkpoint")]
