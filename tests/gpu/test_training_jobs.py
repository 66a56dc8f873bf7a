"""Trainings as jobs, for real: their workers are killed and stopped, and the voices speak."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from jobs.models import Event
from jobs.states import State
from tests.gpu import small_trainers
from tests.gpu.card_workers import SECONDS_TO_START, XttsWorker, all_end, kept, say
from tests.gpu.read_aloud import TEXTS, played, read_aloud
from tests.gpu.training_workers import (
    PATIENCE,
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
    stored,
    stored_past,
    told_steps,
    transcribed,
    voice_of,
)
from tests.integration.test_worker_process import assert_done_once
from tests.ledger import eventually, look
from tests.own import time_passes
from voices.models import Artifact, Making
from voices.owning.checkpoints import forget_checkpoints
from voices.selectors import forget_remembered
from voices.store import artifact_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from uuid import UUID

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


def kill_after_a_checkpoint(worker: CpuWorker, job_id: UUID) -> Job:
    """The job as the worker leaves it."""
    stored_past(job_id, 1)
    worker.kill()
    return look(job_id)


def assert_went_on(left: Job) -> Job:
    """By another worker, from the step that the killed one had stored, and to its end once."""
    assert left.checkpoint
    [job] = all_end([left.id], PATIENCE)
    assert_done_once(job.id)
    assert (job.attempt, job.failures, job.worker) == (2, 0, "second@here")
    later = told_steps(job.id, after=left.events)
    assert later == sorted(later)
    assert later[0] > left.checkpoint["step"]
    return job


def assert_ready(voice: Voice, job: Job, *left_out: tuple[str, str]) -> None:
    """It has an artifact, a curve and a data set; the tenant was told once; little is left.

    `left_out`: of which recordings something was, and why.
    """
    voice.refresh_from_db()
    assert (voice.status, voice.trouble) == ("ready", "")
    assert noted_steps(job.id) == list(range(1, STEPS + 1))
    making, artifact = Making.objects.get(), Artifact.objects.get()
    assert making.about
    assert [(one["source"], one["code"]) for one in making.about["rejected"]] == [*left_out]
    assert artifact.about["clips"] == making.about["clips"] == 4
    assert artifact.about["dataset"] == making.about["digest"]
    assert (artifact.about["language"], artifact.about["steps"]) == ("en-GB", STEPS)
    assert job.checkpoint
    assert artifact.about["base"] == job.checkpoint["base"]
    assert (artifact.about["batch"], artifact.about["seed"]) == (2, 1)
    assert voice.tenant
    assert stored(voice.tenant, "voice") == [artifact_name(voice.tenant.id, artifact.sha256)]
    assert Event.objects.filter(tenant=voice.tenant, name="voice.ready").count() == 1


def assert_one_checkpoint_until_the_sweep(job_id: UUID, lost: set[str], settings: Any) -> None:
    named, tenant = named_by(job_id), look(job_id).tenant
    assert forget_checkpoints() == 0
    time_passes()  # what the killed worker was removing is noted
    eventually(lambda: set(stored(tenant, "checkpoint")) - lost == {named}, PATIENCE)
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
    start: Start, tenant: Tenant, place: Path, settings: Any
) -> None:
    """One line of its recordings is no speech."""
    know(small_trainers.piper())
    music = replace(played(), lines=played().lines[:1])
    voice = voice_of(tenant, read_aloud(TEXTS[:4]), music)
    first = start(TrainingWorker, "first")
    job_id = ask_training(voice, steps=STEPS)
    left = kill_after_a_checkpoint(first, job_id)
    assert left.checkpoint
    assert left.checkpoint["base"] == "scratch"
    lost = lost_by(left)
    assert len(lost) <= 1
    start(TrainingWorker, "second")
    [task] = eventually(lambda: children_in(place), PATIENCE).values()
    assert task["resume"]
    start(PiperWorker, "speaks")
    assert_ready(voice, assert_went_on(left), ("take 2.wav", "transcript_mismatch"))
    assert_one_checkpoint_until_the_sweep(job_id, lost, settings)
    eventually(lambda: not list(place.iterdir()), PATIENCE)
    assert_spoken(tenant, voice, "piper")


def test_xtts_is_taught_a_voice_past_a_killed_worker_and_speaks_with_it(
    start: Start, tenant: Tenant, xtts_models: Path, place: Path, settings: Any
) -> None:
    know(small_trainers.xtts())
    voice = transcribed(tenant, SHORT)
    first = start(XttsTrainingWorker, "first")
    job_id = ask_training(voice, steps=STEPS)
    left = kill_after_a_checkpoint(first, job_id)
    assert left.checkpoint
    assert left.checkpoint["base"]["name"] == "xtts_v2"
    lost = lost_by(left)
    assert len(lost) <= 1
    start(XttsTrainingWorker, "second")
    start(XttsWorker, "speaks")
    assert_ready(voice, assert_went_on(left))
    assert_one_checkpoint_until_the_sweep(job_id, lost, settings)
    eventually(lambda: not list(place.iterdir()), PATIENCE)
    forget_remembered()
    assert_spoken(tenant, voice, "xtts_v2")


def test_a_worker_told_to_stop_hands_its_training_back_with_what_it_has(
    start: Start, tenant: Tenant, place: Path
) -> None:
    know(small_trainers.piper())
    worker = start(PatientTrainingWorker, "leaving")
    job_id = ask_training(transcribed(tenant), steps=500)
    eventually(lambda: noted_steps(job_id), PATIENCE)
    worker.send(signal.SIGTERM)
    assert worker.process.wait(PATIENCE) == 0
    job = look(job_id)
    assert (job.state, job.attempt, job.failures) == (State.QUEUED, 0, 0)
    assert [note["code"] for note in job.trail] == ["drained"]
    assert job.checkpoint
    assert job.checkpoint["step"] >= noted_steps(job_id)[-1]
    assert len(stored(tenant, "checkpoint")) == 1
    assert not list(place.iterdir())
