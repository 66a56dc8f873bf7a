"""What ENGINES of the tests' training workers names: the product's trainers, made small."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpu_worker import equipment
from gpu_worker.training.dataset import Minimum
from tests.gpu.piper_training import RATE, TINY

if TYPE_CHECKING:
    from gpu_worker.trainers import Trainer

SOME = Minimum(seconds=2.0, clips=3, most_seconds=600.0)


def piper() -> Trainer:
    return replace(equipment.piper_training(), network=TINY, minimum=SOME, rate=RATE, batch=2)


def xtts() -> Trainer:
    return replace(
        equipment.xtts_training(), network={"vocoder": 32}, minimum=SOME, batch=2, steps=6
    )
