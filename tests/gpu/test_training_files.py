"""What trainings leave on a worker's disk and in the store: no more than somebody needs."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import F

from gpu_worker import checkpoints
from gpu_worker.beside import beside
from gpu_worker.datasets import REJECTED
from gpu_worker.scratch import remove_abandoned, scratch_folder
from gpu_worker.trainings import Training
from jobs.keeper import Held
from jobs.models import Event, Job
from jobs.patience import LeaseOverError
from synthesis_worker.equipment import engines
from tests.gpu import small_trainers
from tests.gpu.training_workers import ask_training, know, stored, transcribed
from tests.ledger import look, take
from voices.models import Making
from voices.store import checkpoint_name

if TYPE_CHECKING:
    from pathlib import Path

    from tenants.models import Tenant

SUM = hashlib.sha256(b"all it knows").hexdigest()


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_that_is_overtaken_on_its_way_is_stored_and_one_that_was_before_is_not(
    tenant: Tenant, tmp_path: Path, monkeypatch: Any
) -> None:
    know(small_trainers.piper())
    job = take(ask_training(transcribed(tenant)))
    held = Held(job, time.monotonic() + 60)
    file = tmp_path / "00000001.ckpt"
    file.write_bytes(b"all it knows")
    event = {"file": str(file), "step": 1, "base": "scratch", "data": "5"}

    def overtaken(taken: Path) -> str:
        file.unlink()
        return hashlib.sha256(taken.read_bytes()).hexdigest()

    monkeypatch.setattr(checkpoints, "_sum_of", overtaken)
    now = checkpoints.keep_checkpoint(job, held, event, {}, tmp_path)
    del event["file"]
    assert look(job.id).checkpoint == now == {"sha256": SUM, **event}
    assert stored(tenant, "checkpoint") == [checkpoint_name(tenant.id, SUM)]
    overtaken_again = {**event, "file": str(file)}
    assert checkpoints.keep_checkpoint(job, held, overtaken_again, now, tmp_path) == now


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("named", [False, True])
def test_what_comes_too_late_to_be_named_leaves_the_store_unless_a_successor_has_the_same(
    tenant: Tenant, tmp_path: Path, named: bool
) -> None:
    know(small_trainers.piper())
    job = take(ask_training(transcribed(tenant)))
    successors = {"step": 1, "sha256": SUM} if named else None
    Job.objects.filter(id=job.id).update(fence=F("fence") + 1, checkpoint=successors)
    file = tmp_path / "00000001.ckpt"
    file.write_bytes(b"all it knows")
    event = {"file": str(file), "step": 1, "base": "scratch", "data": "5"}
    held = Held(job, time.monotonic() + 60)
    with pytest.raises(LeaseOverError):
        checkpoints.keep_checkpoint(job, held, event, {}, tmp_path)
    assert stored(tenant, "checkpoint") == [checkpoint_name(tenant.id, SUM)] * named


@pytest.mark.django_db(transaction=True)
def test_the_store_has_one_checkpoint_of_a_training(tenant: Tenant, tmp_path: Path) -> None:
    know(small_trainers.piper())
    job = take(ask_training(transcribed(tenant)))
    held, now = Held(job, time.monotonic() + 60), dict[str, Any]()
    for step in (1, 2, 3):
        file = tmp_path / f"{step}.ckpt"
        file.write_bytes(b"all it knows at" + bytes([step]))
        event = {"file": str(file), "step": step, "base": "scratch", "data": "5"}
        now = checkpoints.keep_checkpoint(job, held, event, now, tmp_path)
        assert stored(tenant, "checkpoint") == [checkpoint_name(tenant.id, now["sha256"])]


def test_what_a_killed_worker_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    (tmp_path / "voicemill-training-left" / "data").mkdir(parents=True)
    (tmp_path / "training-of-others").mkdir()
    with scratch_folder(tmp_path) as folder:
        remove_abandoned(tmp_path)
        assert {one.name for one in tmp_path.iterdir()} == {folder.name, "training-of-others"}
    assert [one.name for one in tmp_path.iterdir()] == ["training-of-others"]


def training(tenant: Tenant, folder: Path, monkeypatch: Any, **changed: Any) -> Training:
    trainer = replace(small_trainers.piper(), **changed)
    know(trainer)
    monkeypatch.setitem(engines(), "piper_training", trainer)
    job = take(ask_training(transcribed(tenant), steps=1_000))
    return Training(job, Held(job, time.monotonic() + 600), folder)


@pytest.mark.django_db(transaction=True)
def test_hours_of_steps_are_told_each_ten_seconds(
    tenant: Tenant, tmp_path: Path, monkeypatch: Any
) -> None:
    here, clock = training(tenant, tmp_path, monkeypatch), time.monotonic()
    for step in range(1, 62):
        monkeypatch.setattr("synthesis_worker.telling.time.monotonic", lambda at=step: clock + at)
        here._tell({"step": step, "losses": {"mel": 1.0}, "seconds_left": 1.0})
    assert 5 <= Event.objects.filter(name="job.progress").count() <= 7


@pytest.mark.django_db(transaction=True)
def test_of_all_that_was_left_out_so_much_is_told_and_the_rest_is_counted(
    tenant: Tenant, tmp_path: Path, monkeypatch: Any
) -> None:
    here = training(tenant, tmp_path, monkeypatch)
    here._data._note({"clips": 1, "rejected": [{"code": "clip_too_long"}] * (REJECTED + 5)})
    about = Making.objects.get().about
    assert about
    assert (len(about["rejected"]), about["left_out"]) == (REJECTED, REJECTED + 5)


def test_who_is_told_to_stop_does_not_wait_for_long_work() -> None:
    ended = threading.Event()

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        beside(lambda: ended.wait(60), stop)
    ended.set()
    assert beside(lambda: 7, stop) == 7
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0, stop)
