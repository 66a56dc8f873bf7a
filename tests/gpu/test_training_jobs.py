"""Trainings as jobs, for real: killed, drained, cancelled, refused; and spoken in the end."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from threading import Event as Flag
from threading import enumerate as threads
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gpu_worker import trainings
from jobs.answering import answer_bell
from jobs.models import Event
from jobs.services.endings import cancel_job
from jobs.services.housekeeping import queue_due_jobs
from jobs.states import State
from synthesis_worker.equipment import engines
from tests.gpu import small_trainers
from tests.gpu.card_workers import SECONDS_TO_START, XttsWorker, all_end, kept, say
from tests.gpu.quick_lesson import REJECTED
from tests.gpu.training_workers import (
    SHORT,
    PatientTrainingWorker,
    PiperWorker,
    TrainingWorker,
    XttsTrainingWorker,
    ask_training,
    children_in,
    know,
    lost_by,
    named_by,
    noted_steps,
    put_checkpoint,
    stored,
    stored_past,
    transcribed,
)
from tests.integration.test_worker_process import assert_done_once
from tests.ledger import eventually, look
from tests.own import apart, time_passes
from voices import storage
from voices.models import Artifact, Making
from voices.owning.checkpoints import forget_checkpoints
from voices.owning.learning import note_losses
from voices.selectors import forget_remembered
from voices.store import artifact_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import Thread
    from uuid import UUID

    from gpu_worker.trainers import Trainer
    from jobs.models import Job
    from tenants.models import Tenant
    from tests.integration.test_worker_process import CpuWorker
    from voices.models import Voice

    Start = Callable[[type[CpuWorker], str], CpuWorker]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(400),
]
STEPS = 16  # so that one is killed before it has come to its end
AT_ONCE = 5.0  # seconds: the keeper looks each second


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    """Where trainings have their folders; workers that a test starts have it too."""
    settings.TRAINING_DIR = tmp_path / "trainings"
    settings.TRAINING_DIR.mkdir()
    return tmp_path / "trainings"


@pytest.fixture
def trainer(tenant: Tenant, place: Path, settings: Any, monkeypatch: Any) -> Trainer:
    """Piper's, in this process, and known to the ledger. It stores each step's checkpoint."""
    settings.CHECKPOINT_SECONDS = 0
    made = small_trainers.piper()
    know(made)
    monkeypatch.setitem(engines(), "piper_training", made)
    return made


@pytest.fixture
def xtts_models(tenant: Tenant, xtts_base: Path, models: Path, settings: Any) -> Path:
    """A base, with leave to use it."""
    (models / "xtts_v2").symlink_to(xtts_base)
    settings.MODELS_DIR, settings.ACCEPTED_LICENCES = models, ["CPML"]
    return models


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def start(dispatcher: None, tmp_path: Path, place: Path, models: Path) -> Iterator[Start]:
    started: list[CpuWorker] = []

    def start(kind: type[CpuWorker], name: str) -> CpuWorker:
        more = {"TRAINING_DIR": str(place), "MODELS_DIR": str(models)}
        worker = kind(name, "threads", 1, tmp_path / f"{name}.log", **more)
        started.append(worker)
        eventually(lambda: worker.row, SECONDS_TO_START)
        return worker

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


def train_here(job_id: UUID) -> Thread:
    """In this process, as a worker of trainings would."""
    working = apart(lambda: answer_bell(str(job_id), trainings.train_voice))
    working.start()
    return working


def told_steps(job_id: UUID, after: int = 0) -> list[int]:
    told = Event.objects.filter(job_id=job_id, name="job.progress", number__gt=after)
    assert {event.data["steps"] for event in told} == {STEPS}
    return [event.data["step"] for event in told.order_by("number")]


def kill_after_a_checkpoint(worker: CpuWorker, job_id: UUID) -> Job:
    """The job as the worker leaves it."""
    stored_past(job_id, 1)
    worker.kill()
    return look(job_id)


def assert_went_on(left: Job) -> Job:
    """By another worker, from the step that the killed one had stored, and to its end once."""
    assert left.checkpoint
    [job] = all_end([left.id])
    assert_done_once(job.id)
    assert (job.attempt, job.failures, job.worker) == (2, 0, "second@here")
    later = told_steps(job.id, after=left.events)
    assert later == sorted(later)
    assert later[0] > left.checkpoint["step"]
    return job


def assert_ready(voice: Voice, job: Job) -> None:
    """It has an artifact, a curve and a data set; the tenant was told once; little is left."""
    voice.refresh_from_db()
    assert (voice.status, voice.trouble) == ("ready", "")
    assert noted_steps(job.id) == list(range(1, STEPS + 1))
    making, artifact = Making.objects.get(), Artifact.objects.get()
    assert making.about
    assert (making.about["clips"], making.about["rejected"]) == (artifact.about["clips"], [])
    assert artifact.about["dataset"] == making.about["digest"]
    assert (artifact.about["language"], artifact.about["steps"]) == ("en-GB", STEPS)
    assert voice.tenant
    assert stored(voice.tenant, "voice") == [artifact_name(voice.tenant.id, artifact.sha256)]
    assert Event.objects.filter(tenant=voice.tenant, name="voice.ready").count() == 1


def assert_one_checkpoint_until_the_sweep(job_id: UUID, lost: set[str], settings: Any) -> None:
    named, tenant = named_by(job_id), look(job_id).tenant
    assert forget_checkpoints() == 0
    time_passes()  # what the killed worker was removing is noted
    eventually(lambda: set(stored(tenant, "checkpoint")) - lost == {named}, 30)
    settings.CHECKPOINT_HOURS = 0
    assert forget_checkpoints() == 1
    assert named not in stored(tenant, "checkpoint")


def assert_spoken(tenant: Tenant, voice: Voice, engine: str) -> None:
    [job] = all_end([say(tenant, voice.slug, "It is easy to tell.")])
    assert_done_once(job.id)
    assert job.result
    assert job.result["engine"] == engine
    samples = kept(job).samples
    assert len(samples) > 1000
    assert np.isfinite(samples).all()
    assert samples.any()


def test_a_piper_voice_is_trained_past_a_killed_worker_and_spoken(
    start: Start, tenant: Tenant, trainer: Trainer, place: Path, settings: Any
) -> None:
    voice = transcribed(tenant)
    first = start(TrainingWorker, "first")
    job_id = ask_training(voice, steps=STEPS)
    left = kill_after_a_checkpoint(first, job_id)
    lost = lost_by(left)
    assert len(lost) <= 1
    start(TrainingWorker, "second")
    [task] = eventually(lambda: children_in(place), 60).values()
    assert task["resume"]
    start(PiperWorker, "speaks")
    assert_ready(voice, assert_went_on(left))
    assert_one_checkpoint_until_the_sweep(job_id, lost, settings)
    assert not list(place.iterdir())
    assert_spoken(tenant, voice, "piper")


def test_xtts_is_taught_a_voice_past_a_killed_worker_and_speaks_with_it(
    start: Start, tenant: Tenant, xtts_models: Path, place: Path, settings: Any
) -> None:
    know(small_trainers.xtts())
    voice = transcribed(tenant, SHORT)
    first = start(XttsTrainingWorker, "first")
    job_id = ask_training(voice, steps=STEPS)
    left = kill_after_a_checkpoint(first, job_id)
    lost = lost_by(left)
    assert len(lost) <= 1
    start(XttsTrainingWorker, "second")
    start(XttsWorker, "speaks")
    assert_ready(voice, assert_went_on(left))
    assert_one_checkpoint_until_the_sweep(job_id, lost, settings)
    assert not list(place.iterdir())
    forget_remembered()
    assert_spoken(tenant, voice, "xtts_v2")


def test_a_worker_told_to_stop_hands_its_training_back_with_what_it_has(
    start: Start, tenant: Tenant, trainer: Trainer, place: Path
) -> None:
    worker = start(PatientTrainingWorker, "leaving")
    job_id = ask_training(transcribed(tenant), steps=500)
    eventually(lambda: noted_steps(job_id), 60)
    worker.send(signal.SIGTERM)
    assert worker.process.wait(30) == 0
    job = look(job_id)
    assert (job.state, job.attempt, job.failures) == (State.QUEUED, 0, 0)
    assert [note["code"] for note in job.trail] == ["drained"]
    assert job.checkpoint
    assert job.checkpoint["step"] >= noted_steps(job_id)[-1]
    assert len(stored(tenant, "checkpoint")) == 1
    assert not list(place.iterdir())


def test_a_child_that_dies_is_followed_by_one_that_goes_on_and_a_cancel_ends_it(
    trainer: Trainer, tenant: Tenant, place: Path
) -> None:
    voice = transcribed(tenant)
    job_id = ask_training(voice, steps=trainings.POINTS)
    working = train_here(job_id)
    step = stored_past(job_id, 0)
    for child in children_in(place):
        os.kill(child, signal.SIGKILL)
    working.join(30)
    job = look(job_id)
    assert (job.state, job.failures) == (State.WAITING, 1)
    assert [note["code"] for note in job.trail] == ["training_crashed"]
    eventually(queue_due_jobs)
    working = train_here(job_id)
    stored_past(job_id, step + 1)
    noted = noted_steps(job_id)  # once: it goes on meanwhile
    assert noted == list(range(1, len(noted) + 1))
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    asked_at = time.monotonic()
    working.join(30)
    assert time.monotonic() - asked_at < AT_ONCE
    assert look(job_id).state == State.CANCELLED
    assert not children_in(place)
    assert not list(place.iterdir())
    voice.refresh_from_db()
    assert (voice.status, Artifact.objects.exists()) == ("none", False)


def test_a_cancel_does_not_wait_for_a_checkpoint_on_its_way_which_is_kept_nowhere(
    trainer: Trainer, tenant: Tenant, place: Path, monkeypatch: Any
) -> None:
    store, begun, go_on = storage.audio_store(), Flag(), Flag()
    put = store.put

    def slowly(name: str, *told: Any, **more: Any) -> None:
        begun.set()
        assert go_on.wait(60)
        put(name, *told, **more)

    job_id = ask_training(transcribed(tenant), steps=500)
    monkeypatch.setattr(store, "put", slowly)
    working = train_here(job_id)
    assert begun.wait(60)
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    working.join(AT_ONCE)
    assert look(job_id).state == State.CANCELLED
    assert not children_in(place)
    go_on.set()
    eventually(lambda: "beside" not in [one.name for one in threads()], 30)
    assert stored(tenant, "checkpoint") == []


def test_a_checkpoint_that_nobody_can_go_on_from_begins_the_training_anew(
    trainer: Trainer, tenant: Tenant, place: Path, monkeypatch: Any
) -> None:
    quick = replace(trainer, program="tests.gpu.quick_lesson")
    monkeypatch.setitem(engines(), "piper_training", quick)
    voice = transcribed(tenant)
    job_id = ask_training(voice, steps=2)
    put_checkpoint(job_id, b"of another training")
    note_losses(job_id, 9, {"mel": 1.0})
    train_here(job_id).join(60)
    assert_done_once(job_id)
    assert noted_steps(job_id) == [1, 2]
    told = Event.objects.filter(job_id=job_id, name="job.progress")
    assert told.filter(data__begun_anew="checkpoint_unfit").count() == 1
    assert not list(place.iterdir())
    about = Making.objects.get().about
    assert about
    assert about["rejected"] == [REJECTED]


def test_a_bad_data_set_ends_the_training_before_it_begins(
    trainer: Trainer, tenant: Tenant, monkeypatch: Any
) -> None:
    monkeypatch.setattr(trainings, "Child", None)  # whoever calls it fails otherwise
    voice = transcribed(tenant, spoken=["Quite another text " * 20] * 4)
    job_id = ask_training(voice)
    train_here(job_id).join(60)
    job = look(job_id)
    assert (job.state, job.error_code) == (State.FAILED, "dataset_all_bad")
    assert "not what anybody says" in job.error_message
    report = Making.objects.get().about
    assert report
    [left_out, *_] = report["rejected"]
    assert (left_out["source"], left_out["code"]) == ("take 1.wav", "transcript_mismatch")
    voice.refresh_from_db()
    assert (voice.status, voice.trouble) == ("failed", job.error_message)


def test_a_training_that_takes_too_much_memory_ends_with_its_code(
    trainer: Trainer, tenant: Tenant, place: Path, settings: Any
) -> None:
    settings.TRAINING_MEMORY = 20
    job_id = ask_training(transcribed(tenant))
    train_here(job_id).join(60)
    job = look(job_id)
    assert (job.state, job.error_code) == (State.FAILED, "training_no_memory")
    assert "smaller batch" in job.error_message
    assert not children_in(place)
    assert not list(place.iterdir())
