"""Trainings that do not go well: children that come to grief, lost checkpoints, bad recordings."""

from __future__ import annotations

import os
from dataclasses import replace
from threading import Event as Flag
from threading import enumerate as threads
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from gpu_worker import trainings
from jobs.models import Event
from jobs.services.endings import cancel_job
from jobs.services.housekeeping import queue_due_jobs
from jobs.states import State
from synthesis_worker.contract import Waveform
from synthesis_worker.equipment import engines
from tests.gpu import small_trainers
from tests.gpu.quick_lesson import REJECTED
from tests.gpu.read_aloud import RATE, TEXTS, Reading, played, read_aloud
from tests.gpu.training_workers import (
    PATIENCE,
    ask_training,
    children_in,
    ended,
    know,
    noted_steps,
    put_checkpoint,
    stored,
    stored_past,
    told_steps,
    train_here,
    trained_here,
    transcribed,
    voice_of,
)
from tests.integration.test_worker_process import assert_done_once
from tests.ledger import ago, change, eventually, look
from voices import storage
from voices.models import Artifact, Making
from voices.owning.learning import note_losses
from voices.store.names import media_type_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from gpu_worker.trainers import Trainer
    from gpu_worker.training.dataset import Minimum
    from tenants.models import Tenant

    Quick = Callable[..., None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(400),
]


@pytest.fixture
def trainer(tenant: Tenant, place: Path, monkeypatch: Any) -> Trainer:
    """Piper's, in this process, and known to the ledger."""
    made = small_trainers.piper()
    know(made)
    monkeypatch.setitem(engines(), "piper_training", made)
    return made


@pytest.fixture
def quick(trainer: Trainer, monkeypatch: Any) -> Quick:
    """Its lessons are quick from now on, and come to these griefs, each at a step."""

    def teach(minimum: Minimum = small_trainers.SOME, **griefs: int) -> None:
        program = "tests.gpu.quick_lesson"
        made = replace(trainer, program=program, minimum=minimum, network=griefs)
        monkeypatch.setitem(engines(), "piper_training", made)

    return teach


@pytest.mark.parametrize(
    ("grief", "code"),
    [
        ("stumbles", "training_failed"),
        ("dies", "training_crashed"),
        ("fills the disk", "disk_full"),
    ],
)
def test_a_training_that_comes_to_grief_goes_on_from_what_it_has_stored(
    quick: Quick, tenant: Tenant, settings: Any, grief: str, code: str
) -> None:
    settings.TRAINING_DISK = 1
    quick(**{grief: 2})
    left = trained_here(job_id := ask_training(transcribed(tenant), steps=4))
    assert (left.state, left.failures) == (State.WAITING, 1)
    assert [note["code"] for note in left.trail] == [code]
    assert left.checkpoint
    assert left.checkpoint["step"] == 2
    eventually(queue_due_jobs)
    trained_here(job_id)
    assert_done_once(job_id)
    assert told_steps(job_id, after=left.events)[0] == 3
    assert noted_steps(job_id) == [1, 2, 3, 4]
    assert not list(settings.TRAINING_DIR.iterdir())


def test_a_training_that_failed_goes_on_where_it_is_asked_for_again(
    quick: Quick, tenant: Tenant, settings: Any
) -> None:
    settings.MAX_FAILURES = 1
    quick(stumbles=2)
    voice = transcribed(tenant)
    failed = trained_here(ask_training(voice, steps=4))
    assert (failed.state, failed.error_code) == (State.FAILED, "training_failed")
    change(failed.id, created_at=ago(hours=2))  # one is asked for in an hour
    job = trained_here(ask_training(voice, steps=4))
    assert_done_once(job.id)
    assert told_steps(job.id)[0] == 3
    assert noted_steps(job.id) == [1, 2, 3, 4]
    assert len(stored(tenant, "checkpoint")) == 1


def test_a_cancel_ends_a_training_within_the_step_that_it_is_at(
    quick: Quick, tenant: Tenant, place: Path
) -> None:
    quick(waits=1)
    voice = transcribed(tenant)
    working = train_here(job_id := ask_training(voice, steps=2))
    stored_past(job_id, 0)
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    ended(working)
    assert look(job_id).state == State.CANCELLED
    assert not children_in(place)
    assert not list(place.iterdir())
    voice.refresh_from_db()
    assert (voice.status, Artifact.objects.exists()) == ("none", False)


def test_a_cancel_does_not_wait_for_a_checkpoint_on_its_way_which_is_kept_nowhere(
    quick: Quick, tenant: Tenant, place: Path, monkeypatch: Any
) -> None:
    store, begun, go_on = storage.audio_store(), Flag(), Flag()
    put = store.put

    def slowly(name: str, *told: Any, **more: Any) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        put(name, *told, **more)

    quick(waits=1)
    job_id = ask_training(transcribed(tenant), steps=2)
    monkeypatch.setattr(store, "put", slowly)
    working = train_here(job_id)
    assert begun.wait(PATIENCE)
    cancel_job(tenant_id=tenant.id, job_id=job_id)
    try:
        ended(working, PATIENCE / 3)
    finally:
        go_on.set()
    assert look(job_id).state == State.CANCELLED
    assert not children_in(place)
    eventually(lambda: "beside" not in [one.name for one in threads()], PATIENCE)
    assert stored(tenant, "checkpoint") == []


def of_another_training(job_id: UUID) -> None:
    put_checkpoint(job_id, b"of another training")


def of_another_data_set(job_id: UUID) -> None:
    put_checkpoint(job_id, b"1", data="0" * 64)


def lost(job_id: UUID) -> None:
    storage.audio_store().delete(put_checkpoint(job_id, b"1"))


def cut(job_id: UUID) -> None:
    name = put_checkpoint(job_id, b"12")
    storage.audio_store().put(name, b"1", media_type=media_type_of(name))


@pytest.mark.parametrize(
    ("put", "code"),
    [
        (of_another_training, "checkpoint_unfit"),
        (of_another_data_set, "checkpoint_unfit"),
        (lost, "checkpoint_lost"),
        (cut, "checkpoint_lost"),
    ],
)
def test_a_checkpoint_that_nobody_can_go_on_from_begins_the_training_anew(
    quick: Quick, tenant: Tenant, place: Path, put: Callable[[UUID], None], code: str
) -> None:
    quick()
    job_id = ask_training(transcribed(tenant), steps=2)
    put(job_id)
    note_losses(job_id, 9, {"mel": 1.0})
    trained_here(job_id)
    assert_done_once(job_id)
    assert noted_steps(job_id) == [1, 2]
    told = Event.objects.filter(job_id=job_id, name="job.progress")
    assert told.filter(data__begun_anew=code).count() == 1
    assert not list(place.iterdir())
    about = Making.objects.get().about
    assert about
    assert about["rejected"] == [REJECTED]


def test_what_the_engine_leaves_out_is_not_counted_among_what_it_needs(
    quick: Quick, tenant: Tenant
) -> None:
    quick(replace(small_trainers.SOME, clips=4))
    job = trained_here(ask_training(transcribed(tenant), steps=2))
    assert (job.state, job.error_code) == (State.FAILED, "dataset_too_small")
    assert noted_steps(job.id) == []


def test_a_training_that_takes_too_much_memory_ends_with_its_code(
    trainer: Trainer, tenant: Tenant, place: Path, settings: Any
) -> None:
    settings.TRAINING_MEMORY = 20
    job = trained_here(ask_training(transcribed(tenant), steps=2))
    assert (job.state, job.error_code) == (State.FAILED, "training_no_memory")
    assert "smaller batch" in job.error_message
    assert not children_in(place)
    assert not list(place.iterdir())


class Bomb:
    """A program that makes a folder where it is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_a_base_that_would_run_a_program_ends_the_training_and_nothing_runs(
    trainer: Trainer, tenant: Tenant, place: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    base, ran = tmp_path / "en.ckpt", tmp_path / "ran"
    torch.save({"state_dict": {}, "bomb": Bomb(ran)}, base)
    monkeypatch.setitem(engines(), "piper_training", replace(trainer, bases={"en": base}))
    voice = transcribed(tenant)
    kept = stored(tenant, "wav")
    job = trained_here(ask_training(voice, steps=2))
    assert not ran.exists()
    assert (job.state, job.error_code) == (State.FAILED, "base_damaged")
    assert stored(tenant, "wav") == kept
    assert not list(place.iterdir())


def another_text() -> list[Reading]:
    reading = read_aloud(TEXTS[:4])
    lines = (replace(line, text="Quite another text " * 20) for line in reading.lines)
    return [Reading(reading.sound, tuple(lines))]


def two_people() -> list[Reading]:
    return [read_aloud(TEXTS[4:8]), read_aloud(TEXTS[:4], "en-us+f3")]


def hardly_anything() -> list[Reading]:
    """Two sentences, and a file without a sound."""
    return [read_aloud(TEXTS[:2]), Reading(Waveform(np.zeros(0, np.float32), RATE), LINES)]


LINES = played().lines
BAD: dict[str, tuple[Callable[[], list[Reading]], str, str, set[str]]] = {
    "another text": (another_text, "dataset_all_bad", "what anybody says", {"transcript_mismatch"}),
    "music": (lambda: [played()], "dataset_all_bad", "No speech is heard", {"transcript_mismatch"}),
    "two people": (two_people, "several_speakers", "more than one voice", set()),
    "hardly any": (hardly_anything, "dataset_too_small", "sentences more", {"recording_damaged"}),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_recordings_end_the_training_before_it_begins_and_are_kept(
    trainer: Trainer, tenant: Tenant, place: Path, monkeypatch: Any, what: str
) -> None:
    monkeypatch.setattr(trainings, "Child", None)  # whoever calls it fails otherwise
    readings, code, said, left_out = BAD[what]
    voice = voice_of(tenant, *readings())
    kept = stored(tenant, "wav")
    job = trained_here(ask_training(voice, steps=2))
    assert (job.state, job.error_code, job.attempt) == (State.FAILED, code, 1)
    assert said in job.error_message
    report = Making.objects.get().about
    assert report
    assert {one["code"] for one in report["rejected"]} == left_out
    voice.refresh_from_db()
    assert (voice.status, voice.trouble) == ("failed", job.error_message)
    assert (stored(tenant, "wav"), voice.samples.count()) == (kept, len(readings()))
    assert not list(place.iterdir())
