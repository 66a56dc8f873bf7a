"""What happens after each step: it is told, kept when it is time, and the last one if asked to."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning import Callback
from lightning.pytorch.plugins import CheckpointIO

from gpu_worker.training.keeping import load_weights, save_whole

if TYPE_CHECKING:
    from lightning import LightningModule, Trainer

    from gpu_worker.training.keeping import Checkpoints
    from gpu_worker.training.telling import Task, Teller

OPTIMISERS = 2  # the voice's and the judge's: `global_step` counts both
LOSSES = ("mel", "kl", "dur", "fm", "gen", "disc")


def step_of(counted: int) -> int:
    return counted // OPTIMISERS


class SafeFiles(CheckpointIO):
    """Whole files or none, and none that would run a program."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        save_whole(checkpoint, Path(path))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return load_weights(Path(path), code="checkpoint_damaged")

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class Progress(Callback):
    def __init__(self, task: Task, teller: Teller, checkpoints: Checkpoints) -> None:
        self._task, self._teller, self._checkpoints = task, teller, checkpoints
        self.losses: dict[str, float] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"losses": self.losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.losses = state_dict["losses"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning has put a handler of its own first, which leaves before all is written."""
        signal.signal(signal.SIGTERM, self._teller.stop)
        self._teller.started(step_of(trainer.global_step), self._task.steps)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """A step's chance hangs on its number: a resumed training is the one that was ended."""
        torch.manual_seed(self._task.seed * 1_000_003 + step_of(trainer.global_step))

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        step, metrics = step_of(trainer.global_step), trainer.callback_metrics
        self.losses = {name: float(metrics[f"train_{name}"]) for name in LOSSES}
        self._teller.step(step, self.losses)
        if self._teller.stopping or self._checkpoints.due or step >= self._task.steps:
            self._checkpoints.write(step, trainer.save_checkpoint)
        trainer.should_stop = self._teller.stopping
