"""What a training worker offers, and what it tells of hours and of what it began with."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gpu_worker import equipment
from gpu_worker.training.telling import TrainingFailed
from tests.gpu import small_trainers
from tests.gpu.test_training_files import training

if TYPE_CHECKING:
    from pathlib import Path

    from gpu_worker.trainings import Training
    from tenants.models import Tenant

SUM = hashlib.sha256(b"all it knows").hexdigest()


def test_no_more_steps_are_offered_than_its_hours_allow(settings: Any) -> None:
    trainer = replace(small_trainers.piper(), seconds_a_step=0.5)
    settings.TRAINING_HOURS = 2
    told = trainer.capabilities.dials["steps"]
    assert (told.low, told.high) == (1, 14_400)
    settings.TRAINING_HOURS = 1
    assert trainer.capabilities.dials["steps"].default <= 7_200


@pytest.mark.parametrize(
    ("device", "most"), [("cpu", 15_709), ("cuda", 172_800), ("cuda:1", 172_800)]
)
def test_a_card_does_more_steps_in_a_day_than_two_cores(
    device: str, most: int, settings: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    settings.DEVICE, settings.WHISPER_DIR = device, ""
    assert equipment.piper_training().capabilities.dials["steps"].high == most


@pytest.mark.django_db(transaction=True)
def test_steps_that_do_not_fit_into_its_hours_are_told_after_ten_of_them(
    tenant: Tenant, tmp_path: Path, monkeypatch: Any, settings: Any
) -> None:
    here = training(tenant, tmp_path, monkeypatch)
    settings.TRAINING_HOURS = 1
    for step in range(1, 10):
        tell(here, step, seconds_left=7_200.0)
    with pytest.raises(TrainingFailed, match=r"2\.0 h more.*over 1 h: ask for 495 steps") as told:
        tell(here, 10, seconds_left=7_200.0)
    assert (told.value.code, told.value.permanent) == ("training_too_long", True)


@pytest.mark.django_db(transaction=True)
def test_it_is_judged_by_what_is_left_of_its_hours_and_once(
    tenant: Tenant, tmp_path: Path, monkeypatch: Any, settings: Any
) -> None:
    here = training(tenant, tmp_path, monkeypatch)
    settings.TRAINING_HOURS = 1
    for step in range(1, 11):
        tell(here, step, seconds_left=3_500.0)
    tell(here, 11, seconds_left=7_200.0)  # a checkpoint was on its way
    here._began, here._heard = time.monotonic() - 200, 9
    with pytest.raises(TrainingFailed):
        tell(here, 12, seconds_left=3_500.0)


def tell(here: Training, step: int, *, seconds_left: float) -> None:
    here._tell({"step": step, "losses": {"mel": 1.0}, "seconds_left": seconds_left})


@pytest.mark.django_db(transaction=True)
def test_what_it_began_with_is_told_also_where_another_worker_has_another_base(
    tenant: Tenant, tmp_path: Path, monkeypatch: Any
) -> None:
    base = tmp_path / "en-other.ckpt"
    base.write_bytes(b"all it knows")
    here = training(tenant, tmp_path, monkeypatch, bases={"en-other": base})
    here._checkpoint = {"base": "scratch"}
    assert based(here, tmp_path / "resume.ckpt") == "scratch"
    own = {"name": "en-other", "sha256": SUM}
    assert based(here, None) == own
    here._checkpoint = {"sha256": SUM, "step": 1}  # from before it was kept
    assert based(here, tmp_path / "resume.ckpt") == own


def based(here: Training, resume: Path | None) -> Any:
    work = here._write_task(resume).with_name("work")
    work.rmdir()
    return here._base


@pytest.mark.parametrize("missing", ["", "dvae.pth", "mel_stats.pth", "licence"])
def test_xtts_is_offered_for_training_only_where_all_that_it_begins_with_is_there(
    missing: str, tmp_path: Path, settings: Any
) -> None:
    settings.MODELS_DIR, settings.WHISPER_DIR = tmp_path, ""
    settings.ACCEPTED_LICENCES = [] if missing == "licence" else ["CPML"]
    (tmp_path / "xtts_v2").mkdir()
    for name in {"dvae.pth", "mel_stats.pth"} - {missing}:
        (tmp_path / "xtts_v2" / name).touch()
    assert bool(equipment.xtts_training().bases) == (not missing)
