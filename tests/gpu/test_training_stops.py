"""A worker's own part of a training ends where nobody wants it any more, or there is no room."""

from __future__ import annotations

import resource
import threading
from typing import TYPE_CHECKING, Any

import pytest

from gpu_worker import checkpoints
from gpu_worker.datasets import DataSet
from gpu_worker.training.dataset import DatasetError
from gpu_worker.training.telling import DiskFull
from gpu_worker.trainings import train_voice
from jobs.keeper import Held, Stop
from jobs.patience import InterruptedJobError
from jobs.presence import worker_name
from jobs.services.claims import end_interrupted
from jobs.services.endings import cancel_job
from jobs.services.workers import drain_worker
from jobs.states import State
from tests.gpu.test_training_files import training
from tests.gpu.training_workers import PATIENCE, put_checkpoint, stored
from tests.ledger import a_worker, eventually, look
from voices import storage
from voices.models import Artifact, Making

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpu_worker.trainings import Training
    from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)
SMALL = 60_000  # bytes: less than a clip


@pytest.fixture
def here(tenant: Tenant, tmp_path: Path, monkeypatch: Any) -> Training:
    return training(tenant, tmp_path, monkeypatch)


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    """Until then work is held up; whoever was left behind ends before the test does."""
    flag = threading.Event()
    yield flag
    flag.set()
    eventually(lambda: "beside" not in [one.name for one in threading.enumerate()], PATIENCE)


def cancel(held: Held) -> None:
    held.stop = Stop.CANCELLED


def drain(_: Held) -> None:
    a_worker("gpu.train", name=worker_name())
    assert drain_worker(name=worker_name())


@pytest.mark.parametrize("stop", [cancel, drain])
def test_a_data_set_is_given_up_in_the_midst_of_a_recording(
    here: Training, go_on: threading.Event, monkeypatch: Any, stop: Callable[[Held], None]
) -> None:
    def read(*_: object) -> None:
        stop(here._held)
        assert go_on.wait(PATIENCE)
        raise OSError("nobody waits for this any more")

    monkeypatch.setattr(DataSet, "_read", read)
    with pytest.raises(InterruptedJobError):
        here._data.build(here._heed)
    assert not go_on.is_set()


def test_a_checkpoint_is_not_fetched_for_a_training_that_is_cancelled(
    here: Training, tmp_path: Path
) -> None:
    put_checkpoint(here._job.id, b"all it knows")
    checkpoint = look(here._job.id).checkpoint or {}
    assert checkpoints.fetch_checkpoint(here._job, here._held, checkpoint, tmp_path).read_bytes()
    cancel(here._held)
    with pytest.raises(InterruptedJobError):
        checkpoints.fetch_checkpoint(here._job, here._held, checkpoint, tmp_path)


def test_a_cancel_does_not_wait_for_a_voice_on_its_way_which_is_kept_nowhere(
    here: Training, tenant: Tenant, go_on: threading.Event, tmp_path: Path, monkeypatch: Any
) -> None:
    store = storage.audio_store()
    put = store.put

    def slowly(name: str, *told: Any, **more: Any) -> None:
        cancel_job(tenant_id=tenant.id, job_id=here._job.id)
        cancel(here._held)
        assert go_on.wait(PATIENCE)
        put(name, *told, **more)

    monkeypatch.setattr(store, "put", slowly)
    with pytest.raises(InterruptedJobError):
        keep(here, tmp_path)
    end_interrupted(here._job, State.CANCELLED)
    go_on.set()
    eventually(lambda: "beside" not in [one.name for one in threading.enumerate()], PATIENCE)
    assert not Artifact.objects.exists()
    assert stored(tenant, "voice") == []


def test_a_voice_on_its_way_is_kept_for_all_that_its_worker_is_told_to_stop(
    here: Training, go_on: threading.Event, tmp_path: Path, monkeypatch: Any
) -> None:
    heed, store = here._heed_all_but_drains, storage.audio_store()
    put = store.put

    def looked() -> None:
        heed()
        go_on.set()

    def slowly(*told: Any, **more: Any) -> None:
        assert go_on.wait(PATIENCE)
        put(*told, **more)

    monkeypatch.setattr(here, "_heed_all_but_drains", looked)
    monkeypatch.setattr(store, "put", slowly)
    here._held.stop = Stop.DRAINED
    keep(here, tmp_path)
    assert look(here._job.id).state == State.SUCCEEDED


def keep(here: Training, folder: Path) -> None:
    here._data.about = {"digest": "5" * 64, "clips": 3, "seconds": 9.0}
    (folder / "voice").write_bytes(b"what was learnt")
    here._keep({"artifact": str(folder / "voice"), "step": 1, "losses": {"mel": 1.0}})


def test_a_worker_s_own_full_disk_is_told_as_such_and_worth_another_try(
    here: Training, settings: Any, tmp_path: Path
) -> None:
    settings.TRAINING_DIR = tmp_path
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, before[1]))
    try:
        with pytest.raises(DiskFull) as full:
            train_voice(here._job, here._held)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (full.value.code, full.value.permanent) == ("disk_full", False)
    assert not list(tmp_path.iterdir())


class Listener:
    """A recogniser that is asked nothing."""

    rested = 0

    def rest(self) -> None:
        self.rested += 1


def test_what_the_engine_leaves_out_is_counted_nowhere_and_the_recogniser_rests(
    tenant: Tenant, tmp_path: Path, monkeypatch: Any
) -> None:
    listener = Listener()
    data = training(tenant, tmp_path, monkeypatch, recogniser=listener)._data
    data.build(lambda: None)
    assert (data.about["clips"], listener.rested) == (4, 1)
    whole = data.about["seconds"]
    out = {"source": "take 1.wav", "start": 1.0, "end": 2.5, "code": "text_unfit", "message": ""}
    data.leave_out([out])
    assert (data.about["clips"], data.about["seconds"]) == (3, round(whole - 1.5, 3))
    with pytest.raises(DatasetError) as few:
        data.leave_out([out, out])
    assert few.value.code == "dataset_too_small"
    told = Making.objects.get().about
    assert told
    assert (told["clips"], told["left_out"]) == (2, 2)
